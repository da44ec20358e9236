#include <optional>

#include <nlohmann/json.hpp>

#include "res2clip/core/files.hpp"
#include "res2clip/data/examination.hpp"
#include "res2clip/data/layout.hpp"
#include "res2clip/data/training_record.hpp"
#include "res2clip/eval/evaluator.hpp"
#include "res2clip/eval/results.hpp"
#include "res2clip/eval/sharing.hpp"
#include "res2clip/eval/table.hpp"
#include "res2clip/features/stored_features.hpp"
#include "res2clip/image/write.hpp"
#include "res2clip/pipeline/pipeline.hpp"

#include "command.hpp"
#include "progress_bar.hpp"
#include "remarks.hpp"

namespace res2clip::app {
namespace {

ReferenceChoice choice_of(const RunOptions& run) {
  return {run.references, run.shots, run.seed};
}

/// What a list of references names need not be among the training images.
Splits splits_for(const RunOptions& run) {
  return is_references_file(run.references) ? Splits::test : Splits::all;
}

ComparedRun compared(const RunSettings& settings, const Pipeline& pipeline, const EvaluationResult& result) {
  ComparedRun run;
  run.dataset = name_of(settings.data.layout);
  for (const ClassResult& one : result.classes) {
    run.categories.push_back(one.category);
    run.anomalous_images += one.metrics.anomalous_images;
    run.normal_images += one.metrics.images - one.metrics.anomalous_images;
  }
  run.fine_tuned = pipeline.detector().fine_tuned();
  run.shots = settings.run.shots;
  run.image_size = pipeline.image_size();
  run.metrics = settings.method.metrics.mode;
  run.backbone_differs = differs_from_papers_backbone(pipeline.backbone().card(),
                                                      settings.method.profile == Profile::paper ? 20 : 19);
  run.changed_settings = changed_settings(settings.method);
  if (!settings.run.checkpoint.empty())
    if (const auto record = read_training_record(Path(settings.run.checkpoint).parent_path()))
      run.trained_on = record->categories;
  return run;
}

Provenance provenance_of(const RunSettings& settings, const Pipeline& pipeline) {
  Provenance provenance;
  provenance.dataset = std::string(name_of(settings.data.layout));
  provenance.data_root = settings.data.root;
  provenance.shots = settings.run.shots;
  provenance.fine_tuned = pipeline.detector().fine_tuned();
  describe_backbone(provenance, pipeline.backbone().card(), pipeline.backbone().checksum());
  provenance.checkpoint = settings.run.checkpoint;
  if (!settings.run.checkpoint.empty())
    provenance.checkpoint_sha256 = sha256_of_file(settings.run.checkpoint);
  return provenance;
}

/// The references of the class that has the most.
std::int64_t most_shots(const References& references) {
  std::size_t most = 0;
  for (const auto& [category, images] : references) most = std::max(most, images.size());
  return static_cast<std::int64_t>(most);
}

/// Class lines as they finish, and a way out on Ctrl-C.
EvaluationListener listener_for(ProgressBar& bar, Communicator& processes, const RunSettings& settings,
                                std::size_t width) {
  EvaluationListener listener;
  listener.progress = [&](std::int64_t done, std::int64_t total, const std::string& note) {
    processes.progress();
    if (interrupted()) throw runtime_error("interrupted; no result was written");
    bar.update(done, total, note);
  };
  listener.class_done = [&bar, width](const ClassResult& result) {
    bar.line(class_line(result.category, result.metrics, width));
  };
  if (settings.run.save_maps && !settings.run.output.empty())
    listener.image_done = [folder = Path(settings.run.output) / "maps"](const Sample& sample,
                                                                        const at::Tensor& map) {
      write_float_map(folder / (sample.name + ".npy"), map);
    };
  return listener;
}

/// The store that the settings name.
FeatureStore open_store(const RunSettings& settings, const Pipeline& pipeline, const Dataset& dataset) {
  const Settings& own = pipeline.settings();
  return {settings.run.store,
          describe_store(dataset.name, pipeline.backbone(), own.image, own.compute.precision,
                         own.store.numbers, pipeline.detector().layers_needed())};
}

struct EvalOptions : CommonOptions {
  bool timings = false;
};

/// How busy each stage of an evaluation was, and the threads that read images for it.
void print_timings(std::vector<StageTime> stages, double seconds, const BatchReader& reader) {
  stages.insert(stages.begin(), {"read, prepare", reader.threads(), reader.busy_seconds()});
  for (const std::string& line : stage_table(stages, seconds)) note(line);
}

void eval(const EvalOptions& options) {
  RunSettings settings = options.resolve();
  require(settings.run.backbone, "--backbone");
  require(settings.data.root, "--data");
  if (settings.run.save_maps) require(settings.run.output, "--save-maps writes below --output, which");
  Dataset dataset = load_dataset(settings.data, splits_for(settings.run));
  const ProcessPlace place = place_from_environment();
  watch_interrupts();
  const auto processes = meet(place, options.quiet);
  const bool first = processes->rank() == 0;
  if (first && !settings.run.output.empty()) require_writable(settings.run.output);
  Settings own_settings = settings.method;
  own_settings.compute = compute_of(place, own_settings.compute);
  apply_compute(own_settings.compute);
  const References references = examine_dataset(dataset, choice_of(settings.run), settings.data.skip_broken,
                                                *processes, settings.method.image.reading);
  if (first && !settings.run.checkpoint.empty()) remark_on_training(dataset, settings.run.checkpoint);
  if (first && !options.quiet) note_remarks(dataset);
  const Share share = share_of(dataset, processes->rank(), processes->size(),
                               settings.method.compute.batch_size, most_shots(references));
  const bool with_store = !settings.run.store.empty();
  ImageIdentities identities(settings.method.image.reading);
  if (with_store) identities.of(images_of(dataset, references), *processes);
  const Pipeline pipeline = Pipeline::load(settings.run.backbone, own_settings, settings.run.checkpoint);
  settings.method = fit_to_backbone(settings.method, pipeline.backbone().card());

  EncodedFeatures encoded = pipeline.features();
  std::optional<StoredFeatures> stored;
  if (with_store) {
    ProgressBar filling("encode", options.quiet || !first);
    stored.emplace(open_store(settings, pipeline, dataset), encoded, pipeline.backbone().device(),
                   std::move(identities));
    stored->fill(images_of(dataset, references), *processes, filling.callback(), interrupted);
  }
  ProgressBar bar("eval", options.quiet || !first);
  const std::size_t width = class_column_width(dataset.categories);
  bar.line(table_heading(width));
  EvaluationListener listener = listener_for(bar, *processes, settings, width);
  if (options.timings)
    listener.timed = [&encoded](const std::vector<StageTime>& stages, double seconds) {
      print_timings(stages, seconds, encoded.reader());
    };
  EvaluationResult own = evaluate(share.dataset, references, pipeline.detector(),
                                  stored ? static_cast<FeatureSource&>(*stored) : encoded,
                                  {settings.method.compute.batch_size, settings.method.metrics, share.split},
                                  listener, mask_reader(settings.method.image.reading));
  EvaluationResult result = gather_results(std::move(own), dataset, share.split, *processes);
  bar.finish();
  const std::vector<std::string> image_remarks = pipeline.remarks();
  if (!options.quiet) note_remarks(image_remarks);  // of the images that this process decoded
  if (!first) return;
  result.remarks = dataset.remarks;
  result.remarks.insert(result.remarks.end(), image_remarks.begin(), image_remarks.end());
  result.left_out = dataset.left_out;
  result.paper = compare_with_paper(compared(settings, pipeline, result));

  const Provenance provenance = provenance_of(settings, pipeline);
  std::string table = results_table(result);
  if (!table.empty() && table.back() == '\n') table.pop_back();
  print(table);
  if (settings.run.output.empty()) return;
  write_results(settings.run.output, result, provenance, settings_json(settings), settings_yaml(settings),
                references_json(references, dataset.root));
  if (!options.quiet) note("results in " + settings.run.output);
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
  options->add_setting(*command, "--seed", "run.seed", "Seed by which references are drawn");
  options->add_setting(*command, "--shots", "run.shots", "References per class");
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
  command->add_flag("--timings", options->timings, "At the end, print how busy each stage was");
  options->add_to(*command);
  command->footer(
      "Examples:\n"
      "  res2clip eval --backbone clip.pt --dataset mvtec --data mvtec_anomaly_detection --output out\n"
      "  res2clip eval --backbone clip.pt --data own --classes leather,screw --shots 4\n"
      "  res2clip eval --config out/settings.yaml        (the same run again)\n"
      "  torchrun --no-python --nproc-per-node 2 res2clip eval ...       (classes shared out; srun and "
      "mpirun too)");
  command->callback([options, &run] { run = [options] { eval(*options); }; });
}

}  // namespace res2clip::app
