#include <filesystem>
#include <set>
#include <system_error>

#include "res2clip/core/files.hpp"
#include "res2clip/eval/results_folder.hpp"
#include "res2clip/eval/runs.hpp"
#include "res2clip/eval/table.hpp"

#include "command.hpp"
#include "evaluation.hpp"

namespace res2clip::app {
namespace {

struct EvalOptions : CommonOptions {
  std::vector<std::string> shots, seeds;  // none: the settings'
  bool timings = false;
};

/// What the settings become with each value of an option that lists several; themselves without the option.
std::vector<RunSettings> with_each(const RunSettings& settings, const std::string& option,
                                   const std::string& key, const std::vector<std::string>& values,
                                   std::int64_t RunOptions::*number) {
  if (values.empty()) return {settings};
  std::vector<RunSettings> all;
  std::set<std::int64_t> seen;
  for (const std::string& value : values) {
    RunSettings one = settings;
    SettingsLayer::from_option(option, key, value).apply(one);
    if (!seen.insert(one.run.*number).second)
      throw settings_error(option + " names " + value + " twice; leave one out");
    all.push_back(std::move(one));
  }
  return all;
}

/// A run for each number of shots and each seed, in folders of their own if there are several.
std::vector<RunSettings> runs_of(const EvalOptions& options, const RunSettings& settings) {
  if (options.seeds.size() > 1 && !settings.run.references.empty())
    throw settings_error("--seeds draws references, but --references " + settings.run.references +
                         " names them; leave one out");
  std::vector<RunSettings> runs;
  for (const RunSettings& count :
       with_each(settings, "--shots", "run.shots", options.shots, &RunOptions::shots))
    for (RunSettings& one : with_each(count, "--seeds", "run.seed", options.seeds, &RunOptions::seed)) {
      runs.push_back(std::move(one));
      if (count.run.shots == 0) break;  // without references all seeds are the same run
    }
  if (runs.size() == 1 && runs.front().run.shots == 0 && !settings.run.references.empty())
    throw settings_error("--shots 0 takes no references, but --references " + settings.run.references +
                         " names them; leave one out");
  if (runs.size() > 1 && !settings.run.output.empty())
    for (RunSettings& one : runs)
      one.run.output = (Path(settings.run.output) / run_name(one.run.shots, one.run.seed)).string();
  return runs;
}

void print_table(std::string table) {
  if (!table.empty() && table.back() == '\n') table.pop_back();
  print(table);
}

/// runs.json last: a folder that has one is complete.
void write_summaries(const Path& folder, const std::vector<ShotsSummary>& summaries,
                     const std::vector<EvaluatedRun>& runs) {
  std::error_code ignored;
  std::filesystem::remove(folder / "runs.json", ignored);
  for (const EvaluatedRun& run : runs) write_run(run);
  write_file(folder / "runs.csv", runs_csv(summaries));
  write_file(folder / "runs.json", runs_json(summaries, runs.front().provenance));
}

void report(const RunSettings& settings, const std::vector<EvaluatedRun>& runs) {
  if (runs.size() == 1) {
    print_table(results_table(runs.front().result));
    if (!settings.run.output.empty()) write_run(runs.front());
    return;
  }
  std::vector<SeededRun> seeded;
  for (const EvaluatedRun& run : runs)
    seeded.push_back({run.settings.run.shots, run.settings.run.seed, &run.result});
  const std::vector<ShotsSummary> summaries = summaries_of(seeded);
  print_table(runs_table(summaries));
  if (!settings.run.output.empty()) write_summaries(settings.run.output, summaries, runs);
}

void eval(const EvalOptions& options) {
  const RunSettings settings = options.resolve();
  require(settings.run.backbone, "--backbone");
  require(settings.data.root, "--data");
  if (settings.run.save_maps) require(settings.run.output, "--save-maps writes below --output, which");
  if (settings.run.save_branch_maps)
    require(settings.run.output, "--save-branch-maps writes below --output, which");
  EvaluationJob job{runs_of(options, settings), options.quiet, options.timings};
  if (job.runs.size() > 1 && !settings.run.output.empty()) require_no_single_result(settings.run.output);
  const std::vector<EvaluatedRun> runs = evaluate_job(job);
  if (runs.empty()) return;  // the first process writes
  report(settings, runs);
  if (!settings.run.output.empty() && !options.quiet) note("results in " + settings.run.output);
}

}  // namespace

void add_eval(CLI::App& program, Run& run) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command =
      program.add_subcommand("eval", "Scores a data set and computes the seven metrics per class");
  options->add_run_to(*command);
  options
      ->add_text(
          *command, "--checkpoint", [](RunSettings& s) -> std::string& { return s.run.checkpoint; },
          "Adapter weights (fine-tuned mode)")
      ->type_name("FILE");
  CLI::Option* const seed =
      options->add_setting(*command, "--seed", "run.seed", "Seed by which references are drawn");
  command
      ->add_option("--seeds", options->seeds,
                   "Several seeds, as 111,222,333: a run for each, and mean and standard deviation over them")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("INT")
      ->excludes(seed);
  command
      ->add_option("--shots", options->shots,
                   "References per class; several, as 1,2,4: a run for each; 0: the text branch alone")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->default_str(std::to_string(RunOptions{}.shots));
  options
      ->add_text(
          *command, "--references", [](RunSettings& s) -> std::string& { return s.run.references; },
          "File {class: [path, ...]}, or published (the authors' lists) or first (of the training images); "
          "default: drawn by the seed")
      ->type_name("FILE");
  options->add_setting(*command, "--metrics", "metrics.mode",
                       "released (200 strips) or exact (every threshold)");
  options->add_switch(
      *command, "--save-maps", [](RunSettings& s) -> bool& { return s.run.save_maps; },
      "Also write each image's anomaly map");
  options->add_switch(
      *command, "--save-branch-maps", [](RunSettings& s) -> bool& { return s.run.save_branch_maps; },
      "Also write the maps of the three branches");
  command->add_flag("--timings", options->timings, "At the end, print how busy each stage was");
  options->add_to(*command);
  command->footer(
      "Examples:\n"
      "  res2clip eval --backbone clip.pt --dataset mvtec --data mvtec_anomaly_detection --output out\n"
      "  res2clip eval --backbone clip.pt --data own --classes leather,screw --shots 4\n"
      "  res2clip eval --backbone clip.pt --data visa --dataset visa --shots 1,2,4 --seeds 111,222,333 -o "
      "runs\n"
      "  res2clip eval --config out/settings.yaml        (the same run again)\n"
      "  torchrun --no-python --nproc-per-node 2 res2clip eval ...       (classes shared out; srun and "
      "mpirun too)");
  command->callback([options, &run] { run = [options] { eval(*options); }; });
}

}  // namespace res2clip::app
