#pragma once

#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

/// How the pixel curves are taken. Image metrics and both F1 values are the same in either mode.
enum class MetricMode {
  exact,     ///< every distinct score is a threshold, ties merged
  released,  ///< the 200-strip accumulator of the authors' release, comparable with the published values
};

template <>
struct EnumNames<MetricMode> {
  static constexpr std::pair<MetricMode, std::string_view> values[] = {{MetricMode::exact, "exact"},
                                                                       {MetricMode::released, "released"}};
};

/// The false-positive rate to which per-region overlap is integrated in the published tables.
inline constexpr double kPublishedProLimit = 0.3;

struct MetricOptions {
  MetricMode mode = MetricMode::released;
  double pro_limit = kPublishedProLimit;  ///< of AUPRO: a false-positive rate above 0, at most 1
};
void describe(Fields& fields, MetricOptions& options);

}  // namespace res2clip
