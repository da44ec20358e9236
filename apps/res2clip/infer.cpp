#include <algorithm>
#include <iostream>

#include <ATen/Parallel.h>
#include <ATen/ops/stack.h>

#include "res2clip/data/examination.hpp"
#include "res2clip/data/inputs.hpp"
#include "res2clip/image/prepare.hpp"
#include "res2clip/pipeline/pipeline.hpp"

#include "command.hpp"
#include "infer_output.hpp"
#include "progress_bar.hpp"
#include "remarks.hpp"

namespace res2clip::app {
namespace {

struct InferOptions : CommonOptions {
  std::string backbone, bank, checkpoint;
  std::vector<std::string> references, inputs;
  bool recursive = false;
  InferOutputOptions output;
};

void expect_no_interrupt() {
  if (interrupted()) throw runtime_error("interrupted; what was printed is complete");
}

/// Pictures are inspected in batches. Those that cannot be read are reported and left out; the others go on.
class Inspection {
 public:
  Inspection(const Pipeline& pipeline, ReferenceBank bank, InferOutput& output, bool quiet)
      : pipeline_(pipeline), bank_(std::move(bank)), output_(output), bar_("infer", quiet) {}

  std::size_t batch_size() const { return static_cast<std::size_t>(pipeline_.settings().compute.batch_size); }

  /// Shows how many of all pictures are done, until the next line is printed.
  void show_progress(std::size_t done, std::size_t total) {
    bar_.update(static_cast<std::int64_t>(done), static_cast<std::int64_t>(total));
  }

  /// One batch; `names` are the names of its output files.
  void inspect(std::span<const Path> images, std::span<const std::string> names) {
    for (const std::string& name : names) output_.expect_free(name);
    const std::vector<Picture> pictures = read(images, names);
    std::vector<at::Tensor> inputs;
    for (const Picture& picture : pictures)
      if (!picture.failure) inputs.push_back(picture.input);
    Detection detection;
    if (!inputs.empty()) detection = pipeline_.detector().detect(pipeline_.encode(at::stack(inputs)), bank_);
    bar_.finish();
    std::int64_t index = 0;
    for (const Picture& picture : pictures) {
      ++seen_;
      if (picture.failure)
        report(picture.path, picture.failure);
      else
        output_.write(picture, detection, index++);
    }
  }

  /// Reports a picture, or a line of input, that stands for nothing.
  void report(const Path& image, const std::exception_ptr& failure) {
    try {
      std::rethrow_exception(failure);
    } catch (const Error& error) {
      ++failed_;
      output_.write_failure(image, error.what());
    }
  }
  void report_absent(const std::string& line) {
    ++seen_;
    report(line, std::current_exception());
  }

  /// Throws a data error where nothing was asked for.
  void expect_some() const {
    if (seen_ == 0) throw data_error("standard input names no images");
  }
  /// Throws a data error where there was a failure.
  void expect_no_failure() const {
    if (failed_ > 0)
      throw data_error(std::to_string(failed_) + " of " + std::to_string(seen_) +
                       " images could not be read");
  }

 private:
  std::vector<Picture> read(std::span<const Path> images, std::span<const std::string> names) const {
    std::vector<Picture> pictures(images.size());
    at::parallel_for(
        0, static_cast<std::int64_t>(images.size()), 1, [&](std::int64_t begin, std::int64_t end) {
          for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            pictures[i].path = images[i];
            pictures[i].name = names[i];
            read(pictures[i]);
          }
        });
    return pictures;
  }

  void read(Picture& picture) const {
    try {
      const DecodedImage image = decode_image(picture.path);
      picture.input = prepare_image(image, pipeline_.settings().image);
      picture.height = image.rgb.size(0);
      picture.width = image.rgb.size(1);
      if (output_.draws()) picture.pixels = image.rgb;
    } catch (...) {  // exceptions may not leave a parallel region
      picture.failure = std::current_exception();
    }
  }

  const Pipeline& pipeline_;
  ReferenceBank bank_;
  InferOutput& output_;
  ProgressBar bar_;
  std::size_t seen_ = 0, failed_ = 0;
};

void inspect_list(Inspection& inspection, const std::vector<Path>& images,
                  const std::vector<std::string>& names) {
  const std::size_t batch = inspection.batch_size();
  for (std::size_t first = 0; first < images.size() && !interrupted(); first += batch) {
    const std::size_t count = std::min(batch, images.size() - first);
    inspection.show_progress(first, images.size());
    inspection.inspect(std::span(images).subspan(first, count), std::span(names).subspan(first, count));
  }
}

/// What a line of standard input stands for, picture by picture.
void inspect_line(Inspection& inspection, InferOutput& output, const std::string& line, bool recursive) {
  std::vector<Path> images;
  try {
    images = find_inputs({line}, std::cin, recursive).images;
  } catch (const Error&) {
    return inspection.report_absent(line);
  }
  for (const Path& image : images) {
    if (interrupted()) return;
    output.protect(image);
    const std::string name = stream_output_name(image);
    inspection.inspect(std::span(&image, 1), std::span(&name, 1));
  }
}

/// Paths from standard input are answered one by one, as they come.
void inspect_stream(Inspection& inspection, InferOutput& output, bool recursive) {
  InputLines lines(std::cin);
  std::string line;
  while (!interrupted() && lines.next(line) && !interrupted())
    if (line != "-") inspect_line(inspection, output, line, recursive);
  if (!interrupted()) inspection.expect_some();
}

bool names_standard_input(const std::vector<std::string>& arguments) {
  return std::find(arguments.begin(), arguments.end(), "-") != arguments.end();
}

void expect_sensible(const InferOptions& options) {
  if (options.bank.empty() == options.references.empty())
    throw settings_error("infer needs good parts to compare with: either --reference IMAGE or --bank FILE");
  if (names_standard_input(options.references) && names_standard_input(options.inputs))
    throw settings_error("- (standard input) names references or pictures, not both");
}

void expect_apart(const std::vector<Path>& references, const std::vector<Path>& images) {
  FileSet good;
  for (const Path& reference : references) good.add(reference);
  for (const Path& image : images)
    if (good.contains(image))
      throw settings_error(image.string() +
                           ": is both a reference and a picture to inspect; --reference takes one file, "
                           "folder or quoted pattern, and is repeatable");
}

/// The user's pictures, and a folder that cannot be written, stop the run before anything is encoded.
void expect_room(InferOutput& output, const std::string& folder, const std::vector<Path>& references,
                 const std::vector<Path>& images, const std::vector<std::string>& names) {
  if (!output.draws()) return;
  for (const auto* own : {&references, &images})
    for (const Path& path : *own) output.protect(path);
  for (const std::string& name : names) output.expect_free(name);
  expect_writable(folder);
}

ReferenceBank bank_of(const Pipeline& pipeline, const InferOptions& options,
                      const std::vector<Path>& references) {
  if (!options.bank.empty()) return pipeline.open_bank(options.bank);
  ProgressBar bar("references", options.quiet);
  return pipeline.remember(references,
                           [&bar](std::int64_t done, std::int64_t total, const std::string& text) {
                             expect_no_interrupt();
                             bar.update(done, total, text);
                           });
}

/// The images that arguments stand for; says what is passed over in folders.
std::vector<Path> listed(const std::vector<std::string>& arguments, const InferOptions& options) {
  Inputs inputs = find_inputs(arguments, std::cin, options.recursive);
  if (!options.quiet) note_left_out(inputs.left_out);
  return std::move(inputs.images);
}

void infer(const InferOptions& options) {
  expect_sensible(options);
  const RunSettings settings = options.resolve();
  InferOutputOptions how = options.output;
  how.overlay = settings.overlay;
  InferOutput output(how);
  const bool stream = options.inputs.size() == 1 && options.inputs[0] == "-";
  std::vector<Path> references, images;
  if (options.bank.empty()) {
    references = listed(options.references, options);
    leave_out_unusable(references, /*skip_broken=*/false);
  }
  if (!stream) images = listed(options.inputs, options);
  const std::vector<std::string> names = output_names(images);
  expect_apart(references, images);
  expect_room(output, how.folder, references, images, names);

  watch_interrupts();
  const Pipeline pipeline = Pipeline::load(options.backbone, settings, options.checkpoint);
  if (!options.quiet)
    note(
        (options.bank.empty() ? std::to_string(references.size()) + " reference(s), " : options.bank + ", ") +
        (stream ? "pictures from standard input" : std::to_string(images.size()) + " picture(s)"));
  ReferenceBank bank = bank_of(pipeline, options, references);
  for (const std::string& reference : bank.origin.references) output.protect(reference);
  constexpr double kCalmUnknown = 0.6;  // between most good parts and most defects with the demo backbone
  if (output.draws()) output.set_calm(pipeline.detector().reference_peak(bank).value_or(kCalmUnknown));
  Inspection inspection(pipeline, std::move(bank), output, options.quiet);
  if (stream)
    inspect_stream(inspection, output, options.recursive);
  else
    inspect_list(inspection, images, names);
  expect_no_interrupt();
  inspection.expect_no_failure();
}

}  // namespace

void add_infer(CLI::App& program, Run& run) {
  auto options = std::make_shared<InferOptions>();
  CLI::App* command =
      program.add_subcommand("infer", "Where and how much do pictures differ from good parts?");
  command->add_option("--backbone", options->backbone, "Archive that `export` wrote")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--reference", options->references,
                   "Pictures of good parts: a file, folder or quoted glob; repeatable")
      ->allow_extra_args(false)  // pictures may follow
      ->type_name("IMAGE");
  command->add_option("--bank", options->bank, "Instead: a bank that `bank` wrote")->type_name("FILE");
  command->add_option("--checkpoint", options->checkpoint, "Adapter weights (fine-tuned mode)")
      ->type_name("FILE");
  command->add_option("--output,-o", options->output.folder, "Write overlays (PNG) and raw maps (.npy) here")
      ->type_name("DIR");
  command->add_flag("--recursive", options->recursive, "Take the images of folders below as well");
  command->add_flag("--json", options->output.json, "JSON lines instead of a table");
  command->add_option("--threshold", options->output.threshold, "Scores above this are called anomalous");
  command
      ->add_option("--range", options->output.range,
                   "Map values shown as cold and as hot (default: each map's median; its maximum, or "
                   "half as far again as good parts reach if that is more)")
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
      "  res2clip infer --backbone clip.pt --reference good1.png --reference good2.png --output out photos/\n"
      "  find photos -name '*.png' | res2clip infer --backbone clip.pt --bank part.bank --json -");
  command->callback([options, &run] { run = [options] { infer(*options); }; });
}

}  // namespace res2clip::app
