#pragma once

#include <span>
#include <vector>

#include "res2clip/pipeline/pipeline.hpp"

namespace res2clip::app {

/// Inspects images that are known to be good and others known to be defective (may be none) with a calibrated
/// bank, and prints false alarms, detection, the AUROC of the scores and a table of thresholds. Throws the
/// data error of the first image that cannot be read.
void check_bank(const Pipeline& pipeline, const ReferenceBank& bank, std::span<const Path> good,
                std::span<const Path> defective, bool quiet);

}  // namespace res2clip::app
