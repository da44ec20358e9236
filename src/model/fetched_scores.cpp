#include "res2clip/model/fetched_scores.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace res2clip {
namespace {

/// Starts a copy to page-locked memory, which a GPU fills without the host; a tensor of the CPU is itself.
at::Tensor fetched(const at::Tensor& tensor) {
  if (tensor.is_cpu()) return tensor;
  const auto target = at::empty(tensor.sizes(), tensor.options().device(at::kCPU).pinned_memory(true));
  return target.copy_(tensor, /*non_blocking=*/true);
}

}  // namespace

at::Tensor finite_images(const Detection& detection) {
  at::Tensor finite = at::isfinite(detection.map).flatten(1).all(1);
  for (const at::Tensor* score :
       {&detection.score, &detection.text_score, &detection.visual_score, &detection.residual_score})
    finite = finite.logical_and(at::isfinite(*score));
  return finite;
}

FetchedScores::FetchedScores(const Detection& detection, const at::Tensor& shares, bool branch_maps)
    : map(fetched(detection.map)),
      score(fetched(detection.score)),
      text(fetched(detection.text_score)),
      visual(fetched(detection.visual_score)),
      residual(fetched(detection.residual_score)),
      familiarity(shares.defined() ? fetched(shares) : shares),
      finite_(fetched(finite_images(detection))) {
  if (branch_maps) {
    text_map = fetched(detection.text_map);
    visual_map = fetched(detection.visual_map);
    residual_map = fetched(detection.residual_map);
  }
  const c10::Device device = detection.map.device();
  if (device.is_cpu()) return;
  copied_ = std::make_unique<c10::Event>(device.type());
  copied_->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
}

void FetchedScores::wait() {
  if (copied_) copied_->synchronize();
}

bool FetchedScores::finite(std::int64_t row) const {
  return finite_[row].item<bool>();
}

Error FetchedScores::not_finite(const std::string& image) {
  return data_error(
      image +
      ": its scores are not finite numbers: the backbone, the references or the checkpoint hold "
      "numbers too large to compute with; make them again");
}

}  // namespace res2clip
