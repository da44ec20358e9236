#include <algorithm>

#include "res2clip/data/layout.hpp"
#include "res2clip/eval/published.hpp"

#include "command.hpp"
#include "remarks.hpp"

namespace res2clip::app {

namespace {

std::string counts_line(const Dataset& dataset, const std::string& category) {
  const auto& test = dataset.test.at(category);
  const auto anomalous = std::count_if(test.begin(), test.end(), [](const Sample& s) { return s.anomalous; });
  return category + ": " + std::to_string(dataset.train.at(category).size()) + " train, " +
         std::to_string(test.size()) + " test (" + std::to_string(anomalous) + " anomalous)";
}

std::int64_t normal_count(const std::vector<Sample>& samples) {
  return std::count_if(samples.begin(), samples.end(), [](const Sample& s) { return !s.anomalous; });
}

/// All classes together, and whether a data set of the paper has as many test images as Table 5 says.
std::vector<std::string> total_lines(const Dataset& dataset) {
  std::size_t train = 0, test = 0;
  std::int64_t normal = 0;
  for (const std::string& category : dataset.categories) {
    train += dataset.train.at(category).size();
    test += dataset.test.at(category).size();
    normal += normal_count(dataset.test.at(category));
  }
  const std::int64_t anomalous = static_cast<std::int64_t>(test) - normal;
  std::vector<std::string> lines = {"all " + std::to_string(dataset.categories.size()) +
                                    " classes: " + std::to_string(train) + " train, " + std::to_string(test) +
                                    " test (" + std::to_string(anomalous) + " anomalous)"};
  if (const PublishedDataset* const paper = published_dataset(dataset.categories))
    lines.push_back(normal == paper->normal && anomalous == paper->anomalous
                        ? "as many test images as the paper's " + paper->title
                        : "remark: the paper's " + paper->title + " has " + std::to_string(paper->normal) +
                              " normal and " + std::to_string(paper->anomalous) + " anomalous test images");
  return lines;
}

}  // namespace

void add_prepare(CLI::App& program, Run& run) {
  struct Options {
    std::string dataset = "mvtec", data, output;
    std::vector<std::string> good = DatasetOptions{}.good;
    bool skip_broken = false, quiet = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("prepare", "Writes the meta.json of a data set");
  command
      ->add_option("--dataset", options->dataset,
                   dataset_names() + "; folders are told apart by what they hold")
      ->capture_default_str();
  command->add_option("--data", options->data, "Root folder of the data set")->required()->type_name("DIR");
  command->add_option("--output,-o", options->output, "Where to write (default: meta.json in the root)")
      ->type_name("FILE");
  command
      ->add_option("--good", options->good,
                   "Folders of normal images have this name (default: good, ok, normal)")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->type_name("NAME");
  command->add_flag("--skip-broken", options->skip_broken,
                    "Go on without images whose masks are absent, and say which");
  command->add_flag("-q,--quiet", options->quiet, "No remarks");
  command->footer("Example: res2clip prepare --dataset mvtec --data mvtec_anomaly_detection");
  command->callback([options, &run] {
    run = [options] {
      Dataset dataset = load_dataset({value_of<Layout>(options->dataset, "--dataset"),
                                      options->data,
                                      {},
                                      options->good,
                                      options->skip_broken});
      require_training_images(dataset, options->skip_broken);
      const Path output = options->output.empty() ? dataset.root / "meta.json" : Path(options->output);
      write_meta(dataset, output);
      if (options->quiet) return;
      note_remarks(dataset);
      for (const auto& category : dataset.categories) note(counts_line(dataset, category));
      for (const std::string& line : total_lines(dataset)) note(line);
      note(output.string() + " written");
    };
  });
}

}  // namespace res2clip::app
