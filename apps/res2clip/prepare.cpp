#include <algorithm>

#include "res2clip/data/layout.hpp"

#include "command.hpp"

namespace res2clip::app {

void add_prepare(CLI::App& program, Run& run) {
  struct Options {
    std::string dataset = "mvtec", data, output;
    bool quiet = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("prepare", "Writes the meta.json of a data set");
  command->add_option("--dataset", options->dataset, "mvtec, visa, btad, mpdd, dtd or folder")
      ->capture_default_str();
  command->add_option("--data", options->data, "Root folder of the data set")->required()->type_name("DIR");
  command->add_option("--output,-o", options->output, "Where to write (default: meta.json in the root)")
      ->type_name("FILE");
  command->add_flag("-q,--quiet", options->quiet, "No remarks");
  command->footer("Example: res2clip prepare --dataset mvtec --data mvtec_anomaly_detection");
  command->callback([options, &run] {
    run = [options] {
      const Dataset dataset =
          load_dataset({value_of<Layout>(options->dataset, "--dataset"), options->data, {}});
      const Path output = options->output.empty() ? Path(options->data) / "meta.json" : Path(options->output);
      write_meta(dataset, output);
      if (options->quiet) return;
      for (const auto& category : dataset.categories) {
        const auto& test = dataset.test.at(category);
        const auto anomalous =
            std::count_if(test.begin(), test.end(), [](const Sample& s) { return s.anomalous; });
        note(category + ": " + std::to_string(dataset.train.at(category).size()) + " train, " +
             std::to_string(test.size()) + " test (" + std::to_string(anomalous) + " anomalous)");
      }
      note(output.string() + " written");
    };
  });
}

}  // namespace res2clip::app
