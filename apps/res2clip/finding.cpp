#include "finding.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string_view>

#include <nlohmann/json.hpp>

#include "res2clip/core/csv.hpp"

#include "text_of.hpp"

namespace res2clip::app {
namespace {

/// "2026-11-24T08:15:30.250Z"
std::string time_text(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto whole = floor<milliseconds>(time);
  const std::time_t seconds = system_clock::to_time_t(floor<std::chrono::seconds>(time));
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  return text_of("%s.%03dZ", text.data(), static_cast<int>(whole.time_since_epoch().count() % 1000));
}

std::string joined(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) line += (i == 0 ? "" : ",") + cells[i];
  return line;
}

/// "12 34 28 28 0.51 0.43 620; ...": all regions in one cell.
std::string regions_cell(const std::vector<MapRegion>& regions) {
  std::string text;
  for (const MapRegion& region : regions) {
    text += text.empty() ? "" : "; ";
    for (const std::int64_t whole : {region.box.x, region.box.y, region.box.width, region.box.height})
      text += std::to_string(whole) + " ";
    text += csv_cell(region.peak) + " " + csv_cell(region.mean) + " " + std::to_string(region.area);
  }
  return csv_cell(text);
}

constexpr std::array kCsvColumns{"path",      "verdict", "score",        "text",    "visual", "residual",
                                 "threshold", "reason",  "error",        "x",       "y",      "width",
                                 "height",    "peak",    "regions_from", "regions", "time",   "seconds",
                                 "bank",      "overlay", "map"};

}  // namespace

Finding finding_of(const Path& image, const FetchedScores& fetched, std::int64_t row,
                   const Measure& measure) {
  Finding finding;
  static_cast<ImageScores&>(finding) = fetched.of(row);
  finding.image = image;
  finding.threshold = measure.threshold;
  finding.bank = measure.bank;
  if (!measure.threshold) return finding;
  finding.anomalous = finding.score > *measure.threshold;
  finding.judgement = judgement_of(fetched, row, measure);
  return finding;
}

nlohmann::ordered_json to_json(const Finding& finding) {
  nlohmann::ordered_json record;
  record["path"] = finding.image.string();
  record["score"] = finding.score;
  record["text"] = finding.text;
  record["visual"] = finding.visual;
  record["residual"] = finding.residual;
  if (finding.anomalous) record["anomalous"] = *finding.anomalous;
  if (finding.judgement) {
    record["verdict"] = name_of(finding.judgement->verdict);
    if (!finding.judgement->reason.empty()) record["reason"] = finding.judgement->reason;
    record["threshold"] = *finding.threshold;
  }
  if (!finding.bank.empty()) record["bank"] = finding.bank;
  const Box& box = finding.region.box;
  record["box"] = {{"x", box.x},
                   {"y", box.y},
                   {"width", box.width},
                   {"height", box.height},
                   {"peak", finding.region.peak}};
  record["regions_from"] = finding.regions_from;
  record["regions"] = nlohmann::ordered_json::array();
  for (const MapRegion& region : finding.regions)
    record["regions"].push_back({{"x", region.box.x},
                                 {"y", region.box.y},
                                 {"width", region.box.width},
                                 {"height", region.box.height},
                                 {"peak", region.peak},
                                 {"mean", region.mean},
                                 {"area", region.area}});
  record["time"] = time_text(finding.time);
  record["seconds"] = finding.seconds;
  if (!finding.overlay.empty()) record["overlay"] = finding.overlay.string();
  if (!finding.map.empty()) record["map"] = finding.map.string();
  return record;
}

std::string csv_heading() {
  return joined({kCsvColumns.begin(), kCsvColumns.end()});
}

std::string csv_line(const Finding& finding) {
  const auto& judged = finding.judgement;
  const Box& box = finding.region.box;
  return joined({csv_cell(finding.image.string()),
                 judged ? name_of(judged->verdict) : "",
                 csv_cell(finding.score),
                 csv_cell(finding.text),
                 csv_cell(finding.visual),
                 csv_cell(finding.residual),
                 finding.threshold ? csv_cell(*finding.threshold) : "",
                 judged ? csv_cell(judged->reason) : "",
                 "",
                 std::to_string(box.x),
                 std::to_string(box.y),
                 std::to_string(box.width),
                 std::to_string(box.height),
                 csv_cell(finding.region.peak),
                 csv_cell(finding.regions_from),
                 regions_cell(finding.regions),
                 time_text(finding.time),
                 csv_cell(finding.seconds),
                 finding.bank,
                 csv_cell(finding.overlay.string()),
                 csv_cell(finding.map.string())});
}

std::string csv_failure(const Path& image, const std::string& message) {
  std::vector<std::string> cells(kCsvColumns.size());
  cells[0] = csv_cell(image.string());
  cells[static_cast<std::size_t>(
      std::find(kCsvColumns.begin(), kCsvColumns.end(), std::string_view("error")) - kCsvColumns.begin())] =
      csv_cell(message);
  return joined(cells);
}

std::string finding_heading() {
  return "   score     text   visual residual  verdict    hottest region (x,y size)  image";
}

std::string finding_line(const Finding& finding) {
  const Box& box = finding.region.box;
  std::array<char, 160> text{};
  const char* verdict = finding.judgement ? name_of(finding.judgement->verdict) : "-";
  std::snprintf(text.data(), text.size(), "%8.4f %8.4f %8.4f %8.4f  %-9s  %5d,%d %dx%d  ", finding.score,
                finding.text, finding.visual, finding.residual, verdict, static_cast<int>(box.x),
                static_cast<int>(box.y), static_cast<int>(box.width), static_cast<int>(box.height));
  const bool explained = finding.judgement && !finding.judgement->reason.empty();
  return text.data() + finding.image.string() + (explained ? "  (" + finding.judgement->reason + ")" : "");
}

}  // namespace res2clip::app
