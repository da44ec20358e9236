#include <algorithm>
#include <exception>
#include <iostream>

#include "res2clip/data/examination.hpp"
#include "res2clip/data/inputs.hpp"
#include "res2clip/pipeline/inspector.hpp"

#include "command.hpp"
#include "infer_output.hpp"
#include "progress_bar.hpp"
#include "remarks.hpp"

namespace res2clip::app {
namespace {

struct InferOptions : CommonOptions {
  std::string backbone, bank, checkpoint, folder;
  std::vector<std::string> references, inputs;
  bool recursive = false;
  bool zero_shot = false;
  InferOutputOptions output;
  bool timings = false;
  bool exit_code = false;
};

// Exit codes of --exit-code, apart from those of errors (1 to 3).
constexpr int kSomeAnomalous = 10, kSomeUnknown = 11;

void require_no_interrupt() {
  if (interrupted()) throw runtime_error("interrupted; what was printed is complete");
}

/// Inspects images, and prints a line for each in their order. Those that cannot be read are reported and
/// left out; the others go on.
class Inspection {
 public:
  Inspection(const Pipeline& pipeline, ReferenceBank bank, OutputFiles& files, InferOutputOptions how,
             bool show_progress)
      : files_(files),
        output_(files, std::move(how)),
        bar_("infer", !show_progress),
        inspector_(pipeline, std::move(bank), files.wanted(), stages()) {}

  /// `names` are the names of the output files.
  void inspect(std::span<const Path> images, std::span<const std::string> names) {
    for (const std::string& name : names) files_.require_free(name);
    images_ = images;
    names_ = names;
    delivered_ = 0;
    show_progress();
    inspector_.inspect(images);
    bar_.finish();
  }

  /// Reports a line of input that stands for no image.
  void report_absent(const std::string& line, const Error& why) {
    ++seen_;
    report(line, why);
  }

  /// Throws a data error where nothing was asked for.
  void require_some() const {
    if (seen_ == 0) throw data_error("standard input names no images");
  }
  /// Throws a data error where there was a failure.
  void require_no_failure() const {
    if (failed_ > 0)
      throw data_error(std::to_string(failed_) + " of " + std::to_string(seen_) +
                       " images could not be read");
  }

  /// The exit code of --exit-code.
  int verdict_code() const { return anomalous_ > 0 ? kSomeAnomalous : unknown_ > 0 ? kSomeUnknown : 0; }

  std::vector<std::string> timings() const { return stage_table(inspector_.times(), inspector_.seconds()); }

 private:
  InspectionStages stages() {
    InspectionStages stages;
    stages.finish = [this](const InspectedImage& image) -> InOrder::Rest {
      const ImageRead& file = image.file;
      const Finding finding =
          output_.write({images_[image.index], names_[image.index], file.pixels, file.height, file.width},
                        *image.scores, image.row);
      return [this, finding] {
        deliver([&] { output_.print_line(finding); });
        count(finding);
      };
    };
    stages.failed = [this](std::size_t index, const std::exception_ptr& failure) {
      deliver([&] { report_failure(images_[index], failure); });
    };
    stages.stop_requested = interrupted;
    return stages;
  }

  /// Prints, and shows how many of all images are done until the next line is printed.
  template <class Print>
  void deliver(const Print& print_it) {
    ++seen_;
    bar_.finish();
    print_it();
    ++delivered_;
    show_progress();
  }
  void show_progress() { bar_.update(delivered_, static_cast<std::int64_t>(images_.size())); }

  void count(const Finding& finding) {
    if (!finding.judgement) return;
    anomalous_ += finding.judgement->verdict == Verdict::anomalous ? 1 : 0;
    unknown_ += finding.judgement->verdict == Verdict::unknown ? 1 : 0;
  }

  void report(const Path& image, const Error& why) {
    ++failed_;
    output_.write_failure(image, why.what());
  }
  void report_failure(const Path& image, const std::exception_ptr& failure) {
    try {
      std::rethrow_exception(failure);
    } catch (const Error& error) {
      report(image, error);
    }
  }

  const OutputFiles& files_;
  InferOutput output_;
  ProgressBar bar_;
  std::span<const Path> images_;
  std::span<const std::string> names_;
  std::int64_t delivered_ = 0;
  std::size_t seen_ = 0, failed_ = 0, anomalous_ = 0, unknown_ = 0;
  Inspector inspector_;  // last: its threads use the others
};

/// The images that a line of standard input stands for.
void inspect_line(Inspection& inspection, OutputFiles& files, const std::string& line, bool recursive) {
  std::vector<Path> images;
  try {
    images = find_inputs({line}, std::cin, recursive).images;
  } catch (const Error& error) {
    return inspection.report_absent(line, error);
  }
  std::vector<std::string> names;
  for (const Path& image : images) {
    files.protect(image);
    names.push_back(stream_output_name(image));
  }
  inspection.inspect(images, names);
}

/// Lines of standard input are answered one by one, as they come.
void inspect_stream(Inspection& inspection, OutputFiles& files, bool recursive) {
  InputLines lines(std::cin);
  std::string line;
  while (!interrupted() && lines.next(line) && !interrupted())
    if (line != "-") inspect_line(inspection, files, line, recursive);
  if (!interrupted()) inspection.require_some();
}

bool names_standard_input(const std::vector<std::string>& arguments) {
  return std::find(arguments.begin(), arguments.end(), "-") != arguments.end();
}

void require_sensible(const InferOptions& options) {
  require_sensible(options.output);
  const bool compares = !options.bank.empty() || !options.references.empty();
  if (options.zero_shot && compares)
    throw settings_error("--zero-shot uses no good parts; leave out --reference and --bank");
  if (!options.zero_shot && options.bank.empty() == options.references.empty())
    throw settings_error(
        "infer needs good parts to compare with: either --reference IMAGE or --bank FILE (or --zero-shot: "
        "none)");
  if (names_standard_input(options.references) && names_standard_input(options.inputs))
    throw settings_error("- (standard input) names references or images, not both");
}

void require_apart(const std::vector<Path>& references, const std::vector<Path>& images) {
  FileSet good;
  for (const Path& reference : references) good.add(reference);
  for (const Path& image : images)
    if (good.contains(image))
      throw settings_error(image.string() +
                           ": is both a reference and an image to inspect; --reference takes one file, "
                           "folder or quoted pattern, and is repeatable");
}

/// The user's images, and a folder that cannot be written, stop the run before anything is encoded.
void require_room(OutputFiles& files, const std::vector<Path>& references, const std::vector<Path>& images,
                  const std::vector<std::string>& names) {
  if (!files.wanted()) return;
  for (const auto* own : {&references, &images})
    for (const Path& path : *own) files.protect(path);
  for (const std::string& name : names) files.require_free(name);
  require_writable(files.folder());
}

/// Empty for --zero-shot.
ReferenceBank bank_of(const Pipeline& pipeline, const InferOptions& options,
                      const std::vector<Path>& references) {
  if (options.zero_shot) return {};
  if (!options.bank.empty()) return pipeline.open_bank(options.bank);
  ProgressBar bar("references", options.quiet);
  return pipeline.remember(references,
                           [&bar](std::int64_t done, std::int64_t total, const std::string& text) {
                             require_no_interrupt();
                             bar.update(done, total, text);
                           });
}

/// The images that arguments stand for; says what is passed over in folders.
std::vector<Path> listed(const std::vector<std::string>& arguments, const InferOptions& options) {
  Inputs inputs = find_inputs(arguments, std::cin, options.recursive);
  if (!options.quiet) note_left_out(inputs.left_out);
  return std::move(inputs.images);
}

/// A calibration holds for the settings that it was made with alone; says so if they are other ones.
void drop_other_calibration(const Pipeline& pipeline, ReferenceBank& bank, const InferOptions& options) {
  if (!bank.calibration) return;
  const std::vector<std::string> changed = pipeline.changed_since(*bank.calibration);
  if (changed.empty()) return;
  if (!options.quiet)
    note("remark: " + options.bank +
         ": threshold and limits of this bank are not used: they were taken with other settings (" +
         one_of(changed) + "); make it again with `res2clip bank` and these");
  bank.calibration.reset();
}

/// What images are judged by: --threshold, else the bank's own.
Measure measure_of(const ReferenceBank& bank, const InferOptions& options) {
  Measure measure = res2clip::measure_of(bank, options.output.threshold);
  if (options.exit_code && !measure.threshold)
    throw settings_error(
        "--exit-code needs a threshold: a bank that `res2clip bank` made of four or more references with "
        "these "
        "settings, or --threshold");
  return measure;
}

/// Returns the exit code.
int infer(const InferOptions& options) {
  require_sensible(options);
  const Settings settings = options.resolve().method;
  InferOutputOptions how = options.output;
  how.overlay = settings.overlay;
  OutputFiles files(options.folder);
  const bool stream = options.inputs.size() == 1 && options.inputs[0] == "-";
  std::vector<Path> references, images;
  if (!options.references.empty()) {
    references = listed(options.references, options);
    leave_out_unusable(references, /*skip_broken=*/false, settings.image.reading);
  }
  if (!stream) images = listed(options.inputs, options);
  const std::vector<std::string> names = output_names(images);
  require_apart(references, images);
  require_room(files, references, images, names);

  watch_interrupts();
  const Pipeline pipeline = Pipeline::load(options.backbone, settings, options.checkpoint);
  if (!options.quiet)
    note((options.zero_shot      ? "no references: the text branch alone, "
          : options.bank.empty() ? std::to_string(references.size()) + " reference(s), "
                                 : options.bank + ", ") +
         (stream ? "images from standard input" : std::to_string(images.size()) + " image(s)"));
  ReferenceBank bank = bank_of(pipeline, options, references);
  for (const std::string& reference : bank.origin.references) files.protect(reference);
  drop_other_calibration(pipeline, bank, options);
  how.measure = measure_of(bank, options);
  if (files.wanted() && how.overlay.calm == 0) how.overlay.calm = calm_of(pipeline.detector(), bank);
  Inspection inspection(pipeline, std::move(bank), files, std::move(how), !options.quiet && !stream);
  if (stream)
    inspect_stream(inspection, files, options.recursive);
  else
    inspection.inspect(images, names);
  if (!options.quiet) note_remarks(pipeline.remarks());
  if (options.timings)
    for (const std::string& line : inspection.timings()) note(line);
  require_no_interrupt();
  inspection.require_no_failure();
  return options.exit_code ? inspection.verdict_code() : 0;
}

}  // namespace

void add_infer(CLI::App& program, Run& run, int& exit_code) {
  auto options = std::make_shared<InferOptions>();
  CLI::App* command = program.add_subcommand("infer", "Where and how much do images differ from good parts?");
  command->add_option("--backbone", options->backbone, "Archive that `export` wrote")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--reference", options->references,
                   "Images of good parts: a file, folder or quoted glob; repeatable")
      ->allow_extra_args(false)  // images may follow
      ->type_name("IMAGE");
  command->add_option("--bank", options->bank, "Instead: a bank that `bank` wrote")->type_name("FILE");
  command->add_flag("--zero-shot", options->zero_shot,
                    "Instead: no good parts; the text branch alone scores images");
  command->add_option("--checkpoint", options->checkpoint, "Adapter weights (fine-tuned mode)")
      ->type_name("FILE");
  command->add_option("--output,-o", options->folder, "Write overlays (PNG) and raw maps (.npy) here")
      ->type_name("DIR");
  command->add_flag("--recursive", options->recursive, "Take the images of folders below as well");
  command->add_flag("--json", options->output.json, "JSON lines instead of a table");
  command->add_option("--threshold", options->output.threshold,
                      "Scores above this are called anomalous (default: the bank's)");
  command->add_flag("--exit-code", options->exit_code,
                    "Exit with 10 if any image is anomalous, else with 11 if any is unknown");
  command
      ->add_option(
          "--range", options->output.range,
          "Map values shown as cold and as hot (default: the bank's, with what good parts reach in the "
          "middle; without a calibrated bank each map's median and its maximum, or half as far again "
          "as good parts reach if that is more)")
      ->expected(2)
      ->allow_extra_args(false)  // images may follow
      ->type_name("LOW HIGH");
  command->add_flag("--timings", options->timings, "At the end, print how busy each stage was");
  command
      ->add_option("images", options->inputs,
                   "Images to inspect: files, folders, globs, or - for paths on standard input")
      ->required();
  options->add_to(*command);
  command->footer(
      "Examples:\n"
      "  res2clip infer --backbone clip.pt --reference good1.png --reference good2.png --output out photos/\n"
      "  find photos -name '*.png' | res2clip infer --backbone clip.pt --bank part.bank --json -");
  command->callback(
      [options, &run, &exit_code] { run = [options, &exit_code] { exit_code = infer(*options); }; });
}

}  // namespace res2clip::app
