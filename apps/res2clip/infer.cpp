#include <algorithm>
#include <iostream>
#include <optional>

#include "res2clip/clip/published_weights.hpp"
#include "res2clip/data/examination.hpp"
#include "res2clip/data/inputs.hpp"
#include "res2clip/pipeline/pipeline.hpp"

#include "command.hpp"
#include "infer_sources.hpp"
#include "inspection.hpp"
#include "progress_bar.hpp"
#include "region_options.hpp"
#include "remarks.hpp"
#include "tile_options.hpp"

namespace res2clip::app {
namespace {

struct InferOptions : CommonOptions {
  RegionOptions region;
  TileOptions tiles;
  std::string backbone, bank, checkpoint, folder, base, watch, results, report, overlay_format = "png";
  std::vector<std::string> references, inputs;
  bool recursive = false, zero_shot = false, json = false, csv = false, overlay_only = false,
       skip_done = false;
  InferOutputOptions output;
  bool timings = false;
  bool exit_code = false;
};

void require_no_interrupt() {
  if (interrupted()) throw runtime_error("interrupted; what was printed is complete");
}

bool names_standard_input(const std::vector<std::string>& arguments) {
  return std::find(arguments.begin(), arguments.end(), "-") != arguments.end();
}

bool is_within(const Path& path, const Path& folder) {
  const Path below =
      std::filesystem::weakly_canonical(path).lexically_relative(std::filesystem::weakly_canonical(folder));
  return !below.empty() && *below.begin() != "..";
}

void require_one_comparison(const InferOptions& options) {
  const bool compares = !options.bank.empty() || !options.references.empty();
  if (options.zero_shot && compares)
    throw settings_error("--zero-shot uses no good parts; leave out --reference and --bank");
  if (options.region.given() && options.references.empty())
    throw settings_error(
        "--roi and --ignore go with --reference; a bank keeps its own: make it with `res2clip bank --roi`");
  require_sensible(options.tiles);
  if (options.tiles.given() && options.references.empty())
    throw settings_error(
        "--tiles goes with --reference; a bank keeps its own: make it with `res2clip bank --tiles`");
  if (options.tiles.given() && options.region.given())
    throw settings_error(
        "--tiles is not supported together with --roi and --ignore; crop the images, or use one of the two");
  if (!options.zero_shot && options.bank.empty() == options.references.empty())
    throw settings_error(
        "infer needs good parts to compare with: either --reference IMAGE or --bank FILE (or --zero-shot: "
        "none)");
}

void require_sensible(const InferOptions& options) {
  require_sensible(options.output);
  if (options.inputs.empty() == options.watch.empty())
    throw settings_error("infer needs images to inspect: either IMAGE ... or --watch DIR");
  if (!options.watch.empty() && !options.folder.empty() && is_within(options.folder, options.watch))
    throw settings_error("--output " + options.folder + " lies in --watch " + options.watch +
                         ", whose images are inspected; name a folder elsewhere");
  if (!options.report.empty() && Path(options.report).extension() != ".html")
    throw settings_error("--report " + options.report + ": its name must end in .html");
  if (options.skip_done && (options.results.empty() || options.bank.empty()))
    throw settings_error(
        "--skip-done goes on with the records of --results FILE, which are of one bank: it needs both "
        "--results and --bank");
  if (!options.base.empty() && options.folder.empty())
    throw settings_error("--base is what names of outputs start from: it needs --output DIR");
  require_one_comparison(options);
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
  files.begin();
}

/// Empty for --zero-shot.
ReferenceBank bank_of(const Pipeline& pipeline, const InferOptions& options,
                      const std::vector<Path>& references) {
  if (options.zero_shot) return {};
  if (!options.bank.empty()) return pipeline.open_bank(options.bank);
  ProgressBar bar("references", options.quiet);
  const auto tell = [&bar](std::int64_t done, std::int64_t total, const std::string& text) {
    require_no_interrupt();
    bar.update(done, total, text);
  };
  const Tiling tiling = tiling_of(options.tiles, references, pipeline);
  return within(pipeline.remember(references, tiling, tell), options.region, references, pipeline);
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
        "these settings, or --threshold");
  return measure;
}

InferOutputOptions output_of(const InferOptions& options, const Settings& settings) {
  InferOutputOptions how = options.output;
  how.lines = options.json ? LineFormat::json : options.csv ? LineFormat::csv : LineFormat::table;
  how.overlay = settings.overlay;
  how.format = kOverlayFormats.at(options.overlay_format);
  if (options.overlay_only) how.overlay.side_by_side = false;
  return how;
}

std::vector<std::string> names_of(const std::vector<Path>& images, const std::string& base) {
  if (base.empty()) return output_names(images);
  std::vector<std::string> names;
  for (const Path& image : images) names.push_back(name_below(base, image));
  return names;
}

/// What is not known of further images.
void note_what_is_not_known(const Measure& measure, std::int64_t references, const InferOptions& options) {
  if (options.quiet || options.zero_shot || measure.threshold) return;
  const std::string fewest = std::to_string(kFewestCalibrated);
  if (references >= kFewestCalibrated)
    return note("remark: no verdicts: these references have no threshold; `res2clip bank` of " + fewest +
                " or more finds one, or name --threshold");
  note("remark: no verdicts: " + std::to_string(references) +
       " reference(s) tell no threshold and not which images are unlike good parts; `res2clip bank` of " +
       fewest + " or more do, or name --threshold");
}

/// What the demo backbone was measured to do (docs/inspection.md).
void note_demo(const Pipeline& pipeline, const InferOptions& options) {
  if (options.quiet || !is_demo_backbone(pipeline.backbone().card().origin.sha256)) return;
  note(
      "remark: this is the demo backbone, a toy that was trained on generated images: on photographs of "
      "leather and magnetic tiles it found 31 of 71 defects, with 12 false alarms on 64 good parts; for real "
      "parts export CLIP's own weights");
}

/// Where images come from.
enum class Source { list, stream, watch };
Source source_of(const InferOptions& options) {
  if (!options.watch.empty()) return Source::watch;
  return options.inputs.size() == 1 && options.inputs[0] == "-" ? Source::stream : Source::list;
}

void note_begin(const InferOptions& options, std::size_t references, std::size_t images) {
  if (options.quiet) return;
  const Source source = source_of(options);
  note((options.zero_shot      ? "no references: the text branch alone, "
        : options.bank.empty() ? std::to_string(references) + " reference(s), "
                               : options.bank + ", ") +
       (source == Source::stream  ? "images from standard input"
        : source == Source::watch ? "images that come into " + options.watch
                                  : std::to_string(images) + " image(s)"));
}

std::string report_title(const InferOptions& options) {
  return (options.zero_shot      ? std::string("Scored by the text branch alone")
          : options.bank.empty() ? std::string("Compared with references")
                                 : "Compared with " + options.bank) +
         (options.watch.empty() ? "" : ": images that came into " + options.watch);
}

void note_results(const std::optional<ResultsFile>& results, const InferOptions& options) {
  if (!options.quiet && results && results->mended())
    note("remark: " + options.results +
         ": the last line was cut off, and is removed; its image is inspected again");
}

void inspect_all(Inspection& inspection, OutputFiles& files, std::vector<Path> images,
                 std::vector<std::string> names, const InferOptions& options) {
  const SourceOptions how{options.recursive, options.base};
  switch (source_of(options)) {
    case Source::list:
      return inspection.inspect(std::move(images), std::move(names));
    case Source::stream:
      return inspect_stream(inspection, files, how);
    case Source::watch:
      return inspect_watched(inspection, files, options.watch,
                             {how.recursive, how.base.empty() ? options.watch : how.base}, options.quiet);
  }
}

/// Returns the exit code.
int infer(const InferOptions& options) {
  require_sensible(options);
  const Settings settings = options.resolve().method;
  InferOutputOptions how = output_of(options, settings);
  OutputFiles files(options.folder, suffix_of(how.format));
  const Source source = source_of(options);
  std::vector<Path> references, images;
  if (!options.references.empty()) {
    references = listed(options.references, options);
    leave_out_unusable(references, /*skip_broken=*/false, settings.image.reading);
  }
  if (source == Source::list) images = listed(options.inputs, options);
  const std::vector<std::string> names = names_of(images, options.base);
  require_apart(references, images);
  for (const Path& mask : options.region.masks()) files.protect(mask);
  require_room(files, references, images, names);
  if (!options.report.empty()) require_writable(Path(options.report).parent_path());

  watch_interrupts();
  const Pipeline pipeline = Pipeline::load(options.backbone, settings, options.checkpoint);
  note_begin(options, references.size(), images.size());
  note_demo(pipeline, options);
  ReferenceBank bank = bank_of(pipeline, options, references);
  if (!options.quiet && bank.region) note("region of interest" + region_text(bank));
  if (!options.quiet && bank.tiling) note("tiles" + tiles_text(bank));
  for (const std::string& reference : bank.origin.references) files.protect(reference);
  drop_other_calibration(pipeline, bank, options);
  how.measure = measure_of(bank, options);
  std::optional<InspectionReport> report;
  if (!options.report.empty()) report.emplace(options.report);
  if ((files.wanted() || report) && how.overlay.calm == 0)
    how.overlay.calm = calm_of(pipeline.detector(), bank);
  note_what_is_not_known(how.measure, bank.shots(), options);
  std::optional<ResultsFile> results;
  if (!options.results.empty()) results.emplace(options.results, options.skip_done, bank.checksum);
  note_results(results, options);
  Inspection inspection(pipeline, std::move(bank),
                        {&files, results ? &*results : nullptr, report ? &*report : nullptr}, std::move(how),
                        !options.quiet && source == Source::list);
  inspect_all(inspection, files, std::move(images), names, options);
  if (report) report->write(report_title(options));
  if (!options.quiet && options.skip_done)
    note(std::to_string(inspection.done_before()) + " image(s) had a record already");
  if (!options.quiet) note_remarks(pipeline.remarks());
  if (options.timings)
    for (const std::string& line : inspection.timings()) note(line);
  if (source != Source::watch) {
    files.require_kept();
    require_no_interrupt();
  }
  inspection.require_no_failure();
  return options.exit_code ? inspection.verdict_code() : 0;
}

std::vector<std::string> names_of_formats() {
  std::vector<std::string> names;
  for (const auto& [name, format] : kOverlayFormats) names.push_back(name);
  return names;
}

void add_output_options(CLI::App& command, InferOptions& options) {
  command.add_option("--output,-o", options.folder, "Write overlays and raw maps (.npy) here")
      ->type_name("DIR");
  command
      .add_option("--base", options.base,
                  "Outputs are named by their path from this folder, suffix included (default: what all "
                  "images have in common; on standard input the whole path; else the watched folder)")
      ->type_name("DIR");
  command
      .add_option("--report", options.report,
                  "At the end, write one page with a histogram of scores and the images by score")
      ->type_name("FILE.html");
  command.add_flag("--overlay-only", options.overlay_only, "No original and no caption beside the overlay");
  command
      .add_option("--overlay-format", options.overlay_format,
                  "png, small-png (takes longer) or jpeg (smallest)")
      ->check(CLI::IsMember(names_of_formats()))
      ->type_name("FORMAT")
      ->capture_default_str();
  auto* json = command.add_flag("--json", options.json, "JSON lines instead of a table");
  command.add_flag("--csv", options.csv, "CSV instead of a table")->excludes(json);
  command
      .add_option("--results", options.results,
                  "Add each image's JSON line to this file, which must be new or empty")
      ->type_name("FILE");
  command.add_flag("--skip-done", options.skip_done,
                   "Go on with the --results of an earlier run: leave out images that have a line there");
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
  options->region.add_to(*command);
  options->tiles.add_to(*command);
  command->add_flag("--zero-shot", options->zero_shot,
                    "Instead: no good parts; the text branch alone scores images");
  command->add_option("--checkpoint", options->checkpoint, "Adapter weights (fine-tuned mode)")
      ->type_name("FILE");
  add_output_options(*command, *options);
  command->add_flag("--recursive", options->recursive, "Take the images of folders below as well");
  command->add_option("--threshold", options->output.threshold,
                      "Scores above this are called anomalous (default: the bank's)");
  command->add_flag("--exit-code", options->exit_code,
                    "Exit with 10 if any image is anomalous, else with 11 if any is unknown");
  command
      ->add_option("--range", options->output.range,
                   "Map values shown as cold and as hot (default: the bank's, with what good parts reach in "
                   "the middle; without a calibrated bank each map's median and its maximum, or half as far "
                   "again as good parts reach if that is more)")
      ->expected(2)
      ->allow_extra_args(false)  // images may follow
      ->type_name("LOW HIGH");
  command->add_flag("--timings", options->timings, "At the end, print how busy each stage was");
  command->add_option("images", options->inputs,
                      "Images to inspect: files, folders, globs, or - for paths on standard input");
  command
      ->add_option("--watch", options->watch,
                   "Instead: inspect what comes into this folder, until an interrupt (Ctrl-C, SIGTERM)")
      ->type_name("DIR");
  options->add_to(*command);
  command->footer(
      "Examples:\n"
      "  res2clip infer --backbone clip.pt --reference good1.png --reference good2.png --output out photos/\n"
      "  find photos -name '*.png' | res2clip infer --backbone clip.pt --bank part.bank --json -");
  command->callback(
      [options, &run, &exit_code] { run = [options, &exit_code] { exit_code = infer(*options); }; });
}

}  // namespace res2clip::app
