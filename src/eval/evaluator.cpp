#include "res2clip/eval/evaluator.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <future>
#include <map>
#include <memory>
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

/// A reference as a sample, named like the samples of the data set where it lies below its root.
Sample reference_sample(const Path& path, const Dataset& dataset, const std::string& category) {
  const Path relative = path.lexically_normal().lexically_relative(dataset.root.lexically_normal());
  const bool below = !relative.empty() && *relative.begin() != "..";
  Sample sample;
  sample.image = path;
  sample.name = (below ? relative : path).generic_string();
  sample.category = category;
  sample.defect = "good";
  return sample;
}

/// The references of all classes of a data set.
std::map<std::string, std::vector<Sample>> reference_samples(const Dataset& dataset,
                                                             const References& references) {
  std::map<std::string, std::vector<Sample>> samples;
  for (const auto& category : dataset.categories) {
    const auto found = references.find(category);
    if (found == references.end() || found->second.empty())
      throw data_error("class '" + category + "' of data set '" + dataset.name +
                       "' has no reference image; name at least one normal image of it");
    for (const auto& path : found->second)
      samples[category].push_back(reference_sample(path, dataset, category));
  }
  return samples;
}

std::vector<Path> paths_of(Batch batch) {
  std::vector<Path> paths;
  for (const Sample& sample : batch) paths.push_back(sample.image);
  return paths;
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

/// The classes of an evaluation, one after the other.
class EvaluationRun {
 public:
  EvaluationRun(const Detector& detector, FeatureStream& stream, const EvaluationOptions& options,
                const EvaluationListener& listener, const ReadMask& masks)
      : detector_(detector), stream_(stream), options_(options), listener_(listener), masks_(masks) {}

  void evaluate(const std::string& category, std::span<const Sample> normals, std::size_t images) {
    Class current;
    current.start = Clock::now();
    current.result.category = category;
    for (const Sample& sample : normals) current.result.references.push_back(sample.name);
    const ReferenceBank bank = bank_of(normals.size());
    // One batch behind: a GPU works on the next one while its figures are taken.
    Batch batch_before;
    std::unique_ptr<FetchedScores> before;
    for (std::size_t seen = 0; seen < images;) {
      const auto [batch, query] = next();
      auto found = detect(query, bank);
      seen += batch.size();
      if (before) collect(batch_before, *before, current);
      batch_before = batch;
      before = std::move(found);
      if (measured_.valid() && measured_.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
        take_measured();
    }
    if (before) collect(batch_before, *before, current);
    take_measured();
    measured_ = std::async(std::launch::async, [this, whole = std::move(current)]() mutable {
      const StageClock::Busy measuring(measuring_);
      if (!is_open(whole)) whole.result.metrics = whole.accumulator.finish(options_.metrics.mode);
      whole.result.seconds = std::chrono::duration<double>(Clock::now() - whole.start).count();
      return std::move(whole);
    });
  }

  EvaluationResult finish() {
    take_measured();
    result_.mode = options_.metrics.mode;
    result_.mean = mean_over_classes(metrics_);
    if (listener_.timed)
      listener_.timed({{"features", 1, features_.seconds()},
                       {"match, score", 1, scoring_.seconds()},
                       {"masks, collect", 1, collecting_.seconds()},
                       {"metrics", 1, measuring_.seconds()}},
                      std::chrono::duration<double>(Clock::now() - start_).count());
    return std::move(result_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Class {
    ClassResult result;
    ClassAccumulator accumulator;
    Clock::time_point start;
  };

  std::pair<Batch, Features> next() {
    const StageClock::Busy waiting(features_);
    return stream_.next();
  }

  std::unique_ptr<FetchedScores> detect(const Features& query, const ReferenceBank& bank) {
    const StageClock::Busy scoring(scoring_);
    return std::make_unique<FetchedScores>(detector_.detect(query, bank));
  }

  ReferenceBank bank_of(std::size_t shots) {
    std::vector<Features> parts;
    for (std::size_t done = 0; done < shots;) {
      auto [batch, features] = next();
      done += batch.size();
      parts.push_back(std::move(features));
    }
    return detector_.remember(concatenate(parts));
  }

  /// Adds a batch's maps and scores to the metrics and the result of its class.
  void collect(Batch batch, FetchedScores& found, Class& current) {
    const StageClock::Busy collecting(collecting_);
    found.wait();
    const auto at = [](const at::Tensor& scores, std::size_t i) {
      return scores[static_cast<std::int64_t>(i)].item<float>();
    };
    const auto masks = masks_of(batch, found.map, masks_);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Sample& sample = batch[i];
      if (!found.finite(static_cast<std::int64_t>(i))) throw FetchedScores::not_finite(sample.image.string());
      const at::Tensor map = found.map[static_cast<std::int64_t>(i)];
      current.result.images.push_back({sample.name, sample.anomalous, at(found.score, i), at(found.text, i),
                                       at(found.visual, i), at(found.residual, i)});
      current.accumulator.add(map, masks[i], current.result.images.back().score, sample.anomalous);
      if (listener_.image_done) listener_.image_done(sample, map);
    }
  }

  /// Whether other processes have images of a class too.
  bool is_open(const Class& one) const {
    return std::find(options_.open.begin(), options_.open.end(), one.result.category) != options_.open.end();
  }

  /// The class before, whose figures were computed meanwhile.
  void take_measured() {
    if (!measured_.valid()) return;
    Class whole = measured_.get();
    const bool open = is_open(whole);
    if (open) result_.open.emplace(whole.result.category, std::move(whole.accumulator));
    result_.classes.push_back(std::move(whole.result));
    if (open) return;
    metrics_.push_back(result_.classes.back().metrics);
    if (listener_.class_done) listener_.class_done(result_.classes.back());
  }

  const Detector& detector_;
  FeatureStream& stream_;
  const EvaluationOptions& options_;
  const EvaluationListener& listener_;
  const ReadMask& masks_;
  const Clock::time_point start_ = Clock::now();
  StageClock features_, scoring_, collecting_, measuring_;
  EvaluationResult result_;
  std::vector<ClassMetrics> metrics_;
  std::future<Class> measured_;  // last: waits for the thread that uses the others
};

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
  if (options.batch_size < 1)
    throw settings_error("the batch size is " + std::to_string(options.batch_size) +
                         "; it must be at least 1");
  const auto normals = reference_samples(dataset, references);
  FeatureStream stream(features, options.batch_size, listener.progress);
  for (const auto& category : dataset.categories) {
    stream.plan(normals.at(category));
    stream.plan(test_of(dataset, category));
  }

  EvaluationRun run(detector, stream, options, listener, masks);
  for (const auto& category : dataset.categories)
    run.evaluate(category, normals.at(category), test_of(dataset, category).size());
  return run.finish();
}

}  // namespace res2clip
