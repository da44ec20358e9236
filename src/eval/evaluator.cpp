#include "res2clip/eval/evaluator.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <utility>

#include <ATen/Parallel.h>

#include "res2clip/core/error.hpp"
#include "res2clip/metrics/accumulator.hpp"

#include "fetched_scores.hpp"

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

/// All batches of an evaluation in the order in which their features are needed.
class FeatureStream {
 public:
  FeatureStream(const EvaluationInput& input, std::int64_t batch_size, const ProgressCallback& progress)
      : input_(input), batch_size_(static_cast<std::size_t>(batch_size)), progress_(progress) {}

  void plan(std::span<const Sample> samples) {
    total_ += static_cast<std::int64_t>(samples.size());
    for (std::size_t first = 0; first < samples.size(); first += batch_size_)
      batches_.push_back(samples.subspan(first, std::min(batch_size_, samples.size() - first)));
  }

  /// The next planned batch with its features.
  std::pair<Batch, Features> next() {
    const Batch batch = batches_[position_++];
    if (input_.upcoming && position_ < batches_.size()) input_.upcoming(batches_[position_]);
    Features features = input_.features(batch);
    TORCH_INTERNAL_ASSERT(features.batch() == static_cast<std::int64_t>(batch.size()));
    done_ += static_cast<std::int64_t>(batch.size());
    if (progress_) progress_(done_, total_, batch.front().category);
    return {batch, std::move(features)};
  }

 private:
  const EvaluationInput& input_;
  std::size_t batch_size_;
  const ProgressCallback& progress_;
  std::vector<Batch> batches_;
  std::size_t position_ = 0;
  std::int64_t done_ = 0;
  std::int64_t total_ = 0;
};

ReferenceBank bank_of(FeatureStream& stream, std::size_t shots, const Detector& detector) {
  std::vector<Features> parts;
  for (std::size_t done = 0; done < shots;) {
    auto [batch, features] = stream.next();
    done += batch.size();
    parts.push_back(std::move(features));
  }
  return detector.remember(parts.size() == 1 ? parts.front() : concatenate(parts));
}

std::vector<at::Tensor> masks_of(Batch batch, const at::Tensor& maps, const EvaluationInput& input) {
  std::vector<at::Tensor> masks(batch.size());
  at::parallel_for(0, static_cast<std::int64_t>(batch.size()), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i)
      if (!batch[i].mask.empty()) masks[i] = input.mask(batch[i], maps.size(1));
  });
  return masks;
}

/// Adds a batch's maps and scores to the metrics and the result of its class.
void collect(Batch batch, FetchedScores& found, const EvaluationInput& input,
             const EvaluationListener& listener, ClassAccumulator& accumulator, ClassResult& result) {
  found.wait();
  const auto at = [](const at::Tensor& scores, std::size_t i) {
    return scores[static_cast<std::int64_t>(i)].item<float>();
  };
  const auto masks = masks_of(batch, found.map, input);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Sample& sample = batch[i];
    const at::Tensor map = found.map[static_cast<std::int64_t>(i)];
    result.images.push_back({sample.name, sample.anomalous, at(found.score, i), at(found.text, i),
                             at(found.visual, i), at(found.residual, i)});
    accumulator.add(map, masks[i], result.images.back().score, sample.anomalous);
    if (listener.image_done) listener.image_done(sample, map);
  }
}

}  // namespace

std::vector<Path> images_of(const Dataset& dataset, const References& references) {
  std::vector<Path> images;
  for (const auto& category : dataset.categories) {
    if (const auto found = references.find(category); found != references.end())
      images.insert(images.end(), found->second.begin(), found->second.end());
    for (const Sample& sample : test_of(dataset, category)) images.push_back(sample.image);
  }
  return images;
}

std::vector<Path> files_of(const Dataset& dataset, const References& references) {
  std::vector<Path> files = images_of(dataset, references);
  for (const auto& category : dataset.categories)
    for (const Sample& sample : test_of(dataset, category))
      if (!sample.mask.empty()) files.push_back(sample.mask);
  return files;
}

EvaluationResult evaluate(const Dataset& dataset, const References& references, const Detector& detector,
                          const EvaluationInput& input, const EvaluationOptions& options,
                          const EvaluationListener& listener) {
  if (options.batch_size < 1)
    throw settings_error("the batch size is " + std::to_string(options.batch_size) +
                         "; it must be at least 1");
  const auto normals = reference_samples(dataset, references);
  FeatureStream stream(input, options.batch_size, listener.progress);
  for (const auto& category : dataset.categories) {
    stream.plan(normals.at(category));
    stream.plan(test_of(dataset, category));
  }

  EvaluationResult result;
  result.mode = options.metrics.mode;
  std::vector<ClassMetrics> metrics;
  for (const auto& category : dataset.categories) {
    const auto start = std::chrono::steady_clock::now();
    ClassResult current;
    current.category = category;
    for (const auto& sample : normals.at(category)) current.references.push_back(sample.name);
    const ReferenceBank bank = bank_of(stream, normals.at(category).size(), detector);

    ClassAccumulator accumulator;
    const std::size_t images = test_of(dataset, category).size();
    // One batch behind: a GPU works on the next one while its figures are taken.
    Batch batch_before;
    std::unique_ptr<FetchedScores> before;
    const auto collect_before = [&] {
      if (before) collect(batch_before, *before, input, listener, accumulator, current);
    };
    for (std::size_t seen = 0; seen < images;) {
      const auto [batch, features] = stream.next();
      auto found = std::make_unique<FetchedScores>(detector.detect(features, bank));
      seen += batch.size();
      collect_before();
      batch_before = batch;
      before = std::move(found);
    }
    collect_before();
    const bool open = std::find(options.open.begin(), options.open.end(), category) != options.open.end();
    if (open)
      result.open.emplace(category, std::move(accumulator));
    else
      current.metrics = accumulator.finish(options.metrics.mode);
    current.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!open) metrics.push_back(current.metrics);
    if (!open && listener.class_done) listener.class_done(current);
    result.classes.push_back(std::move(current));
  }
  result.mean = mean_over_classes(metrics);
  return result;
}

}  // namespace res2clip
