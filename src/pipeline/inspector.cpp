#include "res2clip/pipeline/inspector.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "res2clip/model/calibrate.hpp"

namespace res2clip {

/// The images of a batch from `first` on, and the scores of those that could be read.
struct Inspector::Scored {
  std::size_t first = 0;
  std::span<const Path> paths;
  std::vector<ImageRead> images;
  std::shared_ptr<FetchedScores> scores;  // null where none could be read
  std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
};

Inspector::Inspector(const Pipeline& pipeline, ReferenceBank bank, bool pixels, InspectionStages stages)
    : pipeline_(pipeline),
      bank_(std::move(bank)),
      stages_(std::move(stages)),
      batch_size_(pipeline.backbone().device().is_cpu() ? 1 : pipeline.images_at_once(bank_.tiling)),
      images_ahead_(2 * pipeline.images_at_once(bank_.tiling)),
      reader_(pipeline.reading(pixels, bank_.tiling)) {
  if (bank_.global.defined()) pipeline.require_fitting(bank_);
}

void Inspector::inspect(std::span<const Path> images) {
  const auto stop_requested = [this] { return stages_.stop_requested && stages_.stop_requested(); };
  const StageClock::Busy running(whole_);
  InOrder deliveries(images_ahead_ + 2 * finishers_.size());
  std::deque<PendingBatch> ahead;
  std::optional<Scored> before;  // a GPU copies its scores while it works on the next batch
  std::size_t begun = 0;
  for (std::size_t first = 0; first < images.size() && !stop_requested(); first += batch_size_) {
    for (; begun < std::min(images.size(), first + batch_size_ + images_ahead_); begun += batch_size_)
      ahead.push_back(reader_.start(images.subspan(begun, std::min(batch_size_, images.size() - begun))));
    ImageBatch batch = ahead.front().wait();
    ahead.pop_front();
    std::optional<Scored> scored;
    try {
      scored = score(first, images.subspan(first, batch.images.size()), std::move(batch));
    } catch (...) {  // the batch before is whole
      if (before) hand_over(std::move(*before), deliveries);
      throw;
    }
    if (before) hand_over(std::move(*before), deliveries);
    before = std::move(scored);
    if (pipeline_.backbone().device().is_cpu()) hand_over(*std::exchange(before, std::nullopt), deliveries);
  }
  if (before) hand_over(std::move(*before), deliveries);
  deliveries.finish();
}

Inspector::Scored Inspector::score(std::size_t first, std::span<const Path> paths, ImageBatch batch) {
  const StageClock::Busy encoding(encoding_);
  Scored scored{.first = first, .paths = paths, .images = {}, .scores = nullptr};
  if (const at::Tensor input = batch.whole_inputs(); input.size(0) > 0)
    scored.scores = fetch(pipeline_.encode(input));
  scored.images = std::move(batch.images);
  return scored;
}

std::shared_ptr<FetchedScores> Inspector::fetch(const Features& features) const {
  const Detector& detector = pipeline_.detector();
  const Detection found =
      bank_.global.defined() ? detector.detect_inputs(features, bank_) : detector.detect(features);
  const at::Tensor shares =
      bank_.calibration ? familiarity(features, bank_, bank_.calibration->familiarity) : at::Tensor();
  return std::make_shared<FetchedScores>(found, shares);
}

void Inspector::hand_over(Scored scored, InOrder& deliveries) {
  if (scored.scores) {
    const StageClock::Busy fetching(fetching_);
    scored.scores->wait();
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - scored.begun;
  const double seconds = taken.count() / static_cast<double>(std::max<std::size_t>(1, scored.images.size()));
  std::int64_t row = 0;
  for (std::size_t i = 0; i < scored.images.size(); ++i) {
    ImageRead& file = scored.images[i];
    deliveries.wait_for_room();
    const std::int64_t own_row = file.failure ? -1 : row++;
    if (own_row >= 0 && !scored.scores->finite(own_row))
      file.failure = std::make_exception_ptr(FetchedScores::not_finite(scored.paths[i].string()));
    deliveries.add(finish({scored.first + i, std::move(file), scored.scores, own_row, seconds}));
  }
}

std::future<InOrder::Rest> Inspector::finish(InspectedImage image) {
  return finishers_.submit([this, image = std::move(image)]() mutable -> InOrder::Rest {
    InOrder::Rest rest;
    if (image.file.failure) {
      rest = [this, index = image.index, failure = image.file.failure] {
        if (!stages_.failed) std::rethrow_exception(failure);
        stages_.failed(index, failure);
      };
    } else {
      const StageClock::Busy finishing(finishing_);
      if (stages_.finish) rest = stages_.finish(std::move(image));
    }
    return [this, rest = std::move(rest)] {
      const StageClock::Busy delivering(delivering_);
      if (rest) rest();
    };
  });
}

std::vector<StageTime> Inspector::times() const {
  return {{"read, prepare", reader_.threads(), reader_.busy_seconds()},
          {"encode, score", 1, encoding_.seconds()},
          {"fetch", 1, fetching_.seconds()},
          {"draw, write", finishers_.size(), finishing_.seconds()},
          {"print", 1, delivering_.seconds()}};
}

}  // namespace res2clip
