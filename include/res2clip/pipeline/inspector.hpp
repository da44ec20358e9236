#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "res2clip/compute/in_order.hpp"
#include "res2clip/compute/stage_times.hpp"
#include "res2clip/compute/workers.hpp"
#include "res2clip/features/batch_reader.hpp"
#include "res2clip/model/fetched_scores.hpp"
#include "res2clip/pipeline/pipeline.hpp"

namespace res2clip {

/// An image that was inspected.
struct InspectedImage {
  std::size_t index = 0;  ///< in the list
  ImageRead file;
  std::shared_ptr<const FetchedScores> scores;  ///< of its batch
  std::int64_t row = 0;                         ///< its place there
  double seconds = 0;  ///< its share of the time that its batch took to be encoded and scored
};

/// What is done with images besides inspecting them. Any of the functions may be empty.
struct InspectionStages {
  /// Called for each image that was inspected, by several threads at once: drawing, writing files. What it
  /// returns is called for one image after the other, in the order of the list, by one thread: printing.
  std::function<InOrder::Rest(InspectedImage)> finish;
  /// Called in the same order by the same thread for an image that could not be read, or whose scores are not
  /// finite numbers. Empty: its failure ends the inspection.
  std::function<void(std::size_t index, const std::exception_ptr& failure)> failed;
  /// Asked before each batch; true ends the inspection after what is under way.
  std::function<bool()> stop_requested = {};
};

/// Inspects images in stages that work side by side: reading and preparing (two batches ahead), encoding and
/// scoring, fetching results from a GPU while it works on the next batch, finishing, and delivering in order.
/// On a CPU, which encodes images one by one anyway, each image goes on as soon as it is scored. What comes
/// out is the same for any number of threads. Memory holds three batches, and at most two more and twice as
/// many images as there are threads on their way to delivery. One inspection of an Inspector at a time;
/// several Inspectors may use one pipeline at once.
class Inspector {
 public:
  /// `pipeline` must outlive this. An empty bank (ReferenceBank{}): the text branch alone scores. Throws a
  /// data error where the bank does not fit it. If the bank is calibrated, images are compared with its
  /// limits of familiarity (FetchedScores::familiarity). `pixels`: finish() needs ImageRead::pixels.
  Inspector(const Pipeline& pipeline, ReferenceBank bank, bool pixels, InspectionStages stages);

  /// Returns once all images are delivered, or, after a stop was requested, those that were under way. Throws
  /// what a stage throws, after delivering the images before; an image that cannot be read is not a failure.
  void inspect(std::span<const Path> images);

  /// Of all inspections so far.
  std::vector<StageTime> times() const;
  double seconds() const { return whole_.seconds(); }

 private:
  struct Scored;
  Scored score(std::size_t first, std::span<const Path> paths, ImageBatch batch);
  std::shared_ptr<FetchedScores> fetch(const Features& features) const;
  void hand_over(Scored scored, InOrder& deliveries);
  std::future<InOrder::Rest> finish(InspectedImage image);

  const Pipeline& pipeline_;
  ReferenceBank bank_;
  InspectionStages stages_;
  std::size_t batch_size_, images_ahead_;
  StageClock whole_, encoding_, fetching_, finishing_, delivering_;
  BatchReader reader_;
  Workers finishers_;
};

}  // namespace res2clip
