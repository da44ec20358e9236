#include "res2clip/model/sound_features.hpp"

#include <cmath>
#include <sstream>

#include <ATen/ops/linalg_vector_norm.h>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

/// Float16 stores leave lengths of 1 +- 5e-4; features that were never normalised are far off.
constexpr double kLengthTolerance = 0.01;

std::string description(const at::Tensor& tensor) {
  if (!tensor.defined()) return "an undefined tensor";
  std::ostringstream text;
  text << tensor.scalar_type() << ' ' << tensor.sizes() << " on " << tensor.device();
  return text.str();
}

/// float32, of these sizes (-1: any), on the device of `like`.
void require_form(const at::Tensor& tensor, const std::vector<std::int64_t>& sizes, const at::Tensor& like,
                  const std::string& whose) {
  bool fits = tensor.defined() && tensor.layout() == at::kStrided && tensor.scalar_type() == at::kFloat &&
              tensor.dim() == static_cast<std::int64_t>(sizes.size()) && tensor.device() == like.device();
  for (std::size_t i = 0; fits && i < sizes.size(); ++i)
    fits = sizes[i] < 0 || tensor.size(static_cast<std::int64_t>(i)) == sizes[i];
  if (fits) return;
  std::ostringstream text;
  text << whose << " are " << description(tensor) << "; they must be float32 " << at::IntArrayRef(sizes)
       << " (-1: any) on the device of the global feature";
  throw data_error(text.str());
}

void require_grid(const Grid& grid, const std::string& whose) {
  if (grid.rows < 1 || grid.cols < 1)
    throw data_error(whose + " have a grid of " + std::to_string(grid.rows) + " x " +
                     std::to_string(grid.cols) + " patches; it must have some");
}

void require_unit_rows(const at::Tensor& rows, const std::string& whose) {
  if (!rows.is_cpu() || rows.numel() == 0) return;
  const double norm = at::linalg_vector_norm(rows).item<double>();
  if (!std::isfinite(norm))
    throw data_error(whose + " hold numbers that are not finite (NaN or infinite); encode the images again");
  const double mean_square = norm * norm / (static_cast<double>(rows.numel()) / rows.size(-1));
  if (std::abs(mean_square - 1) > kLengthTolerance)
    throw data_error(whose + " are not of unit length (their mean square is " + std::to_string(mean_square) +
                     "); divide each by its length");
}

}  // namespace

void require_sound(const Features& features, const std::vector<int>& layers, const std::string& whose) {
  require_grid(features.grid, whose);
  require_form(features.global, {-1, -1}, features.global, whose);
  require_unit_rows(features.global, whose);
  for (const int layer : layers) {
    const auto found = features.patches.find(layer);
    if (found == features.patches.end())
      throw data_error(whose + " lack layer " + std::to_string(layer) + "; encode them with this layer");
    const std::string those = whose + " of layer " + std::to_string(layer);
    require_form(found->second, {features.batch(), features.grid.size(), features.global.size(1)},
                 features.global, those);
    require_unit_rows(found->second, those);
  }
}

void require_sound(const ReferenceBank& bank, const std::vector<int>& layers) {
  const std::string whose = "the reference bank's features";
  require_grid(bank.grid, whose);
  require_form(bank.global, {-1, -1}, bank.global, whose);
  if (bank.shots() == 0) throw data_error("the reference bank is empty; remember at least one normal image");
  require_unit_rows(bank.global, whose);
  for (const int layer : layers) {
    const auto found = bank.patches.find(layer);
    if (found == bank.patches.end())
      throw data_error("the reference bank lacks layer " + std::to_string(layer) +
                       "; make it again with `res2clip bank` and these settings");
    const std::string those = whose + " of layer " + std::to_string(layer);
    require_form(found->second, {bank.shots() * bank.grid.size(), bank.global.size(1)}, bank.global, those);
    require_unit_rows(found->second, those);
  }
}

}  // namespace res2clip
