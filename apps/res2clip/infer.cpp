#include <iostream>

#include <ATen/ops/cat.h>

#include "res2clip/core/progress.hpp"
#include "res2clip/data/inputs.hpp"
#include "res2clip/pipeline/pipeline.hpp"

#include "command.hpp"
#include "infer_output.hpp"

namespace res2clip::app {
namespace {

struct InferOptions : CommonOptions {
  std::string backbone, bank, checkpoint;
  std::vector<std::string> references, inputs;
  InferOutputOptions output;
};

/// Images that cannot be read are reported and left out; the others go on.
class Inspection {
 public:
  explicit Inspection(const InferOptions& options)
      : pipeline_(Pipeline::load(options.backbone, options.resolve(), options.checkpoint)),
        output_(options.output) {
    bank_ = options.bank.empty() ? pipeline_.remember(expand_inputs(options.references, std::cin))
                                 : pipeline_.open_bank(options.bank);
  }

  std::size_t batch_size() const { return static_cast<std::size_t>(pipeline_.settings().compute.batch_size); }
  bool failed() const { return failed_ > 0; }
  std::string failures() const {
    return std::to_string(failed_) + " of " + std::to_string(seen_) + " images could not be read";
  }

  /// Pictures one batch; `names` are their output names.
  void inspect(std::span<const Path> images, std::span<const std::string> names) {
    std::vector<Path> paths;
    std::vector<std::string> kept;
    std::vector<at::Tensor> prepared;
    for (std::size_t i = 0; i < images.size(); ++i) {
      ++seen_;
      try {
        prepared.push_back(pipeline_.prepare(images.subspan(i, 1)));
        paths.push_back(images[i]);
        kept.push_back(names[i]);
      } catch (const Error& error) {
        ++failed_;
        output_.write_failure(images[i], error.what());
      }
    }
    if (prepared.empty()) return;
    const Detection detection = pipeline_.detector().detect(pipeline_.encode(at::cat(prepared)), bank_);
    for (std::size_t i = 0; i < paths.size(); ++i)
      output_.write(paths[i], kept[i], detection, static_cast<std::int64_t>(i));
  }

 private:
  Pipeline pipeline_;
  ReferenceBank bank_;
  InferOutput output_;
  std::size_t seen_ = 0, failed_ = 0;
};

void inspect_list(Inspection& inspection, const std::vector<Path>& images, bool quiet) {
  const std::vector<std::string> names = output_names(images);
  ProgressBar bar("infer", quiet);
  const std::size_t batch = inspection.batch_size();
  for (std::size_t first = 0; first < images.size() && !interrupted(); first += batch) {
    const std::size_t count = std::min(batch, images.size() - first);
    bar.update(static_cast<std::int64_t>(first), static_cast<std::int64_t>(images.size()));
    bar.finish();
    inspection.inspect(std::span(images).subspan(first, count), std::span(names).subspan(first, count));
  }
}

/// Paths from standard input are answered one by one, as they come.
void inspect_stream(Inspection& inspection, std::istream& stream) {
  std::string line;
  while (!interrupted() && std::getline(stream, line)) {
    if (line.empty()) continue;
    const Path path(line);
    const std::string name = stream_output_name(path);
    inspection.inspect(std::span(&path, 1), std::span(&name, 1));
  }
}

void infer(const InferOptions& options) {
  if (options.bank.empty() == options.references.empty())
    throw settings_error(
        "infer needs good parts to compare with: either --reference IMAGE... or --bank FILE");
  const bool stream = options.inputs.size() == 1 && options.inputs[0] == "-";
  const std::vector<Path> images = stream ? std::vector<Path>{} : expand_inputs(options.inputs, std::cin);
  watch_interrupts();
  Inspection inspection(options);
  if (stream)
    inspect_stream(inspection, std::cin);
  else
    inspect_list(inspection, images, options.quiet);
  if (interrupted()) throw runtime_error("interrupted; what was printed is complete");
  if (inspection.failed()) throw data_error(inspection.failures());
}

}  // namespace

void add_infer(CLI::App& program, Run& run) {
  auto options = std::make_shared<InferOptions>();
  CLI::App* command =
      program.add_subcommand("infer", "Where and how much do pictures differ from good parts?");
  command->add_option("--backbone", options->backbone, "Archive that `export` wrote")
      ->required()
      ->type_name("FILE");
  command->add_option("--reference", options->references, "Pictures of good parts: files, folders or globs")
      ->type_name("IMAGE");
  command->add_option("--bank", options->bank, "Instead: a bank that `bank` wrote")->type_name("FILE");
  command->add_option("--checkpoint", options->checkpoint, "Adapter weights (fine-tuned mode)")
      ->type_name("FILE");
  command->add_option("--output,-o", options->output.folder, "Write overlays (PNG) and raw maps (.npy) here")
      ->type_name("DIR");
  command->add_flag("--json", options->output.json, "JSON lines instead of a table");
  command->add_option("--threshold", options->output.threshold, "Scores above this are called anomalous");
  command
      ->add_option("--range", options->output.range,
                   "Map values shown as cold and as hot (default: from each map)")
      ->expected(2)
      ->allow_extra_args(false)  // pictures may follow
      ->type_name("LOW HIGH");
  command
      ->add_option("images", options->inputs,
                   "Pictures to inspect: files, folders, globs, or - for paths on standard input")
      ->required();
  options->add_to(*command);
  command->footer(
      "Examples:\n"
      "  res2clip infer --backbone clip.pt --reference good1.png good2.png --output out -- photos/\n"
      "  find photos -name '*.png' | res2clip infer --backbone clip.pt --bank part.bank --json -");
  command->callback([options, &run] { run = [options] { infer(*options); }; });
}

}  // namespace res2clip::app
