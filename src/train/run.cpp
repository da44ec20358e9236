#include "res2clip/train/run.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/settings/check.hpp"
#include "res2clip/train/loss_curves.hpp"

#include "line_file.hpp"
#include "output_lock.hpp"
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
  PairSource(const TrainingData& data, const TrainOptions& options, std::vector<StepPairs> replay)
      : data_(data), options_(options), replay_(std::move(replay)) {
    if (replay_.empty()) {
      steps_per_epoch_ =
          res2clip::steps_per_epoch(static_cast<std::int64_t>(data.samples.size()), options.batch_size);
      return;
    }
    const std::int64_t epochs = replay_.back().epoch + 1;
    if (epochs != options.epochs)
      throw settings_error("the pairs to replay have " + std::to_string(epochs) +
                           " epochs, but training has " + std::to_string(options.epochs) + "; use --epochs " +
                           std::to_string(epochs));
    steps_per_epoch_ = static_cast<std::int64_t>(replay_.size()) / epochs;
  }

  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }

  std::vector<StepPairs> epoch(std::int64_t number) const {
    if (replay_.empty()) return draw_pairs(data_.samples, options_.batch_size, options_.seed, number);
    const auto first = replay_.begin() + number * steps_per_epoch_;
    return {first, first + steps_per_epoch_};
  }

 private:
  const TrainingData& data_;
  TrainOptions options_;
  std::vector<StepPairs> replay_;
  std::int64_t steps_per_epoch_ = 0;
};

/// What process 0 keeps of a run.
class OutputFolder {
 public:
  OutputFolder(const Path& folder, std::int64_t next_step, std::int64_t keep)
      : folder_(folder),
        keep_(keep),
        pairs_(folder / "pairs.jsonl", next_step),
        log_(folder / "log.jsonl", next_step) {}

  void add(const std::string& pairs, const std::string& report) {
    pairs_.add(pairs);
    log_.add(report);
  }

  /// The state last: one that says an epoch is done finds its lines and its checkpoint there.
  void save(const Trainer& trainer, std::int64_t next_step, const RunIdentity& identity,
            const RunIdentity& place) const {
    pairs_.flush_to_disk();
    log_.flush_to_disk();
    write_checkpoint(folder_ / "checkpoint.pth", trainer.adapters());
    save_run_state(folder_ / "state.pt", trainer, next_step, identity, place);
  }

  /// The weights after `epochs` epochs, beside those of the epochs before that are kept.
  void keep(const Trainer& trainer, std::int64_t epochs) const {
    if (keep_ == 0) return;
    write_checkpoint(kept(epochs), trainer.adapters());
    std::error_code ignored;
    if (epochs > keep_) std::filesystem::remove(kept(epochs - keep_), ignored);
  }

  void draw_curves() const { write_loss_curves(folder_ / "log.jsonl", folder_ / "curves.html"); }

 private:
  Path kept(std::int64_t epochs) const {
    const std::string number = std::to_string(epochs);
    return folder_ / "checkpoints" /
           ("epoch-" + std::string(3 - std::min<std::size_t>(3, number.size()), '0') + number + ".pth");
  }

  Path folder_;
  std::int64_t keep_;
  LineFile pairs_;
  LineFile log_;
};

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

struct TrainingSession::State {
  static std::unique_ptr<State> open(const TrainingData& data, TrainingSetup setup, TrainingRun run,
                                     Communicator& processes) {
    require_in_range(setup.options, "train");
    require_in_range(setup.retrieval, "retrieval");
    if (data.samples.empty()) throw data_error("there are no images to train on");
    if (!data.masks) throw data_error("the training data have no source of masks (TrainingData::masks)");
    std::unique_ptr<OutputLock> lock;
    if (processes.rank() == 0) lock = std::make_unique<OutputLock>(run.output);
    PairSource source(data, setup.options, run.replay);
    source.epoch(0);  // throws for a class without a normal image
    setup.steps_per_epoch = source.steps_per_epoch();
    RunIdentity identity = identify_run(data, setup, run.replay, run.identity);
    RunIdentity place = place_of_run(setup, processes);
    std::unique_ptr<State> state(new State{data, std::move(run), processes, std::move(lock),
                                           std::move(source), setup, std::move(identity), std::move(place),
                                           Trainer(data, setup, processes)});
    if (state->run.resume) state->take_up();
    processes.barrier();  // all have read before the first may write
    state->require_shared_folder();
    return state;
  }

  void require_shared_folder() const {
    for (const std::string& other : processes.gather(std::to_string(next_step)))
      if (other != std::to_string(next_step))
        throw runtime_error(file("state.pt").string() +
                            ": is not the same file on all processes; use a shared folder");
  }

  Path file(const char* name) const { return run.output / name; }

  /// Goes on from state.pt, if there is one.
  void take_up() {
    std::error_code status;
    if (!std::filesystem::exists(file("state.pt"), status)) return;
    const TakenUp found = load_run_state(file("state.pt"), trainer, identity, place);
    next_step = found.next_step;
    if (processes.rank() != 0) return;
    for (const char* lines : {"pairs.jsonl", "log.jsonl"}) require_lines_before(file(lines), next_step);
    if (!found.remark.empty() && run.remark)
      run.remark("the last bits will differ from those of a training without a break: " + found.remark);
  }

  /// The folder as it must be before the next step.
  std::unique_ptr<OutputFolder> open_output() const {
    if (processes.rank() != 0) return nullptr;
    // Or a run that is killed before its first state would be resumed from the one before it.
    std::error_code ignored;
    if (next_step == 0) {
      std::filesystem::remove(file("state.pt"), ignored);
      for (const auto& old : std::filesystem::directory_iterator(file("checkpoints"), ignored))
        if (old.path().extension() == ".pth") std::filesystem::remove(old.path(), ignored);
    }
    return std::make_unique<OutputFolder>(run.output, next_step, run.keep_checkpoints);
  }

  const TrainingData& data;
  TrainingRun run;
  Communicator& processes;
  std::unique_ptr<OutputLock> lock;
  PairSource source;
  TrainingSetup setup;
  RunIdentity identity, place;
  Trainer trainer;
  std::int64_t next_step = 0;
};

TrainingSession::TrainingSession(const TrainingData& data, TrainingSetup setup, TrainingRun run,
                                 Communicator& processes)
    : state_(State::open(data, std::move(setup), std::move(run), processes)) {}

TrainingSession::~TrainingSession() = default;

TrainingOutcome TrainingSession::train() {
  State& s = *state_;
  const std::int64_t steps_per_epoch = s.setup.steps_per_epoch;
  TrainingOutcome outcome;
  outcome.total_steps = steps_per_epoch * s.setup.options.epochs;
  outcome.next_step = s.next_step;
  const std::unique_ptr<OutputFolder> output = s.open_output();

  bool stopped = false;
  while (outcome.next_step < outcome.total_steps && !stopped) {
    const std::vector<StepPairs> steps = s.source.epoch(outcome.next_step / steps_per_epoch);
    for (std::int64_t i = outcome.next_step % steps_per_epoch; i < steps_per_epoch && !stopped; ++i) {
      const StepPairs& pairs = steps[static_cast<std::size_t>(i)];
      if (i + 1 < steps_per_epoch) s.trainer.soon(steps[static_cast<std::size_t>(i + 1)]);
      const StepReport report = s.trainer.step(pairs, s.run.stop_requested && s.run.stop_requested());
      ++outcome.next_step;
      stopped = report.stop;
      if (output) output->add(pairs_line(pairs, s.data.samples), log_line(report));
      if (s.run.on_step) s.run.on_step(report, outcome.total_steps);
    }
    // Before the state that says the epoch is done, as the checkpoint is.
    if (output && outcome.next_step % steps_per_epoch == 0)
      output->keep(s.trainer, outcome.next_step / steps_per_epoch);
    if (output) output->save(s.trainer, outcome.next_step, s.identity, s.place);
  }
  outcome.finished = outcome.next_step == outcome.total_steps;
  if (output) output->draw_curves();
  s.processes.barrier();
  outcome.adapters = s.trainer.adapters();
  return outcome;
}

}  // namespace res2clip
