#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "res2clip/image/overlay.hpp"

#include "finding.hpp"
#include "inspection_report.hpp"
#include "output_files.hpp"
#include "results_file.hpp"

namespace res2clip::app {

/// What standard output gets of each image.
enum class LineFormat { table, json, csv };

/// How overlays are written: "png", "small-png" or "jpeg".
enum class OverlayFormat { png, small_png, jpeg };
inline const std::map<std::string, OverlayFormat> kOverlayFormats{
    {"png", OverlayFormat::png}, {"small-png", OverlayFormat::small_png}, {"jpeg", OverlayFormat::jpeg}};
/// The suffix of their files.
const char* suffix_of(OverlayFormat format);

struct InferOutputOptions {
  LineFormat lines = LineFormat::table;
  OverlayFormat format = OverlayFormat::png;
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
  double seconds = 0;  ///< that it took to be encoded and scored
};

/// Where all of it goes besides standard output. What is null is not wanted.
struct InferTargets {
  const OutputFiles* files;
  ResultsFile* results;
  InspectionReport* report;

  bool pixels_wanted() const { return files->wanted() || report != nullptr; }
};

/// Writes the overlay and the raw map of each image, adds it to results and report, and prints its line.
class InferOutput {
 public:
  /// The targets must outlive this; `options` are sensible, and their `overlay.calm` is known.
  InferOutput(const InferTargets& targets, InferOutputOptions options)
      : targets_(targets), options_(std::move(options)) {}

  /// Writes the files of image `row` of a batch. For several threads at once.
  Finding write(const SourceImage& image, const FetchedScores& scores, std::int64_t row) const;
  void print_line(const Finding& finding, const FileState& state);
  /// Of an image that cannot be inspected; `state`: none for a line of input that stands for no image.
  void write_failure(const Path& image, const std::optional<FileState>& state, const std::string& message);

 private:
  bool regions_are_told() const;
  void draw(const SourceImage& image, const at::Tensor& map, Finding& finding) const;

  void print_heading(const std::string& heading);

  InferTargets targets_;
  InferOutputOptions options_;
  bool heading_printed_ = false;
};

}  // namespace res2clip::app
