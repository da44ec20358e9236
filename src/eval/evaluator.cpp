#include "res2clip/eval/evaluator.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "res2clip/compute/parallel.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/image/prepare.hpp"
#include "res2clip/metrics/accumulator.hpp"
#include "res2clip/model/fetched_scores.hpp"

namespace res2clip {
namespace {

using Batch = std::span<const Sample>;

/// The test images of a class; a class may have none.
std::span<const Sample> test_of(const Dataset& dataset, const std::string& category) {
  const auto found = dataset.test.find(category);
  if (found == dataset.test.end()) return {};
  return found->second;
}

/// The path from the root where a file lies below it, else its own; empty for none.
std::string below(const Path& root, const Path& file) {
  const Path relative = file.lexically_normal().lexically_relative(root.lexically_normal());
  const bool within = !relative.empty() && *relative.begin() != "..";
  return (within ? relative : file).generic_string();
}

/// A reference as a sample, named like the samples of the data set where it lies below its root.
Sample reference_sample(const Path& path, const Dataset& dataset, const std::string& category) {
  Sample sample;
  sample.image = path;
  sample.name = below(dataset.root, path);
  sample.category = category;
  sample.defect = "good";
  return sample;
}

/// The references of a class; none without references.
std::span<const Path> references_of(const References& references, const std::string& category) {
  const auto found = references.find(category);
  if (found == references.end()) return {};
  return found->second;
}

/// The references of all classes of a data set, in the order of its classes.
std::map<std::string, std::vector<Sample>> reference_samples(const Dataset& dataset,
                                                             const References& references) {
  std::map<std::string, std::vector<Sample>> samples;
  for (const auto& category : dataset.categories) {
    std::vector<Sample>& own = samples[category];
    for (const Path& path : references_of(references, category))
      own.push_back(reference_sample(path, dataset, category));
  }
  return samples;
}

/// The references of a class in a run; none of a run by the text branch alone.
std::span<const Path> references_of(const EvaluationRun& run, const std::string& category) {
  if (run.references == nullptr) return {};
  return references_of(*run.references, category);
}

void require_references(const Dataset& dataset, const EvaluationRun& run) {
  if (run.references == nullptr) return;
  for (const auto& category : dataset.categories) {
    if (references_of(run, category).empty())
      throw data_error("class '" + category + "' of data set '" + dataset.name +
                       "' has no reference image; name at least one normal image of it");
  }
}

std::vector<Path> paths_of(Batch batch) {
  std::vector<Path> paths;
  for (const Sample& sample : batch) paths.push_back(sample.image);
  return paths;
}

/// One image of a batch, as views.
Features image_of(const Features& batch, std::int64_t i) {
  Features image{batch.global.narrow(0, i, 1), {}, batch.grid};
  for (const auto& [layer, patches] : batch.patches) image.patches[layer] = patches.narrow(0, i, 1);
  return image;
}

/// All batches of an evaluation in the order in which their features are needed.
class FeatureStream {
 public:
  FeatureStream(FeatureSource& source, std::int64_t batch_size, const ProgressCallback& progress)
      : source_(source), batch_size_(static_cast<std::size_t>(batch_size)), progress_(progress) {}

  void plan(std::span<const Sample> samples) {
    total_ += static_cast<std::int64_t>(samples.size());
    for (std::size_t first = 0; first < samples.size(); first += batch_size_)
      batches_.push_back(samples.subspan(first, std::min(batch_size_, samples.size() - first)));
  }

  /// The next planned batch with its features.
  std::pair<Batch, Features> next() {
    constexpr std::size_t kBatchesAhead = 2;
    const Batch batch = batches_[position_++];
    announced_ = std::max(announced_, position_);
    for (; announced_ < std::min(position_ + kBatchesAhead, batches_.size()); ++announced_)
      source_.soon(paths_of(batches_[announced_]));
    Features features = source_.of(paths_of(batch));
    const std::int64_t given = features.global.defined() ? features.batch() : 0;
    if (given != static_cast<std::int64_t>(batch.size()))
      throw data_error("the source of features gave those of " + std::to_string(given) + " images for " +
                       std::to_string(batch.size()) + ", of which " + batch.front().name + " is the first");
    done_ += static_cast<std::int64_t>(batch.size());
    if (progress_) progress_(done_, total_, batch.front().category);
    return {batch, std::move(features)};
  }

 private:
  FeatureSource& source_;
  std::size_t batch_size_;
  const ProgressCallback& progress_;
  std::vector<Batch> batches_;
  std::size_t position_ = 0, announced_ = 0;
  std::int64_t done_ = 0;
  std::int64_t total_ = 0;
};

std::vector<at::Tensor> masks_of(Batch batch, const at::Tensor& maps, const ReadMask& read) {
  std::vector<at::Tensor> masks(batch.size());
  parallel_for_each(batch.size(), [&](std::size_t i) {
    const bool asked = batch[i].anomalous || !batch[i].mask.empty();
    if (asked && read) masks[i] = read(batch[i], maps.size(1));
  });
  return masks;
}

/// The classes of an evaluation, one after the other, for all runs at once.
class SharedEvaluation {
 public:
  SharedEvaluation(const Path& root, std::span<const EvaluationRun> runs, FeatureStream& stream,
                   const EvaluationOptions& options, const RunsListener& listener, const ReadMask& masks)
      : root_(root),
        runs_(runs),
        stream_(stream),
        options_(options),
        listener_(listener),
        masks_(masks),
        results_(runs.size()),
        metrics_(runs.size()) {}

  /// `normals`: the references of all runs, each once. The stream has their batches, then those of `images`
  /// test images.
  void evaluate(const Dataset& dataset, const std::string& category, std::span<const Sample> normals,
                std::size_t images) {
    std::vector<Class> current = begin(dataset, category);
    const Banks banks = banks_of(normals, category);
    // One batch behind: a GPU works on the next one while its figures are taken.
    Batch batch_before;
    std::vector<FetchedScores> before;
    for (std::size_t seen = 0; seen < images;) {
      const auto [batch, query] = next();
      auto found = detect(query, banks);
      seen += batch.size();
      collect(batch_before, before, current);
      batch_before = batch;
      before = std::move(found);
      if (measured_.valid() && measured_.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
        take_measured();
    }
    collect(batch_before, before, current);
    take_measured();
    measured_ = std::async(std::launch::async, [this, whole = std::move(current)]() mutable {
      measure(whole);
      return std::move(whole);
    });
  }

  std::vector<EvaluationResult> finish() {
    take_measured();
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      results_[run].metrics = runs_[run].metrics;
      results_[run].mean = mean_over_classes(metrics_[run]);
    }
    if (listener_.timed)
      listener_.timed({{"features", 1, features_.seconds()},
                       {"match, score", 1, scoring_.seconds()},
                       {"masks, collect", 1, collecting_.seconds()},
                       {"metrics", 1, measuring_.seconds()}},
                      std::chrono::duration<double>(Clock::now() - start_).count());
    return std::move(results_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Banks = std::vector<std::optional<ReferenceBank>>;  ///< by run; none: the text branch alone
  /// A class as one run sees it.
  struct Class {
    ClassResult result;
    ClassAccumulator accumulator;
    Clock::time_point start;
  };

  std::vector<Class> begin(const Dataset& dataset, const std::string& category) const {
    std::vector<Class> current(runs_.size());
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      current[run].start = Clock::now();
      current[run].result.category = category;
      for (const Path& path : references_of(runs_[run], category))
        current[run].result.references.push_back(reference_sample(path, dataset, category).name);
    }
    return current;
  }

  std::pair<Batch, Features> next() {
    const StageClock::Busy waiting(features_);
    return stream_.next();
  }

  std::vector<FetchedScores> detect(const Features& query, const Banks& banks) {
    const StageClock::Busy scoring(scoring_);
    std::vector<FetchedScores> found;
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      const Detector& detector = *runs_[run].detector;
      found.emplace_back(banks[run] ? detector.detect(query, *banks[run]) : detector.detect(query),
                         at::Tensor(),
                         /*branch_maps=*/static_cast<bool>(listener_.branches_done));
    }
    return found;
  }

  /// The bank of each run, of the references that are its own.
  Banks banks_of(std::span<const Sample> normals, const std::string& category) {
    std::map<Path, Features> features;
    for (std::size_t done = 0; done < normals.size();) {
      const auto [batch, found] = next();
      for (std::size_t i = 0; i < batch.size(); ++i)
        features.emplace(batch[i].image, image_of(found, static_cast<std::int64_t>(i)));
      done += batch.size();
    }
    Banks banks;
    for (const EvaluationRun& run : runs_) {
      if (run.references == nullptr) {
        banks.emplace_back();
        continue;
      }
      std::vector<Features> own;
      for (const Path& path : references_of(run, category)) own.push_back(features.at(path));
      banks.push_back(run.detector->remember(concatenate(own)));
    }
    return banks;
  }

  /// Adds the maps and scores of a batch to the metrics and results of its class.
  void collect(Batch batch, std::vector<FetchedScores>& found, std::vector<Class>& current) {
    if (found.empty()) return;
    const StageClock::Busy collecting(collecting_);
    found.front().wait();
    const auto masks = masks_of(batch, found.front().map, masks_);  // of one size for all runs
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      found[run].wait();
      collect(batch, found[run], masks, run, current[run]);
    }
  }

  void collect(Batch batch, const FetchedScores& found, const std::vector<at::Tensor>& masks, std::size_t run,
               Class& current) {
    const auto at = [](const at::Tensor& scores, std::size_t i) {
      return scores[static_cast<std::int64_t>(i)].item<float>();
    };
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Sample& sample = batch[i];
      if (!found.finite(static_cast<std::int64_t>(i))) throw FetchedScores::not_finite(sample.image.string());
      const at::Tensor map = found.map[static_cast<std::int64_t>(i)];
      current.result.images.push_back({sample.name, sample.anomalous, at(found.score, i), at(found.text, i),
                                       at(found.visual, i), at(found.residual, i),
                                       below(root_, sample.mask)});
      current.accumulator.add(map, masks[i], current.result.images.back().score, sample.anomalous);
      if (listener_.image_done) listener_.image_done(run, sample, map);
      if (listener_.branches_done) {
        const auto row = static_cast<std::int64_t>(i);
        listener_.branches_done(run, sample,
                                {found.text_map[row], found.visual_map[row], found.residual_map[row]});
      }
    }
  }

  /// The figures of a class, run by run.
  void measure(std::vector<Class>& whole) {
    const StageClock::Busy measuring(measuring_);
    for (std::size_t run = 0; run < whole.size(); ++run) {
      Class& one = whole[run];
      if (!is_open(one)) {
        one.result.metrics = one.accumulator.finish(runs_[run].metrics);
        one.accumulator = {};
      }
      one.result.seconds = std::chrono::duration<double>(Clock::now() - one.start).count();
    }
  }

  /// Whether other processes have images of a class too.
  bool is_open(const Class& one) const {
    return std::find(options_.open.begin(), options_.open.end(), one.result.category) != options_.open.end();
  }

  /// The class before, whose figures were computed meanwhile.
  void take_measured() {
    if (!measured_.valid()) return;
    std::vector<Class> whole = measured_.get();
    for (std::size_t run = 0; run < whole.size(); ++run) take_measured(run, std::move(whole[run]));
  }

  void take_measured(std::size_t run, Class whole) {
    const bool open = is_open(whole);
    EvaluationResult& result = results_[run];
    if (open) result.open.emplace(whole.result.category, std::move(whole.accumulator));
    result.classes.push_back(std::move(whole.result));
    if (open) return;
    metrics_[run].push_back(result.classes.back().metrics);
    if (listener_.class_done) listener_.class_done(run, result.classes.back());
  }

  const Path& root_;
  std::span<const EvaluationRun> runs_;
  FeatureStream& stream_;
  const EvaluationOptions& options_;
  const RunsListener& listener_;
  const ReadMask& masks_;
  const Clock::time_point start_ = Clock::now();
  StageClock features_, scoring_, collecting_, measuring_;
  std::vector<EvaluationResult> results_;
  std::vector<std::vector<ClassMetrics>> metrics_;
  std::future<std::vector<Class>> measured_;  // last: waits for the thread that uses the others
};

/// What the listener of a single run hears of several.
RunsListener listener_of_one(const EvaluationListener& listener) {
  RunsListener of_runs{listener.progress, {}, {}, {}, listener.timed};
  if (listener.class_done)
    of_runs.class_done = [&listener](std::size_t, const ClassResult& result) { listener.class_done(result); };
  if (listener.image_done)
    of_runs.image_done = [&listener](std::size_t, const Sample& sample, const at::Tensor& map) {
      listener.image_done(sample, map);
    };
  return of_runs;
}

}  // namespace

at::Tensor read_mask(const Sample& sample, std::int64_t size) {
  return sample.mask.empty() ? at::Tensor() : prepare_mask(sample.mask, size);
}

ReadMask mask_reader(const ReadOptions& options) {
  return [options](const Sample& sample, std::int64_t size) {
    return sample.mask.empty() ? at::Tensor() : prepare_mask(sample.mask, size, options);
  };
}

std::vector<Path> images_of(const Dataset& dataset, const References& references) {
  std::vector<Path> images;
  for (const auto& category : dataset.categories) {
    if (const auto found = references.find(category); found != references.end())
      images.insert(images.end(), found->second.begin(), found->second.end());
    for (const Sample& sample : test_of(dataset, category)) images.push_back(sample.image);
  }
  return images;
}

std::vector<Path> masks_of(const Dataset& dataset) {
  std::vector<Path> masks;
  for (const auto& category : dataset.categories)
    for (const Sample& sample : test_of(dataset, category))
      if (!sample.mask.empty()) masks.push_back(sample.mask);
  return masks;
}

EvaluationResult evaluate(const Dataset& dataset, const References& references, const Detector& detector,
                          FeatureSource& features, const EvaluationOptions& options,
                          const EvaluationListener& listener, const ReadMask& masks) {
  const EvaluationRun run{&detector, &references, options.metrics};
  return std::move(
      evaluate_runs(dataset, {&run, 1}, features, options, listener_of_one(listener), masks).front());
}

std::vector<EvaluationResult> evaluate_runs(const Dataset& dataset, std::span<const EvaluationRun> runs,
                                            FeatureSource& features, const EvaluationOptions& options,
                                            const RunsListener& listener, const ReadMask& masks) {
  if (options.batch_size < 1)
    throw settings_error("the batch size is " + std::to_string(options.batch_size) +
                         "; it must be at least 1");
  TORCH_INTERNAL_ASSERT(!runs.empty());
  std::vector<References> references;
  for (const EvaluationRun& run : runs) {
    require_references(dataset, run);
    if (run.references != nullptr) references.push_back(*run.references);
  }
  const auto normals = reference_samples(dataset, joined(references));
  FeatureStream stream(features, options.batch_size, listener.progress);
  for (const auto& category : dataset.categories) {
    stream.plan(normals.at(category));
    stream.plan(test_of(dataset, category));
  }

  SharedEvaluation evaluation(dataset.root, runs, stream, options, listener, masks);
  for (const auto& category : dataset.categories)
    evaluation.evaluate(dataset, category, normals.at(category), test_of(dataset, category).size());
  return evaluation.finish();
}

}  // namespace res2clip
