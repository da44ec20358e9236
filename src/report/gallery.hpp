#pragma once

#include <string>

#include "res2clip/report/report.hpp"

namespace res2clip {

/// The worst mistakes of a class as HTML: normal images with the highest scores and anomalous ones with the
/// lowest, `options.gallery` of each.
std::string gallery_html(const ReportedRun& run, const ReportedClass& one, const ReportOptions& options);

}  // namespace res2clip
