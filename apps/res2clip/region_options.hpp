#pragma once

#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "res2clip/pipeline/pipeline.hpp"

namespace res2clip::app {

/// Which part of images is looked at: --roi and --ignore.
struct RegionOptions {
  std::vector<std::string> roi, ignore;

  bool given() const { return !roi.empty() || !ignore.empty(); }
  /// What may be mask images, which no output may replace.
  std::vector<Path> masks() const;
  void add_to(CLI::App& command);
};

/// The bank with the region that the options describe for its references, which must have one size (a data
/// error otherwise). Without these options the bank as it is.
ReferenceBank within(ReferenceBank bank, const RegionOptions& options, std::span<const Path> references,
                     const Pipeline& pipeline);

/// ", 31.2 % of each image looked at"; empty without a region.
std::string region_text(const ReferenceBank& bank);

}  // namespace res2clip::app
