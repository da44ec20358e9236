#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/image/overlay.hpp"

#include "finding.hpp"

namespace res2clip::app {

/// One page, without other files, on what an inspection found: how many images are called what, a histogram
/// of their scores with the threshold, and the images with their maps, the highest score first.
class InspectionReport {
 public:
  /// The page shows at most so many images, those with the highest scores; the histogram counts all.
  static constexpr std::size_t kMostImages = 1000;

  explicit InspectionReport(Path file) : file_(std::move(file)) {}

  /// `pixels` uint8 [H, W, 3] and `heat` as for heat_overlay. For several threads at once.
  void add(const Finding& finding, const at::Tensor& pixels, const HeatLayer& heat,
           const OverlayOptions& how);
  void add_failure(const Path& image, const std::string& message);

  /// Writes the page, once all are added. `title` says what was compared with what.
  void write(const std::string& title);

 private:
  struct Shown {
    std::string name, reason, jpeg;
    double score = 0;
    int kind = 0;  // a verdict, or 3: none
  };
  static constexpr std::size_t kKinds = 4;

  void keep_highest();
  std::string summary() const;
  std::string histogram() const;
  std::string gallery() const;

  Path file_;
  std::mutex mutex_;
  std::vector<Shown> shown_;
  std::vector<std::pair<double, int>> scores_;  // of all images, with their kinds
  std::vector<std::pair<std::string, std::string>> failures_;
  std::vector<double> thresholds_;  // none or one
};

}  // namespace res2clip::app
