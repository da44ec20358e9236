#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "res2clip/eval/published.hpp"

/// Cells and lines of the tables that evaluations print.
namespace res2clip {

inline constexpr std::size_t kColumn = 9;  ///< width of a metric's column

/// Letters of UTF-8 text, for alignment.
std::size_t letters(const std::string& text);
std::string first_column(const std::string& text, std::size_t width);
std::string decimal(double value, const char* format = "%.1f");
/// Right-aligned in a metric's column.
std::string cell(const std::string& text);
/// A fraction of 1 in percent with one decimal; "-" for none.
std::string percent(const std::optional<double>& value);
/// A line of a table: a name and the metrics in percent.
std::string metrics_line(const std::string& name, const MetricValues& values, std::size_t width);
/// The metrics as CSV cells, each with a comma before it; empty for none.
std::string metric_cells(const MetricValues& values);

/// The paper's mean and deviation, and how far `means` (fractions of 1) are from it in percentage points:
/// with a star if further than the paper's deviation.
std::string published_lines(const PublishedResult& published, const MetricValues& means, std::size_t width);

}  // namespace res2clip
