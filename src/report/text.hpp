#pragma once

#include <optional>
#include <string>

#include "res2clip/report/reported_run.hpp"

namespace res2clip {

/// "95.6"; "–" for none. `value` is a fraction of 1.
std::string in_percent(const std::optional<double>& value);
/// "+0.3", with a star if it is further from the paper's than its deviation; empty: nothing to compare.
std::string difference_text(const std::optional<double>& value, const std::optional<PublishedFigure>& paper);
std::string fixed(double value, int decimals);

}  // namespace res2clip
