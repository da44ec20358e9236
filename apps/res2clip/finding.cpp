#include "finding.hpp"

#include <array>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace res2clip::app {

Finding finding_of(const Path& image, const FetchedScores& fetched, std::int64_t row,
                   const std::optional<double>& threshold) {
  const auto value = [&](const at::Tensor& scores) { return scores[row].item<double>(); };
  Finding finding;
  finding.image = image;
  finding.score = value(fetched.score);
  finding.text = value(fetched.text);
  finding.visual = value(fetched.visual);
  finding.residual = value(fetched.residual);
  if (threshold) finding.anomalous = finding.score > *threshold;
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
  const Box& box = finding.region.box;
  record["box"] = {{"x", box.x},
                   {"y", box.y},
                   {"width", box.width},
                   {"height", box.height},
                   {"peak", finding.region.peak}};
  if (!finding.overlay.empty()) record["overlay"] = finding.overlay.string();
  if (!finding.map.empty()) record["map"] = finding.map.string();
  return record;
}

std::string finding_heading() {
  return "   score     text   visual residual  hottest region (x,y size)  image";
}

std::string finding_line(const Finding& finding) {
  const Box& box = finding.region.box;
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "%8.4f %8.4f %8.4f %8.4f  %5d,%d %dx%d  ", finding.score,
                finding.text, finding.visual, finding.residual, static_cast<int>(box.x),
                static_cast<int>(box.y), static_cast<int>(box.width), static_cast<int>(box.height));
  return text.data() + finding.image.string() + (finding.anomalous.value_or(false) ? "  ANOMALOUS" : "");
}

}  // namespace res2clip::app
