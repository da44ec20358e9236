#pragma once

#include <span>
#include <string>

#include "res2clip/report/reported_run.hpp"

namespace res2clip {

/// The means of all runs with the paper's beside them, in percent: a row for each run, and one for the
/// paper's row and the difference where the run was compared. A star: further from the paper's mean than its
/// standard deviation.
std::string report_markdown(std::span<const ReportedRun> runs);
/// The same with a row for each class too: run, class, metrics as fractions of 1.
std::string report_csv(std::span<const ReportedRun> runs);
/// The same as report_markdown() for LaTeX (package booktabs).
std::string report_latex(std::span<const ReportedRun> runs);

struct ReportOptions {
  int gallery = 3;  ///< so many false alarms and so many misses a class; 0: no images
};

/// One page of HTML that needs no other file, no network, and no script but to sort its tables: means beside
/// the paper's; per class the metrics; of each class ROC and precision-recall curve and a histogram of image
/// scores, and the worst false alarms and misses with the image (read from the data root) and, where the
/// results hold maps, its heat map; provenance, remarks and settings. An image that cannot be read is said
/// to be absent.
std::string report_html(std::span<const ReportedRun> runs, const ReportOptions& options = {});

}  // namespace res2clip
