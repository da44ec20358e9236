#include "res2clip/model/calibrate.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/stack.h>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

/// Cosine similarities of the patches of T images [T, N, D]: to the nearest patch of any reference [T, N],
/// and, reference by reference, of its patches to the nearest of the image [K, T, N].
struct Nearest {
  at::Tensor of_image, of_references;
};

/// Images whose similarities to a reference are computed at once. A processor's product may round otherwise
/// for other sizes, and an image shall get the same in any batch; a GPU would wait for many small ones.
std::int64_t images_at_once(const at::Tensor& images) {
  constexpr std::int64_t kMostScores = 1 << 26;
  const std::int64_t patches = images.size(1);
  return images.is_cpu()
             ? 1
             : std::max<std::int64_t>(1, kMostScores / std::max<std::int64_t>(1, patches * patches));
}

Nearest nearest(const at::Tensor& images, const at::Tensor& references) {
  constexpr std::int64_t kLine = 8;  // the kernels for tensor cores write whole lines of 32 bytes
  const std::int64_t count = images.size(0), patches = images.size(1);
  const at::Tensor rows = images.reshape({count * patches, images.size(2)});
  const at::Tensor room =
      at::empty({count * patches, (patches + kLine - 1) / kLine * kLine}, images.options());
  at::Tensor similarity = room.narrow(1, 0, patches);
  Nearest found{at::full({count, patches}, -1.0, images.options()), {}};
  std::vector<at::Tensor> backwards;
  for (const at::Tensor& reference : references.split(patches)) {
    at::mm_out(similarity, rows, reference.t());
    const at::Tensor of_each = similarity.unflatten(0, {count, patches});
    found.of_image = at::maximum(found.of_image, of_each.amax({2}));
    backwards.push_back(of_each.amax({1}));
  }
  found.of_references = at::stack(backwards);
  return found;
}

/// [T, 2]: the share of an image's patches without a neighbour, and the least share of a reference's patches
/// without one.
at::Tensor shares_of(const Nearest& found, const FamiliarityLimits& limits) {
  const auto share_without = [&](const at::Tensor& similarity) {
    return similarity.lt(1 - limits.neighbour).to(at::kFloat).mean(-1);
  };
  return at::stack({share_without(found.of_image), share_without(found.of_references).amin({0})}, 1);
}

const at::Tensor& layer_of(const std::map<int, at::Tensor>& patches, int layer) {
  const auto found = patches.find(layer);
  if (found == patches.end())
    throw data_error("features lack layer " + std::to_string(layer) +
                     ", which the bank's calibration compares; make the bank again with `res2clip bank`");
  return found->second;
}

/// Those patches of images [T, N, D], or of references [K*N, D], that are looked at.
at::Tensor looked_at(const at::Tensor& patches, const ReferenceBank& bank) {
  if (!bank.region) return patches;
  if (patches.dim() == 3) return patches.index_select(1, bank.region->patches);
  const at::Tensor shots = patches.unflatten(0, {-1, bank.grid.size()});
  return shots.index_select(1, bank.region->patches).flatten(0, 1);
}

/// The median of a map, as far as it is looked at.
double median_of(const at::Tensor& map, const ReferenceBank& bank) {
  return (bank.region ? values_inside(map, *bank.region) : map).median().item<double>();
}

/// Half of the matched layers' depth: shallow ones see texture alone, the last one is shaped by the text.
int middle_layer(const ReferenceBank& bank) {
  return std::next(bank.patches.begin(), static_cast<std::ptrdiff_t>((bank.patches.size() - 1) / 2))->first;
}

/// Evenly chosen shots.
std::vector<std::int64_t> compared_shots(std::int64_t shots) {
  std::vector<std::int64_t> chosen;
  const std::int64_t count = std::min(shots, kMostCompared);
  for (std::int64_t i = 0; i < count; ++i) chosen.push_back(i * shots / count);
  return chosen;
}

/// The largest value, and beyond it twice as far as from the median to there.
double beyond(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.back() + 2 * (values.back() - values[values.size() / 2]);
}

FamiliarityLimits familiarity_limits(const ReferenceBank& bank, const std::vector<std::int64_t>& shots) {
  constexpr double kNeighbours = 0.99;  // share of the references' patches that find one
  // What references differ by is a lower bound: a defect may cover this share, and a good image may lack it.
  constexpr double kLeastStrange = 0.2, kLeastMissing = 0.1;
  FamiliarityLimits limits;
  limits.layer = middle_layer(bank);
  std::vector<Nearest> found;
  std::vector<at::Tensor> similarities;
  for (const std::int64_t shot : shots) {
    found.push_back(nearest(looked_at(shot_of(bank, shot).patches.at(limits.layer), bank),
                            looked_at(without_shot(bank, shot).patches.at(limits.layer), bank)));
    similarities.push_back(found.back().of_image[0]);
  }
  const at::Tensor all = std::get<0>(at::cat(similarities).cpu().sort());
  const auto rank = static_cast<std::int64_t>((1 - kNeighbours) * static_cast<double>(all.size(0)));
  limits.neighbour = 1 - all[rank].item<double>();
  std::vector<double> strange, missing;
  for (const Nearest& one : found) {
    const at::Tensor shares = shares_of(one, limits).cpu()[0];
    strange.push_back(shares[0].item<double>());
    missing.push_back(shares[1].item<double>());
  }
  limits.most_strange = std::max(kLeastStrange, beyond(strange));
  limits.most_missing = *std::max_element(missing.begin(), missing.end());
  limits.most_missing = std::max(limits.most_missing + kLeastMissing, 1.5 * limits.most_missing);
  return limits;
}

std::string percent(double share) {
  return std::to_string(std::llround(100 * share)) + " %";
}

}  // namespace

std::optional<Calibration> calibrate(const Detector& detector, const ReferenceBank& bank,
                                     double false_alarm_rate, const ProgressCallback& progress) {
  const at::NoGradGuard no_gradients;
  if (bank.shots() < kFewestCalibrated) return std::nullopt;
  for (const int layer : detector.layers_needed())
    if (!bank.patches.contains(layer)) return std::nullopt;
  Calibration calibration;
  calibration.false_alarm_rate = false_alarm_rate;
  const std::vector<std::int64_t> shots = compared_shots(bank.shots());
  std::vector<double> scores, peaks, medians;
  for (const std::int64_t shot : shots) {
    if (progress)
      progress(static_cast<std::int64_t>(scores.size()), static_cast<std::int64_t>(shots.size()), {});
    const Detection found = detector.detect_reference(bank, shot);
    scores.push_back(found.score.item<double>());
    peaks.push_back(found.map.max().item<double>());
    medians.push_back(median_of(found.map, bank));
    calibration.references.push_back({shot, scores.back(), peaks.back()});
    if (!std::isfinite(scores.back()) || !std::isfinite(peaks.back()))
      throw data_error("the score of reference " + std::to_string(shot + 1) +
                       " against the others is not a number; the backbone or this image is damaged");
  }
  calibration.threshold = conformal_threshold(scores, false_alarm_rate);
  std::sort(medians.begin(), medians.end());
  calibration.map_low = medians[medians.size() / 2];
  const std::vector<std::size_t> odd = odd_ones(peaks);
  for (auto one = odd.rbegin(); one != odd.rend(); ++one)
    peaks.erase(peaks.begin() + static_cast<std::ptrdiff_t>(*one));
  calibration.map_threshold = *std::max_element(peaks.begin(), peaks.end());
  calibration.familiarity = familiarity_limits(bank, shots);
  return calibration;
}

at::Tensor familiarity(const Features& query, const ReferenceBank& bank, const FamiliarityLimits& limits) {
  const at::NoGradGuard no_gradients;
  const at::Tensor inputs = layer_of(query.patches, limits.layer);
  const std::int64_t each = inputs_of(bank.tiling);
  const at::Tensor images =
      looked_at(each == 1 ? inputs : inputs.unflatten(0, {-1, each}).select(1, 0).contiguous(), bank);
  const at::Tensor references = looked_at(layer_of(bank.patches, limits.layer), bank);
  std::vector<at::Tensor> shares;
  for (const at::Tensor& some : images.split(images_at_once(images)))
    shares.push_back(shares_of(nearest(some, references), limits));
  return at::cat(shares);
}

const char* name_of(Verdict verdict) {
  return verdict == Verdict::good ? "good" : verdict == Verdict::anomalous ? "anomalous" : "unknown";
}

Judgement judge(double score, double threshold) {
  if (!std::isfinite(score)) return {Verdict::unknown, "its score is not a number"};
  return {score > threshold ? Verdict::anomalous : Verdict::good, {}};
}

Judgement judge(double score, double threshold, double strange, double missing,
                const FamiliarityLimits& limits) {
  // Written so that NaN is unknown.
  if (!(strange <= limits.most_strange))
    return {Verdict::unknown, percent(strange) + " of its patches are like none of the references (limit " +
                                  percent(limits.most_strange) + ")"};
  if (!(missing <= limits.most_missing))
    return {Verdict::unknown, "it lacks " + percent(missing) + " of any reference's patches (limit " +
                                  percent(limits.most_missing) + ")"};
  return judge(score, threshold);
}

}  // namespace res2clip
