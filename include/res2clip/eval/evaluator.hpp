#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/compute/stage_times.hpp"
#include "res2clip/core/progress.hpp"
#include "res2clip/data/references.hpp"
#include "res2clip/data/sample.hpp"
#include "res2clip/eval/published.hpp"
#include "res2clip/features/feature_source.hpp"
#include "res2clip/image/read_options.hpp"
#include "res2clip/metrics/accumulator.hpp"
#include "res2clip/metrics/metrics.hpp"
#include "res2clip/model/detector.hpp"

namespace res2clip {

/// The mask of a sample as uint8 [size, size], nonzero where anomalous; an undefined tensor if nothing is
/// known of its pixels. Called from several threads at once, for samples that are anomalous or name a mask:
/// masks may lie in memory.
using ReadMask = std::function<at::Tensor(const Sample&, std::int64_t size)>;
/// From its file, if it names one. `options`: as images are read.
at::Tensor read_mask(const Sample& sample, std::int64_t size);
ReadMask mask_reader(const ReadOptions& options);

/// The scores of one image.
struct ImageResult {
  std::string name;  ///< Sample::name
  bool anomalous = false;
  float score = 0.0f;  ///< fused (Eq. 5)
  float text = 0.0f;
  float visual = 0.0f;
  float residual = 0.0f;
  std::string mask = {};  ///< its file, below the data root where it lies there; empty: none
};

struct ClassResult {
  std::string category;
  std::vector<std::string> references;  ///< relative to the data root where they lie below it
  ClassMetrics metrics;
  std::vector<ImageResult> images;  ///< in the data set's order
  double seconds = 0.0;
};

struct EvaluationResult {
  MetricOptions metrics;  ///< how all metrics were taken
  std::vector<ClassResult> classes;
  MeanMetrics mean;                              ///< over the classes that are not open
  std::map<std::string, ClassAccumulator> open;  ///< of EvaluationOptions::open: what their metrics need
  std::vector<std::string> remarks;              ///< Dataset::remarks
  std::vector<std::string> left_out;             ///< Dataset::left_out
  PaperComparison paper;
};

/// Whom an evaluation tells how it goes. Any may be empty; an exception thrown from one ends the evaluation.
struct EvaluationListener {
  ProgressCallback progress;                           ///< images encoded of all images, class
  std::function<void(const ClassResult&)> class_done;  ///< as soon as a class is finished, unless it is open
  std::function<void(const Sample&, const at::Tensor& map)>
      image_done;  ///< fused anomaly map [H, W], CPU, float32
  /// At the end: how busy each stage was, and how long all took.
  std::function<void(const std::vector<StageTime>&, double seconds)> timed;
};

struct EvaluationOptions {
  std::int64_t batch_size = 8;  ///< at least 1; no figure depends on it
  MetricOptions metrics;
  /// Classes of which other processes have images too: their metrics are left to gather_results().
  std::vector<std::string> open = {};
};

/// One of several evaluations over the same images. What it points to must outlive the evaluation.
struct EvaluationRun {
  const Detector* detector;
  const References* references;  ///< null: none, the text branch alone (zero-shot)
  MetricOptions metrics;
};

/// Anomaly maps of an image before they are fused: [H, W], CPU, float32 (Eqs. 6, 9 and 11).
struct BranchMaps {
  at::Tensor text, visual, residual;
};

/// Whom several evaluations tell how they go; `run` is the place among them.
struct RunsListener {
  ProgressCallback progress;
  std::function<void(std::size_t run, const ClassResult&)> class_done;
  std::function<void(std::size_t run, const Sample&, const at::Tensor& map)> image_done;
  /// The maps of the branches, as the fused one. Only if it is given they are fetched.
  std::function<void(std::size_t run, const Sample&, const BranchMaps&)> branches_done;
  std::function<void(const std::vector<StageTime>&, double seconds)> timed;
};

/// Every image that evaluate() asks for: references and test images of all classes.
std::vector<Path> images_of(const Dataset& dataset, const References& references);
/// Every mask that it asks for.
std::vector<Path> masks_of(const Dataset& dataset);

/// Runs a detector over the test images of a data set: per class its reference bank, then its images batch by
/// batch. `features` has the layers that the detector needs, and hears of batches before they are asked for.
/// The figures of a class are computed while the next class is encoded. Memory holds three batches and the
/// pixels of two classes. Throws a data error for a class without references, and for features of another
/// number of images than were asked for. What a listener, `masks` or `features` throw goes through as it is.
EvaluationResult evaluate(const Dataset& dataset, const References& references, const Detector& detector,
                          FeatureSource& features, const EvaluationOptions& options,
                          const EvaluationListener& listener = {}, const ReadMask& masks = read_mask);

/// The same for several runs at once, that differ in detector, references or metrics: each image is encoded,
/// and each mask read, once for all of them. Every result is what evaluate() gives of that run alone (but for
/// the seconds). `features` has the layers that all detectors need. `options.metrics` is not looked at: each
/// run has its own. Memory holds the pixels of two classes for each run.
std::vector<EvaluationResult> evaluate_runs(const Dataset& dataset, std::span<const EvaluationRun> runs,
                                            FeatureSource& features, const EvaluationOptions& options,
                                            const RunsListener& listener = {},
                                            const ReadMask& masks = read_mask);

}  // namespace res2clip
