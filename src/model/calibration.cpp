#include "res2clip/model/calibration.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "res2clip/core/bounded_json.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/json_text.hpp"

namespace res2clip {
namespace {

using Json = nlohmann::json;

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// The probability that at least `least` of n draws happen, each with probability p.
double at_least(std::int64_t n, std::int64_t least, double p) {
  double sum = 0;
  for (std::int64_t i = least; i <= n; ++i) {
    const auto count = static_cast<double>(i), all = static_cast<double>(n);
    const double ways = std::lgamma(all + 1) - std::lgamma(count + 1) - std::lgamma(all - count + 1);
    sum += std::exp(ways + count * std::log(p) + (all - count) * std::log1p(-p));
  }
  return sum;
}

/// The rate that is not exceeded with this probability: order statistics of n uniform draws.
double rate_quantile(std::int64_t n, std::int64_t above, double probability) {
  double low = 0, high = 1;
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    (at_least(n, above + 1, middle) < probability ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

double conformal_threshold(std::vector<double> scores, double rate) {
  if (scores.empty() || !(rate > 0 && rate < 1))
    throw settings_error("a threshold needs scores of normal images and a false-alarm rate between 0 and 1");
  std::sort(scores.begin(), scores.end());
  const auto n = static_cast<double>(scores.size());
  constexpr double kRounding = 1e-9;  // (20 + 1)(1 - 1/21) is 20, not a little more
  const double rank = std::clamp(std::ceil((n + 1) * (1 - rate) - kRounding), 1.0, n);
  return scores[static_cast<std::size_t>(rank) - 1];
}

FalseAlarmRate false_alarm_rate(std::int64_t n, std::int64_t above) {
  return {static_cast<double>(above + 1) / static_cast<double>(n + 1), rate_quantile(n, above, 0.05),
          rate_quantile(n, above, 0.95)};
}

std::vector<std::size_t> odd_ones(std::span<const double> values) {
  constexpr double kDeviations = 4.0;
  constexpr double kDeviationOfNormal = 1.4826;  // standard deviation by median absolute deviation
  if (values.size() < 3) return {};
  const double middle = median_of({values.begin(), values.end()});
  std::vector<double> distances;
  for (const double value : values) distances.push_back(std::abs(value - middle));
  const double limit = middle + kDeviations * kDeviationOfNormal * median_of(distances);
  std::vector<std::size_t> odd;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] > limit) odd.push_back(i);
  return odd;
}

std::string to_text(const Calibration& calibration) {
  Json references = Json::array();
  for (const ReferenceScore& one : calibration.references)
    references.push_back({{"shot", one.shot}, {"score", one.score}, {"peak", one.peak}});
  const FamiliarityLimits& limits = calibration.familiarity;
  return json_text(Json{{"false_alarm_rate", calibration.false_alarm_rate},
                        {"threshold", calibration.threshold},
                        {"map_low", calibration.map_low},
                        {"map_threshold", calibration.map_threshold},
                        {"familiarity",
                         {{"layer", limits.layer},
                          {"neighbour", limits.neighbour},
                          {"most_strange", limits.most_strange},
                          {"most_missing", limits.most_missing}}},
                        {"references", references},
                        {"settings", calibration.settings}});
}

Calibration calibration_of(const std::string& text) {
  try {
    const Json json = parse_bounded(text);
    Calibration calibration;
    calibration.false_alarm_rate = json.at("false_alarm_rate");
    calibration.threshold = json.at("threshold");
    calibration.map_low = json.at("map_low");
    calibration.map_threshold = json.at("map_threshold");
    const Json& limits = json.at("familiarity");
    calibration.familiarity = {limits.at("layer"), limits.at("neighbour"), limits.at("most_strange"),
                               limits.at("most_missing")};
    for (const Json& one : json.at("references"))
      calibration.references.push_back({one.at("shot"), one.at("score"), one.at("peak")});
    calibration.settings = json.at("settings").get<std::map<std::string, std::string>>();
    return calibration;
  } catch (const Json::exception&) {
    throw data_error("a bank's calibration cannot be read; make the bank again with `res2clip bank`");
  }
}

}  // namespace res2clip
