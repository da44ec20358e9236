#pragma once

#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>

#include "res2clip/core/grid.hpp"
#include "res2clip/settings/settings.hpp"
#include "res2clip/retrieval/penalty_kind.hpp"

namespace res2clip {

template <>
struct EnumNames<Penalty> {
  static constexpr std::pair<Penalty, std::string_view> values[] = {
      {Penalty::none, "none"},
      {Penalty::radial, "radial"},
      {Penalty::radial_new, "radial_new"},
      {Penalty::radial_margin, "radial_margin"},
      {Penalty::radial_laplace, "radial_laplace"},
      {Penalty::radial_euc, "radial_euc"},
      {Penalty::local, "local"},
      {Penalty::euc_new, "euc_new"},
      {Penalty::polar, "polar"},
      {Penalty::polar_linear, "polar_linear"}};
};

/// r of every patch: distance from the grid's centre in patch units, [N] float64 on the CPU.
at::Tensor patch_radii(const Grid& grid);

/// The penalty, not yet weighted by gamma, of every query patch (rows) against every patch of one reference
/// image: [N, N] float64 on the CPU. Every shot has the same.
at::Tensor spatial_penalty(Penalty penalty, const Grid& grid);

}  // namespace res2clip
