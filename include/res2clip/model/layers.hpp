#pragma once

#include <cstdint>
#include <vector>

#include "res2clip/model/options.hpp"

namespace res2clip {

/// The layers of one detector, ascending.
struct Layers {
  std::vector<int> text;      ///< Eq. 6
  std::vector<int> visual;    ///< Eq. 9
  std::vector<int> residual;  ///< Eq. 11

  /// Everything that the backbone must encode.
  std::vector<int> needed() const;
  /// What a reference bank must hold: visual and residual layers (the text branch needs no reference).
  std::vector<int> matched() const;
};

/// Quarters of the depth, rounded, without repetition: 6, 12, 18, 24 of 24 blocks; 3, 6, 9, 12 of 12.
std::vector<int> quarters(std::int64_t depth);

/// The layers of a backbone with `depth` blocks. Throws a settings error for a layer beyond the depth or
/// named twice.
Layers resolve_layers(const LayerOptions& options, std::int64_t depth, bool fine_tuned);

}  // namespace res2clip
