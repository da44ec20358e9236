#pragma once

#include <cstdint>
#include <span>

#include "res2clip/metrics/metrics.hpp"

namespace res2clip {

/// Pixel figures by the authors' release: scores in 200 equal strips between the class's smallest and largest
/// pixel.
struct StripFigures {
  Figure auroc;
  Figure ap;
  Figure aupro;
};

/// `normal`: keys of normal pixels, `anomalous`: keys with areas (score_key.hpp), both ascending, the latter
/// not empty.
StripFigures strip_figures(std::span<const std::uint32_t> normal, std::span<const std::uint64_t> anomalous,
                           double limit);

}  // namespace res2clip
