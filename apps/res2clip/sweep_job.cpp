#include "sweep_job.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "res2clip/core/files.hpp"
#include "res2clip/core/json_text.hpp"
#include "res2clip/data/examination.hpp"
#include "res2clip/eval/class_record.hpp"
#include "res2clip/eval/results_folder.hpp"
#include "res2clip/eval/sweep.hpp"
#include "res2clip/eval/table.hpp"
#include "res2clip/features/stored_features.hpp"

#include "command.hpp"
#include "progress_bar.hpp"
#include "remarks.hpp"

namespace res2clip::app {
namespace {

/// One run of the plan.
struct Member {
  PlannedRun planned;
  RunSettings settings;
  std::shared_ptr<const Pipeline> pipeline;
  References references;
  std::string identity;                         ///< of the evaluation, but for its class
  std::map<std::string, ClassResult> finished;  ///< by class
  /// On the images that were decoded, by earlier calls and by this one.
  std::vector<std::string> earlier_remarks, remarks;

  Path remarks_file() const { return Path(settings.run.output) / "classes" / "remarks.txt"; }
  Path record_of(std::size_t place) const {
    return Path(settings.run.output) / "classes" / (std::to_string(place) + ".cbor");
  }
};
using Members = std::vector<Member*>;

/// Only what decides features of an image, scores and metrics may differ between the runs of a plan.
void require_sweepable(const std::string& key, const std::string& where) {
  for (const char* group : {"image.", "prompts.", "text.", "layers.", "retrieval.", "scoring.", "metrics."})
    if (key.starts_with(group)) return;
  for (const char* name : {"run.shots", "run.seed", "run.references", "run.checkpoint"})
    if (key == name) return;
  throw settings_error(where + ": " + key +
                       " cannot be swept; a plan changes image, prompts, text, layers, retrieval, scoring, "
                       "metrics, and run.shots, run.seed, run.references and run.checkpoint");
}

Member member_of(const SweepJob& job, const PlannedRun& planned) {
  Member member{planned, job.base, nullptr, {}, {}, {}, {}, {}};
  const std::string where = job.plan_file + ": run " + planned.name;
  for (const auto& [key, value] : planned.values) {
    require_sweepable(key, where);
    SettingsLayer::from_option(where + ": " + key, key, value).apply(member.settings);
  }
  RunOptions& run = member.settings.run;
  run.output = (Path(job.base.run.output) / planned.name).string();
  if (run.shots == 0 && !run.references.empty())
    throw settings_error(where + ": run.shots 0 takes no references, but run.references names them");
  return member;
}

/// Pipelines over one backbone: one for each method and checkpoint.
class Pipelines {
 public:
  explicit Pipelines(const RunSettings& base) : base_(base) {}

  std::shared_ptr<const Pipeline> of(const RunSettings& settings) {
    const std::string key = settings_yaml(settings.method) + settings.run.checkpoint;
    auto& pipeline = all_[key];
    if (pipeline) return pipeline;
    if (!first_) {
      pipeline = std::make_shared<const Pipeline>(
          Pipeline::load(base_.run.backbone, settings.method, settings.run.checkpoint));
      first_ = pipeline;
      return pipeline;
    }
    Settings method = settings.method;
    method.compute = first_->settings().compute;
    pipeline = std::make_shared<const Pipeline>(first_->with(method, settings.run.checkpoint));
    return pipeline;
  }

 private:
  const RunSettings& base_;
  std::shared_ptr<const Pipeline> first_;
  std::map<std::string, std::shared_ptr<const Pipeline>> all_;
};

std::string text_of(const nlohmann::ordered_json& value) {
  return value.is_string() ? value.get<std::string>() : json_text(value);
}

/// The values of these settings in a run.
std::vector<std::string> values_of(const std::vector<std::string>& keys, const RunSettings& settings) {
  const auto json = settings_json(settings);
  std::vector<std::string> values;
  for (std::string pointer : keys) {
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    values.push_back(text_of(json.at(nlohmann::ordered_json::json_pointer("/" + pointer))));
  }
  return values;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(text.substr(begin, end - begin));
  return lines;
}

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// Those of earlier calls first; what both say, once.
std::vector<std::string> all_remarks(const Member& member) {
  std::vector<std::string> all = member.earlier_remarks;
  for (const std::string& remark : member.remarks)
    if (std::find(all.begin(), all.end(), remark) == all.end()) all.push_back(remark);
  return all;
}

std::int64_t largest_class(const Dataset& dataset) {
  std::size_t most = 1;
  for (const auto& [category, images] : dataset.test) most = std::max(most, images.size());
  return static_cast<std::int64_t>(most);
}

/// How many runs may hold the pixels of two classes in half of this machine's memory.
std::size_t runs_at_once(const Dataset& dataset, std::int64_t image_size) {
  constexpr std::int64_t kBytesPerPixel = 6;  // a score, a label, and what sorting needs
  const std::int64_t of_a_run = 2 * largest_class(dataset) * image_size * image_size * kBytesPerPixel;
  const std::int64_t memory = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  return static_cast<std::size_t>(std::max<std::int64_t>(1, memory / 2 / of_a_run));
}

class Sweep {
 public:
  explicit Sweep(const SweepJob& job) : job_(job), processes_(single_process()) {
    for (const PlannedRun& planned : job.plan.runs) members_.push_back(member_of(job, planned));
    Splits splits = Splits::test;
    for (const Member& member : members_)
      if (splits_for(member.settings.run) == Splits::all && member.settings.run.shots > 0)
        splits = Splits::all;
    dataset_ = load_dataset(job.base.data, splits);
    require_writable(job.base.run.output);
  }

  std::string run() {
    choose_references();
    load_pipelines();
    const std::size_t left = restore();
    if (!job_.quiet && left > 0)
      note(std::to_string(members_.size()) + " runs, " + std::to_string(left) + " of them not finished");
    for (const auto& [image, group] : groups()) evaluate(group);
    std::vector<EvaluatedRun> runs;
    for (Member& member : members_) runs.push_back(finish(member));
    return report(runs);
  }

 private:
  void choose_references() {
    std::vector<ReferenceChoice> choices;
    for (const Member& member : members_) {
      const RunOptions& run = member.settings.run;
      choices.push_back({run.references, run.shots, run.seed});
    }
    const Settings& method = job_.base.method;
    std::vector<References> references =
        examine_dataset(dataset_, choices, job_.base.data.skip_broken, *processes_, method.image.reading);
    for (std::size_t i = 0; i < members_.size(); ++i) members_[i].references = std::move(references[i]);
    if (!job_.quiet) note_remarks(dataset_);
  }

  void load_pipelines() {
    Pipelines pipelines(job_.base);
    for (Member& member : members_) {
      member.pipeline = pipelines.of(member.settings);
      member.settings.method = member.pipeline->settings();
      const Provenance provenance = provenance_of(member.settings, *member.pipeline);
      const auto settings = settings_json(member.settings);
      require_no_other_results(member.settings.run.output, provenance, settings);
      member.identity = identity_of(provenance, settings);
    }
  }

  /// All that decides the result of a class.
  std::string identity_of_class(const Member& member, const std::string& category) const {
    std::string text = member.identity + category + "\n";
    if (const auto own = member.references.find(category); own != member.references.end())
      for (const Path& path : own->second) text += path.string() + "\n";
    for (const Sample& sample : dataset_.test.at(category))
      text += sample.name + "\n" + sample.mask.string() + "\n";
    return text;
  }

  /// Reads what an earlier call finished. Returns how many runs are left.
  std::size_t restore() {
    std::size_t left = 0;
    for (Member& member : members_) {
      for (std::size_t place = 0; place < dataset_.categories.size(); ++place) {
        const std::string& category = dataset_.categories[place];
        if (auto one = read_class_record(member.record_of(place), identity_of_class(member, category)))
          member.finished.emplace(category, *std::move(one));
      }
      left += member.finished.size() < dataset_.categories.size() ? 1 : 0;
      if (!member.finished.empty() && std::filesystem::exists(member.remarks_file()))
        member.earlier_remarks = lines_of(read_file(member.remarks_file()));
    }
    return left;
  }

  /// The runs that see the same images.
  std::map<std::string, Members> groups() {
    std::map<std::string, Members> groups;
    for (Member& member : members_)
      groups[json_text(settings_json(member.settings.method.image))].push_back(&member);
    return groups;
  }

  /// Evaluates what is not finished, as many runs at once as memory holds.
  void evaluate(const Members& group) {
    Members open;
    for (Member* member : group)
      if (member->finished.size() < dataset_.categories.size()) open.push_back(member);
    if (open.empty()) return;
    const Pipeline& pipeline = *group.front()->pipeline;
    EncodedFeatures encoded = pipeline.features(layers_of(group));
    std::optional<StoredFeatures> stored;
    if (!job_.base.run.store.empty()) fill_store(group, open, encoded, stored);
    FeatureSource& features = stored ? static_cast<FeatureSource&>(*stored) : encoded;
    const std::size_t most = runs_at_once(dataset_, pipeline.image_size());
    if (open.size() > most && !job_.quiet)
      note("remark: memory holds " + std::to_string(most) + " of " + std::to_string(open.size()) +
           " runs at once" + (stored ? "" : "; with --store images are still encoded only once"));
    for (std::size_t first = 0; first < open.size(); first += most) {
      const auto begin = open.begin() + static_cast<std::ptrdiff_t>(first);
      const auto count = static_cast<std::ptrdiff_t>(std::min(most, open.size() - first));
      evaluate_together({begin, begin + count}, pipeline, features);
    }
    if (!job_.quiet) note_remarks(pipeline.remarks());
  }

  static std::vector<int> layers_of(const Members& group) {
    std::set<int> layers;
    for (const Member* member : group)
      for (const int layer : member->pipeline->detector().layers_needed()) layers.insert(layer);
    return {layers.begin(), layers.end()};
  }

  /// One store for each kind of features.
  void fill_store(const Members& group, const Members& open, EncodedFeatures& encoded,
                  std::optional<StoredFeatures>& stored) {
    const Pipeline& pipeline = *group.front()->pipeline;
    const Settings& own = pipeline.settings();
    Path folder = job_.base.run.store;
    if (groups().size() > 1)
      folder /= "size-" + std::to_string(own.image.size) + "-" +
                sha256(json_text(settings_json(own.image))).substr(0, 8);
    stored.emplace(FeatureStore(folder, describe_store(dataset_.name, pipeline.backbone(), own.image,
                                                       own.store.numbers, layers_of(group))),
                   encoded, pipeline.backbone().device());
    std::vector<References> references;
    for (const Member* member : open) references.push_back(member->references);
    ProgressBar filling("encode", job_.quiet);
    stored->fill(images_of(dataset_, joined(references)), *processes_, filling.callback(), interrupted);
  }

  /// The classes that any of these runs lacks.
  Dataset unfinished(const Members& members) const {
    Dataset left = dataset_;
    std::erase_if(left.categories, [&](const std::string& category) {
      return std::all_of(members.begin(), members.end(),
                         [&](const Member* member) { return member->finished.contains(category); });
    });
    return left;
  }

  /// `decoding`: whose features these are.
  void evaluate_together(const Members& members, const Pipeline& decoding, FeatureSource& features) {
    const Dataset left = unfinished(members);
    std::vector<EvaluationRun> runs;
    for (const Member* member : members)
      runs.push_back({&member->pipeline->detector(),
                      member->settings.run.shots > 0 ? &member->references : nullptr,
                      member->settings.method.metrics});
    ProgressBar bar("sweep", job_.quiet);
    RunsListener listener;
    listener.progress = [&](std::int64_t done, std::int64_t total, const std::string& text) {
      if (interrupted())
        throw runtime_error("interrupted; the same command goes on with the classes that are not finished");
      bar.update(done, total, text);
    };
    listener.class_done = [&](std::size_t run, const ClassResult& result) {
      members[run]->remarks = decoding.remarks();
      keep(*members[run], result);
    };
    const Settings& method = members.front()->settings.method;
    evaluate_runs(left, runs, features, {method.compute.batch_size, method.metrics}, listener,
                  mask_reader(method.image.reading));
    bar.finish();
  }

  void keep(Member& member, const ClassResult& result) {
    const auto place = static_cast<std::size_t>(
        std::find(dataset_.categories.begin(), dataset_.categories.end(), result.category) -
        dataset_.categories.begin());
    write_file(member.remarks_file(), text_of(all_remarks(member)));
    write_class_record(member.record_of(place), result, identity_of_class(member, result.category));
    member.finished.insert_or_assign(result.category, result);
  }

  EvaluatedRun finish(Member& member) {
    EvaluationResult result;
    result.metrics = member.settings.method.metrics;
    std::vector<ClassMetrics> metrics;
    for (const std::string& category : dataset_.categories) {
      result.classes.push_back(member.finished.at(category));
      metrics.push_back(result.classes.back().metrics);
    }
    result.mean = mean_over_classes(metrics);
    const PlannedRun& planned = member.planned;
    EvaluatedRun run =
        finished_run(member.settings, std::move(result), *member.pipeline, dataset_, all_remarks(member),
                     member.references, {{planned.table, planned.row}, planned.own});
    write_run(run);
    return run;
  }

  std::string report(const std::vector<EvaluatedRun>& runs) const {
    std::vector<SweptRun> swept;
    for (std::size_t i = 0; i < runs.size(); ++i)
      swept.push_back(
          {members_[i].planned.name, values_of(job_.plan.keys, runs[i].settings), &runs[i].result});
    write_file(Path(job_.base.run.output) / "sweep.csv", sweep_csv(job_.plan.keys, swept));
    return sweep_table(job_.plan.keys, swept);
  }

  const SweepJob& job_;
  std::unique_ptr<Communicator> processes_;
  std::vector<Member> members_;
  Dataset dataset_;
};

}  // namespace

std::string sweep(const SweepJob& job) {
  return Sweep(job).run();
}

}  // namespace res2clip::app
