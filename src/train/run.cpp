#include "res2clip/train/run.hpp"

#include <memory>

#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/train/curves.hpp"

#include "line_file.hpp"
#include "run_state.hpp"

namespace res2clip {
namespace {

using Json = nlohmann::ordered_json;

Json as_json(const Figures& figures) {
  Json json = Json::object();
  for (const auto& [name, value] : figures) json[name] = value;
  return json;
}

const char* name_of_phase(Phase phase) {
  switch (phase) {
    case Phase::visual:
      return "visual";
    case Phase::text:
      return "text";
    case Phase::both:
      return "both";
  }
  return "";
}

/// Where the pairs of each epoch come from.
class PairSource {
 public:
  PairSource(const TrainingData& data, const TrainOptions& options, const std::vector<StepPairs>& replay)
      : data_(data), options_(options), replay_(replay) {
    if (replay.empty()) {
      steps_per_epoch_ =
          res2clip::steps_per_epoch(static_cast<std::int64_t>(data.samples.size()), options.batch_size);
      return;
    }
    const std::int64_t epochs = replay.back().epoch + 1;
    if (epochs != options.epochs)
      throw settings_error("the pairs to replay have " + std::to_string(epochs) +
                           " epochs, but training has " + std::to_string(options.epochs) + "; use --epochs " +
                           std::to_string(epochs));
    steps_per_epoch_ = static_cast<std::int64_t>(replay.size()) / epochs;
  }

  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }

  std::vector<StepPairs> epoch(std::int64_t number) const {
    if (replay_.empty()) return draw_pairs(data_.samples, options_.batch_size, options_.seed, number);
    const auto first = replay_.begin() + number * steps_per_epoch_;
    return {first, first + steps_per_epoch_};
  }

 private:
  const TrainingData& data_;
  const TrainOptions& options_;
  const std::vector<StepPairs>& replay_;
  std::int64_t steps_per_epoch_ = 0;
};

/// What process 0 keeps of a run.
class OutputFolder {
 public:
  OutputFolder(const Path& folder, std::int64_t next_step)
      : folder_(folder), pairs_(folder / "pairs.jsonl", next_step), log_(folder / "log.jsonl", next_step) {}

  void add(const std::string& pairs, const std::string& report) {
    pairs_.add(pairs);
    log_.add(report);
  }

  /// The checkpoint first: a state that says an epoch is done finds its checkpoint there.
  void save(const Trainer& trainer, std::int64_t next_step, const RunIdentity& identity) const {
    write_checkpoint(folder_ / "checkpoint.pth", trainer.adapters());
    save_run_state(folder_ / "state.pt", trainer, next_step, identity);
  }

  void draw_curves() const { write_loss_curves(folder_ / "log.jsonl", folder_ / "curves.html"); }

 private:
  Path folder_;
  LineFile pairs_;
  LineFile log_;
};

/// The steps that are done already: those of state.pt where the run resumes, none otherwise.
std::int64_t take_up(const TrainingRun& run, Trainer& trainer, const RunIdentity& identity,
                     Communicator& processes) {
  const Path state = run.output / "state.pt";
  std::error_code status;
  const bool there = std::filesystem::exists(state, status);
  std::int64_t next_step = run.resume && there ? load_run_state(state, trainer, identity) : 0;
  processes.barrier();  // all have read before the first may write
  // Or a run that is killed before its first state would be resumed from the one before it.
  if (processes.rank() == 0 && !run.resume) std::filesystem::remove(state, status);
  for (const std::string& other : processes.gather(std::to_string(next_step)))
    if (other != std::to_string(next_step))
      throw runtime_error(state.string() + ": is not the same file on all processes; use a shared folder");
  return next_step;
}

}  // namespace

std::string log_line(const StepReport& report) {
  const Json json{{"epoch", report.epoch},
                  {"step", report.step},
                  {"phase", name_of_phase(report.phase)},
                  {"loss", as_json(report.losses)},
                  {"terms", as_json(report.terms)},
                  {"lr", as_json(report.rates)},
                  {"grad_norm", as_json(report.gradient_norms)}};
  return json.dump();
}

TrainingOutcome run_training(const TrainingData& data, TrainingSetup setup, const TrainingRun& run,
                             Communicator& processes) {
  if (data.samples.empty()) throw data_error("there are no images to train on");
  const PairSource source(data, setup.options, run.replay);
  setup.steps_per_epoch = source.steps_per_epoch();
  const RunIdentity identity = identify_run(data, setup, run.replay, run.identity);
  Trainer trainer(data, setup, processes);

  TrainingOutcome outcome;
  outcome.total_steps = setup.steps_per_epoch * setup.options.epochs;
  outcome.next_step = take_up(run, trainer, identity, processes);
  std::unique_ptr<OutputFolder> output;
  if (processes.rank() == 0) output = std::make_unique<OutputFolder>(run.output, outcome.next_step);

  bool stopped = false;
  while (outcome.next_step < outcome.total_steps && !stopped) {
    const std::int64_t epoch = outcome.next_step / setup.steps_per_epoch;
    const std::vector<StepPairs> steps = source.epoch(epoch);
    for (std::int64_t i = outcome.next_step % setup.steps_per_epoch; i < setup.steps_per_epoch && !stopped;
         ++i) {
      const StepPairs& pairs = steps[static_cast<std::size_t>(i)];
      const StepReport report = trainer.step(pairs, run.stop_requested());
      ++outcome.next_step;
      stopped = report.stop;
      if (output) output->add(pairs_line(pairs, data.samples), log_line(report));
      run.on_step(report, outcome.total_steps);
    }
    if (output) output->save(trainer, outcome.next_step, identity);
  }
  outcome.finished = outcome.next_step == outcome.total_steps;
  if (output) output->draw_curves();
  processes.barrier();
  outcome.adapters = trainer.adapters();
  return outcome;
}

}  // namespace res2clip
