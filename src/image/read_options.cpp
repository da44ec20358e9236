#include "res2clip/image/read_options.hpp"

#include <charconv>
#include <optional>

#include "res2clip/core/error.hpp"
#include "res2clip/settings/settings.hpp"

namespace res2clip {
namespace {

constexpr std::int64_t kLargestSample = 65535;

std::optional<std::int64_t> number_in(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value < low || value > high) return {};
  return value;
}

std::optional<WideSamples> divide_by(std::string_view text) {
  const auto divisor = number_in(text, 1, 257);
  if (!divisor) return {};
  return WideSamples{.rule = WideSamples::Rule::divide, .divisor = *divisor};
}

std::optional<WideSamples> range_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {};
  const auto low = number_in(text.substr(0, colon), 0, kLargestSample - 1);
  const auto high = number_in(text.substr(colon + 1), 1, kLargestSample);
  if (!low || !high || *low >= *high) return {};
  return WideSamples{.rule = WideSamples::Rule::range, .low = *low, .high = *high};
}

}  // namespace

WideSamples wide_samples(std::string_view text) {
  constexpr std::string_view kDivide = "divide:", kRange = "range:";
  std::optional<WideSamples> wide;
  if (text == "refuse") wide = WideSamples{};
  if (text == "high_byte") wide = WideSamples{.rule = WideSamples::Rule::high_byte};
  if (text.starts_with(kDivide)) wide = divide_by(text.substr(kDivide.size()));
  if (text.starts_with(kRange)) wide = range_of(text.substr(kRange.size()));
  if (wide) return *wide;
  throw settings_error(
      "image.wide is '" + std::string(text) +
      "'; it must be refuse, high_byte, divide:N (N from 1 to 257) or range:LOW:HIGH (0 <= LOW < "
      "HIGH <= 65535)");
}

std::string text_of(const WideSamples& wide) {
  switch (wide.rule) {
    case WideSamples::Rule::high_byte:
      return "high_byte";
    case WideSamples::Rule::divide:
      return "divide:" + std::to_string(wide.divisor);
    case WideSamples::Rule::range:
      return "range:" + std::to_string(wide.low) + ":" + std::to_string(wide.high);
    case WideSamples::Rule::refuse:
      break;
  }
  return "refuse";
}

void describe(Fields& fields, ReadOptions& options) {
  std::string wide = text_of(options.wide);
  fields.field(
      "wide", wide,
      "how samples of more than 8 bits become 8 bits, the same for all images: refuse, high_byte, divide:N "
      "(value / N; 16 for 12-bit cameras) or range:LOW:HIGH (LOW becomes black, HIGH white)");
  options.wide = wide_samples(wide);
  fields.field("exif_rotation", options.exif_rotation,
               "turn images upright as their EXIF orientation says (the authors' code does not)");
  fields.field("max_pixels", options.max_pixels, Range<std::int64_t>{0},
               "images of more pixels are rejected before they are decoded; 0: no limit");
}

std::map<std::string, std::string> reading_identity(const ReadOptions& options) {
  std::map<std::string, std::string> identity;
  if (options.wide != WideSamples{}) identity["image.wide"] = text_of(options.wide);
  if (options.exif_rotation) identity["image.exif_rotation"] = "true";
  return identity;
}

}  // namespace res2clip
