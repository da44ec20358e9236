#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "res2clip/core/path.hpp"
#include "res2clip/image/region.hpp"
#include "res2clip/pipeline/judging.hpp"

namespace res2clip::app {

/// What `infer` says of one image.
struct Finding : ImageScores {
  Path image;
  std::optional<double> threshold;     ///< nothing: none was given, and the references tell none
  std::optional<bool> anomalous;       ///< whether the score is above the threshold; nothing without one
  std::optional<Judgement> judgement;  ///< nothing without a threshold
  std::string bank;                    ///< checksum of the bank's file; empty: none
  HottestRegion region;                ///< its box in pixels of the image
  double regions_from = 0;             ///< the map value that `regions` reach
  std::vector<MapRegion> regions;
  std::chrono::system_clock::time_point time;  ///< when its scores were there
  double seconds = 0;                          ///< that it took to be encoded and scored
  Path overlay, map;                           ///< the files written; empty: none
};

/// The scores of image `row` of a batch, judged. Leaves regions, time and files to the caller.
Finding finding_of(const Path& image, const FetchedScores& fetched, std::int64_t row, const Measure& measure);

/// The object of `infer --json`.
nlohmann::ordered_json to_json(const Finding& finding);

/// The heading of `infer --csv`, and its lines of an image and of one that could not be inspected.
std::string csv_heading();
std::string csv_line(const Finding& finding);
std::string csv_failure(const Path& image, const std::string& message);

/// The heading of the table, and its line of an image.
std::string finding_heading();
std::string finding_line(const Finding& finding);

}  // namespace res2clip::app
