#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "res2clip/image/overlay.hpp"

#include "finding.hpp"
#include "output_files.hpp"

namespace res2clip::app {

struct InferOutputOptions {
  bool json = false;
  std::optional<double> threshold;
  std::vector<double> range;  ///< empty, or low and high of the heat map
  OverlayOptions overlay;
  Measure measure;  ///< its threshold is `threshold`, or the bank's
};

/// Throws a settings error for a threshold or range that is none.
void require_sensible(const InferOutputOptions& options);

/// An image file that was inspected.
struct SourceImage {
  Path path;
  std::string name;   ///< of its output files, without suffix
  at::Tensor pixels;  ///< uint8 [H, W, 3]; undefined where no overlay is drawn
  std::int64_t height = 0, width = 0;
};

/// Writes the overlay and the raw map of each image, and prints its line.
class InferOutput {
 public:
  /// `files` must outlive this; `options` are sensible, and their `overlay.calm` is known.
  InferOutput(const OutputFiles& files, InferOutputOptions options)
      : files_(files), options_(std::move(options)) {}

  /// Writes the files of image `row` of a batch. For several threads at once.
  Finding write(const SourceImage& image, const FetchedScores& scores, std::int64_t row) const;
  void print_line(const Finding& finding);
  void write_failure(const Path& image, const std::string& message) const;

 private:
  void draw(const SourceImage& image, const at::Tensor& map, Finding& finding) const;

  const OutputFiles& files_;
  InferOutputOptions options_;
  bool heading_printed_ = false;
};

}  // namespace res2clip::app
