#pragma once

#include <cstdint>
#include <exception>
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
};

/// Throws a settings error for a threshold or range that is none.
void require_sensible(const InferOutputOptions& options);

/// An image to inspect. It is decoded once: its file may be one that can be read only once.
struct InspectedImage {
  Path path;
  std::string name;   ///< of its output files, without suffix
  at::Tensor input;   ///< float32 [3, S, S]
  at::Tensor pixels;  ///< uint8 [H, W, 3]; undefined where no overlay is drawn
  std::int64_t height = 0, width = 0;
  std::exception_ptr failure;  ///< why it cannot be inspected; null: it can
};

/// Writes the overlay and the raw map of each image, and prints its line.
class InferOutput {
 public:
  /// `files` must outlive this; `options` are sensible, and their `overlay.calm` is known.
  InferOutput(const OutputFiles& files, InferOutputOptions options)
      : files_(files), options_(std::move(options)) {}

  /// Image `index` of a batch.
  void write(const InspectedImage& image, const Detection& detection, std::int64_t index);
  void write_failure(const Path& image, const std::string& message) const;

 private:
  void draw(const InspectedImage& image, const at::Tensor& map, Finding& finding) const;
  void print_line(const Finding& finding);

  const OutputFiles& files_;
  InferOutputOptions options_;
  bool heading_printed_ = false;
};

}  // namespace res2clip::app
