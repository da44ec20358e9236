#include "evaluation.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "res2clip/core/files.hpp"
#include "res2clip/data/examination.hpp"
#include "res2clip/data/layout.hpp"
#include "res2clip/data/training_record.hpp"
#include "res2clip/eval/results_folder.hpp"
#include "res2clip/eval/runs.hpp"
#include "res2clip/eval/sharing.hpp"
#include "res2clip/eval/table.hpp"
#include "res2clip/features/stored_features.hpp"
#include "res2clip/image/examine.hpp"
#include "res2clip/image/write.hpp"
#include "res2clip/pipeline/pipeline.hpp"

#include "command.hpp"
#include "output_files.hpp"
#include "progress_bar.hpp"
#include "remarks.hpp"

namespace res2clip::app {
namespace {

std::vector<ReferenceChoice> choices_of(const std::vector<RunSettings>& runs) {
  std::vector<ReferenceChoice> choices;
  for (const RunSettings& one : runs) choices.push_back({one.run.references, one.run.shots, one.run.seed});
  return choices;
}

ComparedRun compared(const RunSettings& settings, const Pipeline& pipeline, const EvaluationResult& result,
                     const Comparison& comparison) {
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
  run.metrics = settings.method.metrics;
  run.backbone_differs = differs_from_papers_backbone(pipeline.backbone().card(),
                                                      settings.method.profile == Profile::paper ? 20 : 19);
  run.ablation = comparison.ablation;
  for (const std::string& key : changed_settings(settings.method))
    if (std::none_of(comparison.meant.begin(), comparison.meant.end(),
                     [&](const std::string& meant) { return (key + ".").starts_with(meant + "."); }))
      run.changed_settings.push_back(key);
  if (!settings.run.checkpoint.empty())
    if (const auto record = read_training_record(Path(settings.run.checkpoint).parent_path()))
      run.trained_on = record->categories;
  return run;
}

/// The references of the class that has the most.
std::int64_t most_shots(const References& references) {
  std::size_t most = 0;
  for (const auto& [category, images] : references) most = std::max(most, images.size());
  return static_cast<std::int64_t>(most);
}

/// Class lines as they finish, and a way out on Ctrl-C.
RunsListener listener_for(ProgressBar& bar, Communicator& processes, const std::vector<RunSettings>& runs,
                          std::size_t width) {
  RunsListener listener;
  listener.progress = [&](std::int64_t done, std::int64_t total, const std::string& note) {
    processes.progress();
    if (interrupted()) throw runtime_error("interrupted; no result was written");
    bar.update(done, total, note);
  };
  const bool several = runs.size() > 1;
  listener.class_done = [&bar, &runs, width, several](std::size_t run, const ClassResult& result) {
    bar.line(class_line(result.category, result.metrics, width) +
             (several ? "  " + run_name(runs[run].run.shots, runs[run].run.seed) : ""));
  };
  const RunOptions& first = runs.front().run;
  const auto map_file = [&runs](std::size_t run, const char* folder, const Sample& sample) {
    return output_file(Path(runs[run].run.output) / folder, sample.name, ".npy");
  };
  if (first.save_maps && !first.output.empty())
    listener.image_done = [map_file](std::size_t run, const Sample& sample, const at::Tensor& map) {
      write_float_map(map_file(run, "maps", sample), map);
    };
  if (first.save_branch_maps && !first.output.empty())
    listener.branches_done = [map_file](std::size_t run, const Sample& sample, const BranchMaps& maps) {
      write_float_map(map_file(run, "text_maps", sample), maps.text);
      write_float_map(map_file(run, "visual_maps", sample), maps.visual);
      write_float_map(map_file(run, "residual_maps", sample), maps.residual);
    };
  return listener;
}

/// The store that the settings name.
FeatureStore open_store(const RunSettings& settings, const Pipeline& pipeline, const Dataset& dataset) {
  const Settings& own = pipeline.settings();
  return {settings.run.store, describe_store(dataset.name, pipeline.backbone(), own.image, own.store.numbers,
                                             pipeline.detector().layers_needed())};
}

/// How busy each stage of an evaluation was, and the threads that read images for it.
void print_timings(std::vector<StageTime> stages, double seconds, const BatchReader& reader) {
  stages.insert(stages.begin(), {"read, prepare", reader.threads(), reader.busy_seconds()});
  for (const std::string& line : stage_table(stages, seconds)) note(line);
}

/// Runs with the same references add nothing to a standard deviation.
void remark_on_same_references(Dataset& dataset, std::vector<References> references) {
  for (References& own : references)
    for (auto& [category, paths] : own) std::sort(paths.begin(), paths.end());
  std::size_t same = 0;
  for (auto one = references.begin(); one != references.end(); ++one)
    if (std::find(references.begin(), one, *one) != one) ++same;
  if (same > 0)
    dataset.remarks.push_back(std::to_string(same) + " of " + std::to_string(references.size()) +
                              " runs have the same references as a run before them (few training images?): "
                              "standard deviations are too small");
}

/// Folders that can be written, before hours of work.
void require_outputs(const std::vector<RunSettings>& runs) {
  for (const RunSettings& one : runs)
    if (!one.run.output.empty()) require_writable(one.run.output);
}

/// Folders that hold no other results, before anything is encoded.
void require_own_outputs(const std::vector<RunSettings>& runs, const Pipeline& pipeline) {
  for (const RunSettings& one : runs)
    if (!one.run.output.empty())
      require_no_other_results(one.run.output, provenance_of(one, pipeline), settings_json(one));
}

std::vector<EvaluationRun> planned(const std::vector<RunSettings>& settings,
                                   const std::vector<References>& references, const Detector& detector) {
  std::vector<EvaluationRun> runs;
  for (std::size_t i = 0; i < settings.size(); ++i)
    runs.push_back(
        {&detector, settings[i].run.shots > 0 ? &references[i] : nullptr, settings[i].method.metrics});
  return runs;
}

/// Reads masks, and counts those that mark something, but no pixel at the size of the maps: a scratch of a
/// pixel's width may vanish, and its image's pixels all count as good.
class ScaledMasks {
 public:
  explicit ScaledMasks(const ReadOptions& reading) : reading_(reading), read_(mask_reader(reading)) {}

  at::Tensor of(const Sample& sample, std::int64_t size) {
    at::Tensor mask = read_(sample, size);
    if (!mask.defined() || mask.any().item<bool>() || traits_of(read_whole_mask(sample.mask, reading_)).empty)
      return mask;
    const std::lock_guard lock(mutex_);
    size_ = size;
    vanished_[sample.category].insert(sample.mask);
    return mask;
  }

  void add_to(std::vector<std::string>& remarks) const {
    for (const auto& [category, masks] : vanished_)
      remarks.push_back(category + ": " + std::to_string(masks.size()) + " masks mark no pixel at " +
                        std::to_string(size_) + " x " + std::to_string(size_) +
                        ", the size of the maps, so that all pixels of these images count as good (first: " +
                        masks.begin()->string() + ")");
  }

 private:
  ReadOptions reading_;
  ReadMask read_;
  std::mutex mutex_;  // masks are read by several threads
  std::int64_t size_ = 0;
  std::map<std::string, std::set<Path>> vanished_;  // by class
};

}  // namespace

Splits splits_for(const RunOptions& run) {
  return is_references_file(run.references) ? Splits::test : Splits::all;
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

EvaluatedRun finished_run(RunSettings settings, EvaluationResult result, const Pipeline& pipeline,
                          const Dataset& dataset, const std::vector<std::string>& remarks,
                          const References& references, const Comparison& comparison) {
  result.remarks = dataset.remarks;
  result.remarks.insert(result.remarks.end(), remarks.begin(), remarks.end());
  result.left_out = dataset.left_out;
  // Only a row of the paper's ablations is of changed settings.
  const bool meant = !comparison.ablation.source.empty();
  result.paper = compare_with_paper(compared(settings, pipeline, result, meant ? comparison : Comparison{}));
  Provenance provenance = provenance_of(settings, pipeline);
  return {std::move(settings), std::move(result), std::move(provenance),
          references_json(references, dataset.root)};
}

std::vector<EvaluatedRun> evaluate_job(const EvaluationJob& job) {
  std::vector<RunSettings> runs = job.runs;
  const RunSettings& common = runs.front();
  Dataset dataset = load_dataset(common.data, splits_for(common.run));
  const ProcessPlace place = place_from_environment();
  watch_interrupts();
  const auto processes = meet(place, job.quiet);
  const bool first = processes->rank() == 0;
  if (first) require_outputs(runs);
  Settings own_settings = common.method;
  own_settings.compute = compute_of(place, own_settings.compute);
  apply_compute(own_settings.compute);
  const std::vector<References> references = examine_dataset(
      dataset, choices_of(runs), common.data.skip_broken, *processes, common.method.image.reading);
  const References all = joined(references);
  remark_on_same_references(dataset, references);
  if (first && !common.run.checkpoint.empty()) remark_on_training(dataset, common.run.checkpoint);
  if (first && !job.quiet) note_remarks(dataset);
  const Share share = share_of(dataset, processes->rank(), processes->size(),
                               common.method.compute.batch_size, most_shots(all));
  const bool with_store = !common.run.store.empty();
  ImageIdentities identities(common.method.image.reading);
  if (with_store) identities.of(images_of(dataset, all), *processes);
  const Pipeline pipeline = Pipeline::load(common.run.backbone, own_settings, common.run.checkpoint);
  for (RunSettings& one : runs) one.method = fit_to_backbone(one.method, pipeline.backbone());
  if (first) require_own_outputs(runs, pipeline);

  EncodedFeatures encoded = pipeline.features();
  std::optional<StoredFeatures> stored;
  if (with_store) {
    ProgressBar filling("encode", job.quiet || !first);
    stored.emplace(open_store(common, pipeline, dataset), encoded, pipeline.backbone().device(),
                   std::move(identities));
    stored->fill(images_of(dataset, all), *processes, filling.callback(), interrupted);
  }
  ProgressBar bar("eval", job.quiet || !first);
  const std::size_t width = class_column_width(dataset.categories);
  bar.line(table_heading(width));
  RunsListener listener = listener_for(bar, *processes, runs, width);
  if (job.timings)
    listener.timed = [&encoded](const std::vector<StageTime>& stages, double seconds) {
      print_timings(stages, seconds, encoded.reader());
    };
  ScaledMasks masks(common.method.image.reading);
  std::vector<EvaluationResult> own =
      evaluate_runs(share.dataset, planned(runs, references, pipeline.detector()),
                    stored ? static_cast<FeatureSource&>(*stored) : encoded,
                    {common.method.compute.batch_size, common.method.metrics, share.split}, listener,
                    [&masks](const Sample& sample, std::int64_t size) { return masks.of(sample, size); });
  for (EvaluationResult& result : own)
    result = gather_results(std::move(result), dataset, share.split, *processes);
  bar.finish();
  std::vector<std::string> image_remarks = pipeline.remarks();
  masks.add_to(image_remarks);
  if (!job.quiet) note_remarks(image_remarks);  // of the images that this process decoded
  std::vector<EvaluatedRun> evaluated;
  for (std::size_t i = 0; first && i < runs.size(); ++i)
    evaluated.push_back(
        finished_run(std::move(runs[i]), std::move(own[i]), pipeline, dataset, image_remarks, references[i]));
  return evaluated;
}

void write_run(const EvaluatedRun& run) {
  write_results(run.settings.run.output, run.result, run.provenance, settings_json(run.settings),
                settings_yaml(run.settings), run.references);
}

}  // namespace res2clip::app
