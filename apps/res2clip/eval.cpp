#include <ATen/ops/full.h>
#include <nlohmann/json.hpp>

#include "res2clip/eval/evaluator.hpp"
#include "res2clip/eval/image_encoder.hpp"
#include "res2clip/eval/results.hpp"
#include "res2clip/eval/sharing.hpp"
#include "res2clip/eval/stored_features.hpp"
#include "res2clip/eval/table.hpp"
#include "res2clip/image/read.hpp"
#include "res2clip/image/write.hpp"
#include "res2clip/pipeline/pipeline.hpp"

#include "command.hpp"
#include "progress_bar.hpp"

namespace res2clip::app {
namespace {

References references_for(const RunSettings& settings, const Dataset& dataset) {
  if (settings.run.references.empty())
    return choose_references(dataset, settings.run.shots, settings.run.seed);
  const References all = read_references(settings.run.references, dataset.root);
  return take_references(all, dataset.categories, settings.run.shots);
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

/// Before anything is encoded: whether what the store lacks, of all processes together, fits on its disk.
void expect_space(FeatureStore& store, const std::vector<std::string>& identities, Communicator& processes) {
  at::Tensor missing = at::full({1}, static_cast<double>(store.missing(identities).size()), at::kDouble);
  processes.sum(missing);
  store.require_space(static_cast<std::int64_t>(missing.item<double>()));
}

void eval(const CommonOptions& options) {
  RunSettings settings = options.resolve();
  require(settings.run.backbone, "--backbone");
  require(settings.data.root, "--data");
  if (settings.run.save_maps) require(settings.run.output, "--save-maps writes below --output, which");
  const Dataset dataset = load_dataset(settings.data);
  const References references = references_for(settings, dataset);
  const ProcessPlace place = place_from_environment();
  watch_interrupts();
  const auto processes = meet(place, options.quiet);
  const bool first = processes->rank() == 0;
  if (first && !settings.run.output.empty()) expect_writable(settings.run.output);
  Settings own_settings = settings;
  own_settings.compute = compute_of(place, settings.compute);
  apply(own_settings.compute);
  std::int64_t shots = 0;
  for (const auto& [category, images] : references)
    shots = std::max(shots, static_cast<std::int64_t>(images.size()));
  const Share share =
      share_of(dataset, processes->rank(), processes->size(), settings.compute.batch_size, shots);
  expect_whole_images(files_of(share.dataset, references));
  const Pipeline pipeline = Pipeline::load(settings.run.backbone, own_settings, settings.run.checkpoint);
  settings.image = pipeline.settings().image;
  settings.backbone = pipeline.settings().backbone;

  ImageEncoder encoder([&](std::span<const Path> images) { return pipeline.prepare(images); },
                       [&](const at::Tensor& images) { return pipeline.encode(images); },
                       pipeline.backbone().device().is_cuda());
  EvaluationInput input = input_from_files(encoder);
  std::optional<FeatureStore> store;
  ImageIdentities identities;
  if (!settings.run.store.empty()) {
    store.emplace(settings.run.store, describe_store(dataset.name, pipeline.backbone(), settings,
                                                     pipeline.detector().layers_needed()));
    expect_space(*store, identities.of(images_of(share.dataset, references)), *processes);
    input = with_store(std::move(input), *store, identities, pipeline.backbone().device());
  }
  ProgressBar bar("eval", options.quiet || !first);
  const std::size_t width = class_column_width(dataset.categories);
  bar.line(table_heading(width));
  EvaluationResult own = evaluate(share.dataset, references, pipeline.detector(), input,
                                  {settings.compute.batch_size, settings.metrics, share.split},
                                  listener_for(bar, *processes, settings, width));
  const EvaluationResult result = gather_results(std::move(own), dataset, share.split, *processes);
  bar.finish();
  if (!first) return;

  const Provenance provenance = provenance_of(settings, pipeline);
  std::string table =
      results_table(result, published_result(provenance.dataset, provenance.fine_tuned, provenance.shots,
                                             static_cast<std::int64_t>(result.classes.size())));
  if (!table.empty() && table.back() == '\n') table.pop_back();
  print(table);
  if (settings.run.output.empty()) return;
  write_results(settings.run.output, result, provenance, settings_json(settings), settings_yaml(settings),
                references_json(references, dataset.root));
  if (!options.quiet) note("results in " + settings.run.output);
}

}  // namespace

void add_eval(CLI::App& program, Run& run) {
  auto options = std::make_shared<CommonOptions>();
  CLI::App* command =
      program.add_subcommand("eval", "Scores a data set and computes the seven figures per class");
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
          "References file {class: [path, ...]}; default: drawn by the seed")
      ->type_name("FILE");
  options->add_setting(*command, "--metrics", "metrics.mode",
                       "released (200 strips) or exact (every threshold)");
  options->add_switch(
      *command, "--save-maps", [](RunSettings& s) -> bool& { return s.run.save_maps; },
      "Also write each image's anomaly map");
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
