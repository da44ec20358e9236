#include <algorithm>
#include <chrono>

#include "res2clip/core/files.hpp"
#include "res2clip/data/examination.hpp"
#include "res2clip/data/layout.hpp"
#include "res2clip/data/training_record.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/pipeline/pipeline.hpp"
#include "res2clip/pipeline/training.hpp"
#include "res2clip/processes/communicator.hpp"
#include "res2clip/train/run.hpp"

#include "command.hpp"
#include "progress_bar.hpp"
#include "remarks.hpp"

namespace res2clip::app {
namespace {

struct TrainArguments : CommonOptions {
  std::string initial, replay;
  bool resume = false, no_store = false;
  std::int64_t keep_checkpoints = 0;
  const CLI::Option* epochs = nullptr;  // --epochs

  /// Whether this command says how many epochs there are (a settings file says so of another run, maybe).
  bool epochs_given() const {
    const auto is_epochs = [](const std::string& text) { return text.starts_with("train.epochs="); };
    return epochs->count() > 0 || std::any_of(assignments.begin(), assignments.end(), is_epochs);
  }
};

std::optional<FeatureStore> open_store(const TrainArguments& arguments, const RunSettings& settings,
                                       const Backbone& backbone, const Dataset& dataset) {
  if (arguments.no_store) return std::nullopt;
  const Path folder =
      settings.run.store.empty() ? Path(settings.run.output) / "features" : Path(settings.run.store);
  return FeatureStore(folder, describe_training_store(backbone, settings.method, dataset.name));
}

std::string epoch_line(std::int64_t epoch, const Figures& mean, double seconds) {
  char text[64];
  std::snprintf(text, sizeof text, "epoch %3lld  %6.1f s", static_cast<long long>(epoch + 1), seconds);
  std::string line = text;
  for (const auto& [name, value] : mean) {
    std::snprintf(text, sizeof text, "  %s %.4f", name.c_str(), value);
    line += text;
  }
  return line;
}

/// "epoch 3  vis 0.812  text 0.532  res_vis 1.2": the losses of the adapters that the step trains.
std::string step_note(const StepReport& report) {
  const char* paused = report.phase == Phase::visual ? "res_text"
                       : report.phase == Phase::text ? "res_vis"
                                                     : "";
  std::string note = "epoch " + std::to_string(report.epoch + 1);
  for (const auto& [name, value] : report.losses) {
    if (name == paused) continue;
    char text[32];
    std::snprintf(text, sizeof text, " %.3g", value);
    note += "  " + name + text;
  }
  return note;
}

/// The progress bar, and one line per epoch with the mean of each loss over the steps that computed it.
class Reporter {
 public:
  Reporter(ProgressBar& bar, std::int64_t epochs) : bar_(bar), epochs_(epochs) {}

  /// The first step begins now.
  void begin() { last_ = std::chrono::steady_clock::now(); }

  void step(const StepReport& report, std::int64_t total) {
    if (steps_ == 0) begin_ = last_;
    if (sums_.empty()) sums_ = Figures(report.losses.size());
    for (std::size_t i = 0; i < sums_.size(); ++i) {
      sums_[i].first = report.losses[i].first;
      sums_[i].second += report.losses[i].second;
    }
    ++steps_;
    bar_.update(report.step + 1, total, step_note(report));
    last_ = std::chrono::steady_clock::now();
    if ((report.step + 1) % (total / epochs_) == 0) end_epoch(report.epoch);
  }

 private:
  void end_epoch(std::int64_t epoch) {
    for (auto& [name, value] : sums_) value /= static_cast<double>(steps_);
    bar_.line(epoch_line(epoch, sums_, std::chrono::duration<double>(last_ - begin_).count()));
    sums_.clear();
    steps_ = 0;
  }

  ProgressBar& bar_;
  std::int64_t epochs_, steps_ = 0;
  Figures sums_;
  std::chrono::steady_clock::time_point begin_, last_;
};

void require_new_folder(const TrainArguments& arguments, const Path& output) {
  std::error_code ignored;
  if (!arguments.resume && std::filesystem::exists(output / "state.pt", ignored))
    throw settings_error(output.string() +
                         " holds a training already; --resume goes on with it, or give another --output");
  if (!arguments.resume && std::filesystem::exists(output / "checkpoint.pth", ignored))
    throw settings_error(output.string() +
                         " holds a checkpoint.pth, which a training replaces; give another --output");
}

/// In training an image is anomalous by its mask.
void require_a_defect(const Dataset& dataset) {
  for (const auto& [category, samples] : dataset.test)
    for (const Sample& sample : samples)
      if (!sample.mask.empty()) return;
  throw data_error(dataset.root.string() +
                   ": no image has a mask, so that all would count as good: there is nothing to learn from");
}

void train(const TrainArguments& arguments) {
  RunSettings settings = arguments.resolve();
  require(settings.run.backbone, "--backbone");
  require(settings.data.root, "--data");
  require(settings.run.output, "--output");
  const Path output = settings.run.output;
  require_new_folder(arguments, output);
  const ProcessPlace place = place_from_environment();
  Dataset dataset = load_dataset(settings.data, Splits::test);
  std::optional<Adapters> initial;
  if (!arguments.initial.empty()) initial = read_checkpoint(arguments.initial);
  watch_interrupts();
  const auto processes = meet(place, arguments.quiet);
  const bool first = processes->rank() == 0;
  examine_dataset(dataset, std::nullopt, settings.data.skip_broken, *processes,
                  settings.method.image.reading);
  if (first && !arguments.quiet) note_remarks(dataset);
  require_a_defect(dataset);

  const Backbone backbone = Backbone::load(settings.run.backbone, compute_of(place, settings.method.compute));
  settings.method = fit_to_backbone(settings.method, backbone);
  TrainingImages images(backbone, dataset, settings.method);
  const TrainingData data = images.data();
  TrainingRun run;
  run.output = output;
  run.resume = arguments.resume;
  run.keep_checkpoints = arguments.keep_checkpoints;
  if (!arguments.replay.empty()) {
    run.replay = read_pairs(arguments.replay, data.samples);
    if (!arguments.epochs_given()) settings.method.train.epochs = run.replay.back().epoch + 1;
  }
  run.identity = training_identity(backbone, settings.method, initial, !arguments.no_store);
  run.stop_requested = interrupted;
  const bool quiet = arguments.quiet || !first;
  if (!quiet) run.remark = note;
  ProgressBar bar("train", quiet);
  Reporter reporter(bar, settings.method.train.epochs);
  run.on_step = [&](const StepReport& report, std::int64_t total) { reporter.step(report, total); };
  TrainingSession session(data, make_training_setup(backbone, settings.method, initial), run, *processes);

  // From here on nothing is refused that could have been before: what the folder holds may be replaced.
  if (first) {
    write_file(output / "settings.yaml", settings_yaml(settings));
    write_training_record(training_record(dataset), output);
    if (arguments.keep_checkpoints > 0)
      write_training_record(training_record(dataset), output / "checkpoints");
  }
  if (auto store = open_store(arguments, settings, backbone, dataset)) {
    ProgressBar encoding("encode", quiet);
    images.fill_store(std::move(*store), *processes, encoding.callback(), interrupted);
  }
  reporter.begin();
  const TrainingOutcome outcome = session.train();
  bar.finish();
  if (!arguments.quiet) note_remarks(images.remarks());  // of the images that this process decoded
  if (!outcome.finished)
    throw runtime_error("stopped after step " + std::to_string(outcome.next_step) + " of " +
                        std::to_string(outcome.total_steps) + "; the same command with --resume goes on");
  if (first) print((output / "checkpoint.pth").string());
}

}  // namespace

void add_train(CLI::App& program, Run& run) {
  auto arguments = std::make_shared<TrainArguments>();
  CLI::App* command =
      program.add_subcommand("train", "Trains the residual-space adapters on a data set with masks");
  arguments->add_run_to(*command);
  arguments->epochs = arguments->add_setting(*command, "--epochs", "train.epochs", "Passes over the data");
  arguments->add_setting(*command, "--seed", "train.seed", "Seed of initial weights, order and references");
  command->add_option("--initial", arguments->initial, "Start from these adapter weights")->type_name("FILE");
  command
      ->add_option("--replay", arguments->replay,
                   "Take queries and references, and how many epochs, from this pairs.jsonl")
      ->type_name("FILE");
  command->add_flag("--resume", arguments->resume, "Go on where the training in --output was ended");
  command
      ->add_option("--keep-checkpoints", arguments->keep_checkpoints,
                   "Also keep the checkpoints of the last N epochs, in checkpoints/")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str()
      ->type_name("N");
  command->add_flag("--no-store", arguments->no_store,
                    "Encode images again in every epoch instead of keeping features on disk");
  arguments->add_to(*command, "train.batch_size", "Images per step, of all processes together");
  command->footer(
      "Examples:\n"
      "  res2clip train --backbone clip.pt --dataset visa --data VisA --output adapters\n"
      "  res2clip train --backbone clip.pt --dataset visa --data VisA --output adapters --resume\n"
      "  torchrun --no-python --nproc-per-node 2 res2clip train ...      (srun and mpirun work as well)");
  command->callback([arguments, &run] { run = [arguments] { train(*arguments); }; });
}

}  // namespace res2clip::app
