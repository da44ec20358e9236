#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "res2clip/eval/evaluator.hpp"
#include "res2clip/eval/published.hpp"

namespace res2clip {

/// One line for a class that is finished: "leather   99.8  99.9 ...", in percent with one decimal as papers
/// print; "-" for a metric that the class does not have. `width` is the width of the class column.
std::string class_line(const std::string& category, const ClassMetrics& metrics, std::size_t width);

/// The heading that stands above such lines.
std::string table_heading(std::size_t width);

/// The width of the class column that fits all classes of a data set.
std::size_t class_column_width(const std::vector<std::string>& categories);

/// The whole table: heading, a line per class, the mean (with a note for figures that not all classes have),
/// and the paper's numbers with the difference in percentage points, or why these are not comparable.
std::string results_table(const EvaluationResult& result);

}  // namespace res2clip
