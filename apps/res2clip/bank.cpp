#include <algorithm>
#include <iostream>

#include "res2clip/data/examination.hpp"
#include "res2clip/data/inputs.hpp"
#include "res2clip/pipeline/pipeline.hpp"

#include "check.hpp"
#include "command.hpp"
#include "file_set.hpp"
#include "output.hpp"
#include "progress_bar.hpp"
#include "region_options.hpp"
#include "remarks.hpp"
#include "text_of.hpp"
#include "tile_options.hpp"

namespace res2clip::app {
namespace {

std::string percent(double share) {
  return text_of("%.1f %%", 100 * share);
}

std::string digits(double value) {
  return text_of("%.4f", value);
}

/// The scores of the references against each other, the highest first.
void print_scores(const Calibration& calibration, const BankOrigin& origin) {
  auto sorted = calibration.references;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  print("   score     peak  reference, against the others");
  for (const ReferenceScore& one : sorted)
    print_text(text_of("%8.4f %8.4f  ", one.score, one.peak) +
               origin.references.at(static_cast<std::size_t>(one.shot)));
}

std::vector<double> scores_of(const Calibration& calibration) {
  std::vector<double> scores;
  for (const ReferenceScore& one : calibration.references) scores.push_back(one.score);
  return scores;
}

/// The threshold, and how far it can be trusted.
void print_threshold(const Calibration& calibration, bool quiet) {
  const std::vector<double> scores = scores_of(calibration);
  const auto above = std::count_if(scores.begin(), scores.end(),
                                   [&](double score) { return score > calibration.threshold; });
  const auto n = static_cast<std::int64_t>(scores.size());
  const FalseAlarmRate rate = false_alarm_rate(n, above);
  print("threshold " + digits(calibration.threshold) + ": about " + percent(rate.promised) +
        " of further good parts, or fewer, exceed it (90 % interval " + percent(rate.low) + " to " +
        percent(rate.high) + ")");
  if (!quiet && rate.promised > calibration.false_alarm_rate + 1e-9)
    note("remark: " + percent(calibration.false_alarm_rate) + " false alarms cannot be promised: with " +
         std::to_string(n) + " references no rate below 1/" + std::to_string(n + 1) + " = " +
         percent(1.0 / static_cast<double>(n + 1)) + " can; the threshold is the highest of their scores");
}

/// References that are unlike the others: a defect among them hides defects of its kind.
void note_odd_ones(const Calibration& calibration, const BankOrigin& origin) {
  const std::vector<double> scores = scores_of(calibration);
  const std::vector<std::size_t> odd = odd_ones(scores);
  std::vector<double> others = scores;
  for (auto one = odd.rbegin(); one != odd.rend(); ++one)
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(*one));
  for (const std::size_t one : odd)
    note("remark: " + origin.references.at(static_cast<std::size_t>(calibration.references[one].shot)) +
         " scores " + digits(scores[one]) + ", the others at most " +
         digits(*std::max_element(others.begin(), others.end())) +
         ": look at it, and leave it out if it is no good part; without such ones the threshold would be " +
         digits(conformal_threshold(others, calibration.false_alarm_rate)));
}

void report_calibration(const ReferenceBank& bank, bool quiet) {
  if (bank.calibration) {
    print_scores(*bank.calibration, bank.origin);
    print_threshold(*bank.calibration, quiet);
    if (!quiet) note_odd_ones(*bank.calibration, bank.origin);
  } else if (!quiet) {
    note("remark: no threshold: it takes at least " + std::to_string(kFewestCalibrated) +
         " references that can be compared with each other. What further good parts score, how hot their "
         "maps are and which images are unlike them is not known: `infer` gives no verdict without "
         "--threshold, calls no image unknown and draws each map in its own colours");
  }
}

struct BankCommand : CommonOptions {
  std::string backbone, checkpoint, output, bank;
  RegionOptions region;
  TileOptions tiles;
  std::vector<std::string> references, check, defective;
  bool recursive = false, skip_broken = false;
  double false_alarms = Calibration{}.false_alarm_rate;
};

void require_sensible(const BankCommand& options) {
  if (!(options.false_alarms > 0 && options.false_alarms < 1))
    throw settings_error("--false-alarms takes a rate between 0 and 1, as 0.05");
  require_sensible(options.tiles);
  if (options.region.given() && options.tiles.given())
    throw settings_error(
        "--tiles is not supported together with --roi and --ignore; crop the images, or use one of the two");
  if (options.check.empty()) {
    if (!options.bank.empty() || !options.defective.empty())
      throw settings_error(
          "--bank and --defective belong to --check IMAGE, which measures a bank on further good parts");
    require(options.output, "--output");
    if (options.references.empty()) throw settings_error("--reference is required");
    return;
  }
  if (options.region.given())
    throw settings_error(
        "--check looks where the bank's region is; --roi and --ignore are for making a bank");
  if (options.tiles.given())
    throw settings_error("--check cuts images as the bank says; --tiles is for making a bank");
  require(options.bank, "--bank FILE, the bank that --check measures,");
  if (!options.references.empty() || !options.output.empty())
    throw settings_error("--check measures the bank that --bank names; make one first, without --check");
}

/// The images that arguments stand for, without those that cannot be used.
std::vector<Path> usable(const std::vector<std::string>& arguments, const BankCommand& options,
                         const ReadOptions& reading) {
  auto [images, passed_over] = find_inputs(arguments, std::cin, options.recursive);
  const auto left_out = leave_out_unusable(images, options.skip_broken, reading);
  if (!options.quiet) {
    note_left_out(passed_over);
    note_left_out(left_out);
  }
  return images;
}

void make(const BankCommand& options) {
  const Settings settings = options.resolve().method;
  const std::vector<Path> references = usable(options.references, options, settings.image.reading);
  std::vector<Path> inputs = references;
  inputs.insert(inputs.end(), {options.backbone, options.checkpoint});
  for (const Path& mask : options.region.masks()) inputs.push_back(mask);
  require_own_output(options.output, inputs);
  const Pipeline pipeline = Pipeline::load(options.backbone, settings, options.checkpoint);
  ProgressBar bar("bank", options.quiet);
  const Tiling tiling = tiling_of(options.tiles, references, pipeline);
  const ReferenceBank bank = pipeline.calibrated(
      within(pipeline.remember(references, tiling, bar.callback()), options.region, references, pipeline),
      options.false_alarms, bar.callback());
  bar.finish();
  if (!options.quiet) note_remarks(pipeline.remarks());
  save_bank(bank, options.output);
  if (!options.quiet)
    note(options.output + ": " + std::to_string(bank.shots()) + " reference image(s), " +
         std::to_string(bank.patches.size()) + " layer(s), " + std::to_string(bank.grid.size()) +
         " patches each" + region_text(bank) + tiles_text(bank));
  report_calibration(bank, options.quiet);
}

void require_calibration(const Pipeline& pipeline, const ReferenceBank& bank, const std::string& name) {
  if (!bank.calibration)
    throw data_error(
        name +
        ": this bank has no threshold to be measured; make it again with `res2clip bank` and at least " +
        std::to_string(kFewestCalibrated) + " references");
  const std::vector<std::string> changed = pipeline.changed_since(*bank.calibration);
  if (!changed.empty())
    throw settings_error(name + ": this bank's threshold was taken with other settings (" + one_of(changed) +
                         "); name the same, or make it again with `res2clip bank` and these");
}

void check(const BankCommand& options) {
  const Settings settings = options.resolve().method;
  const std::vector<Path> good = usable(options.check, options, settings.image.reading);
  const std::vector<Path> defective = options.defective.empty()
                                          ? std::vector<Path>{}
                                          : usable(options.defective, options, settings.image.reading);
  const Pipeline pipeline = Pipeline::load(options.backbone, settings, options.checkpoint);
  const ReferenceBank bank = pipeline.open_bank(options.bank);
  require_calibration(pipeline, bank, options.bank);
  FileSet references;
  for (const std::string& name : bank.origin.references) references.add(name);
  for (const auto* images : {&good, &defective})
    for (const Path& image : *images)
      if (references.contains(image))
        throw settings_error(image.string() + ": is a reference of this bank; check it with other images");
  check_bank(pipeline, bank, good, defective, options.quiet);
  if (!options.quiet) note_remarks(pipeline.remarks());
}

}  // namespace

void add_bank(CLI::App& program, Run& run) {
  auto options = std::make_shared<BankCommand>();
  CLI::App* command =
      program.add_subcommand("bank", "Features of good parts, computed once and saved, with a threshold");
  command->add_option("--backbone", options->backbone, "Archive that `export` wrote")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--reference", options->references,
                   "Images of good parts: a file, folder or glob; repeatable")
      ->type_name("IMAGE");
  command
      ->add_option("--checkpoint", options->checkpoint, "Adapter weights (decides which layers are needed)")
      ->type_name("FILE");
  command->add_option("--output,-o", options->output, "The bank to write")->type_name("FILE");
  command
      ->add_option("--false-alarms", options->false_alarms,
                   "Share of further good parts that may exceed the threshold, between 0 and 1")
      ->capture_default_str()
      ->type_name("RATE");
  command
      ->add_option("--check", options->check,
                   "Instead: measure a bank on further images of good parts; repeatable")
      ->type_name("IMAGE");
  command
      ->add_option("--defective", options->defective, "With --check: images of defective parts; repeatable")
      ->type_name("IMAGE");
  command->add_option("--bank", options->bank, "With --check: the bank to measure")->type_name("FILE");
  options->region.add_to(*command);
  options->tiles.add_to(*command);
  command->add_flag("--recursive", options->recursive, "Take the images of folders below as well");
  command->add_flag("--skip-broken", options->skip_broken,
                    "Go on without images that cannot be used, and say which");
  options->add_to(*command);
  command->footer(
      "Examples:\n"
      "  res2clip bank --backbone clip.pt --reference good/ --output part.bank\n"
      "  res2clip bank --backbone clip.pt --bank part.bank --check good_more/ --defective defective/");
  command->callback([options, &run] {
    run = [options] {
      require_sensible(*options);
      options->check.empty() ? make(*options) : check(*options);
    };
  });
}

}  // namespace res2clip::app
