#include "finding.hpp"

#include <array>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace res2clip::app {
Finding finding_of(const Path& image, const FetchedScores& fetched, std::int64_t row,
                   const Measure& measure) {
  const auto value = [&](const at::Tensor& scores) { return scores[row].item<double>(); };
  Finding finding;
  finding.image = image;
  finding.score = value(fetched.score);
  finding.text = value(fetched.text);
  finding.visual = value(fetched.visual);
  finding.residual = value(fetched.residual);
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
  if (!finding.overlay.empty()) record["overlay"] = finding.overlay.string();
  if (!finding.map.empty()) record["map"] = finding.map.string();
  return record;
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
