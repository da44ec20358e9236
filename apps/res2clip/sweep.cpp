#include "res2clip/compute/compute.hpp"

#include "command.hpp"
#include "sweep_job.hpp"

namespace res2clip::app {
namespace {

struct SweepOptions : CommonOptions {
  std::string plan;
};

void run_sweep(const SweepOptions& options) {
  const RunSettings settings = options.resolve();
  require(settings.run.backbone, "--backbone");
  require(settings.data.root, "--data");
  require(settings.run.output, "--output");
  if (place_from_environment().size > 1)
    throw settings_error("sweep runs in one process; start it without torchrun, srun or mpirun");
  SweepJob job{options.plan, read_plan(options.plan), settings, options.quiet};
  watch_interrupts();
  std::string table = sweep(job);
  if (!job.plan.title.empty()) print(job.plan.title);
  table.pop_back();
  print(table);
  if (!options.quiet) note("results in " + settings.run.output);
}

}  // namespace

void add_sweep(CLI::App& program, Run& run) {
  auto options = std::make_shared<SweepOptions>();
  CLI::App* command =
      program.add_subcommand("sweep", "Evaluates a data set with many settings, each image encoded once");
  command
      ->add_option("plan", options->plan,
                   "Plan of runs (YAML): `runs` with names and settings, times a `grid` of values")
      ->required()
      ->type_name("PLAN");
  options->add_run_to(*command);
  options
      ->add_text(
          *command, "--checkpoint", [](RunSettings& s) -> std::string& { return s.run.checkpoint; },
          "Adapter weights (fine-tuned mode) of runs whose plan names none")
      ->type_name("FILE");
  options->add_to(*command);
  command->footer(
      "Examples:\n"
      "  res2clip sweep configs/tables/table3.yaml --backbone clip.pt --dataset mvtec --data mvtec -o "
      "table3\n"
      "  res2clip sweep own.yaml --backbone clip.pt --data own -o own --store features\n"
      "A call that was ended goes on where it stopped. configs/tables/README.md has plans of the paper's "
      "tables.");
  command->callback([options, &run] { run = [options] { run_sweep(*options); }; });
}

}  // namespace res2clip::app
