#include "eight_bits.hpp"

#include <algorithm>
#include <bit>
#include <functional>

namespace res2clip {
namespace {

/// Whose high byte is below this looks black: 16-bit colours that are so throughout come from 12 bits or
/// less.
constexpr std::uint32_t kDarkest = 16;

bool has_alpha(const Raster& raster) {
  return raster.channels % 2 == 0;
}

std::uint8_t high_byte(std::uint32_t value, std::uint32_t largest) {
  return static_cast<std::uint8_t>((std::uint64_t{value} * 65535 + largest / 2) / largest >> 8);
}

/// Of the colours, not of opacity.
std::uint32_t largest_seen(Raster& raster) {
  const std::int64_t colours = raster.channels - (has_alpha(raster) ? 1 : 0);
  std::uint32_t largest = 0;
  for (std::int64_t y = 0; y < raster.height; ++y) {
    const std::uint16_t* row = raster.wide_row(y);
    for (std::int64_t i = 0; i < raster.samples_per_row(); i += raster.channels)
      for (std::int64_t c = 0; c < colours; ++c) largest = std::max<std::uint32_t>(largest, row[i + c]);
  }
  return largest;
}

/// Each colour through `value`, opacity through its high byte. In place: bytes are never ahead of their
/// samples.
template <class Value>
Raster mapped(Raster raster, Value value) {
  const std::int64_t count = raster.height * raster.samples_per_row();
  const std::int64_t alpha = has_alpha(raster) ? raster.channels - 1 : raster.channels;
  const auto* from = reinterpret_cast<const std::uint16_t*>(raster.bytes.get());
  std::uint8_t* to = raster.bytes.get();
  for (std::int64_t i = 0; i < count; i += raster.channels)
    for (std::int64_t c = 0; c < raster.channels; ++c) {
      const std::uint32_t sample = from[i + c];
      to[i + c] = c == alpha ? high_byte(sample, raster.largest) : value(sample);
    }
  raster.largest = 255;
  return raster;
}

Raster high_bytes(Raster raster) {
  const std::uint32_t largest = raster.largest;
  if (largest == 65535)
    return mapped(std::move(raster), [](std::uint32_t v) { return static_cast<std::uint8_t>(v >> 8); });
  return mapped(std::move(raster), [largest](std::uint32_t v) { return high_byte(v, largest); });
}

Raster clipped(Raster raster) {
  return mapped(std::move(raster),
                [](std::uint32_t v) { return static_cast<std::uint8_t>(std::min(v, 255u)); });
}

std::string kind_of(const Raster& raster) {
  return "is " + std::to_string(std::bit_width(raster.largest)) + "-bit " +
         (raster.channels == 1 ? "grey" : "colour") + " with values up to ";
}

std::string remedy(std::uint32_t seen) {
  const std::string divisor = std::to_string((std::bit_ceil(seen + 1u) + 255) / 256);
  return "say how all images become 8 bits: image.wide=high_byte, divide:N (here divide:" + divisor +
         ") or range:LOW:HIGH";
}

Raster or_refuse(Raster raster) {
  const std::uint32_t seen = largest_seen(raster);
  if (raster.channels == 1) {
    if (raster.largest == 65535 && seen <= 255) return clipped(std::move(raster));
    throw ImageFault{kind_of(raster) + std::to_string(seen) + "; " + remedy(seen)};
  }
  if (seen > 0 && high_byte(seen, raster.largest) < kDarkest)
    throw ImageFault{kind_of(raster) + std::to_string(seen) + ", which would look black; " + remedy(seen)};
  if (!raster.rounds) return high_bytes(std::move(raster));
  const std::uint32_t largest = raster.largest;
  return mapped(std::move(raster), [largest](std::uint32_t v) { return rounded_byte(v, largest); });
}

Raster divided(Raster raster, std::uint32_t divisor) {
  const std::uint32_t seen = largest_seen(raster);
  if (seen / divisor > 255)
    throw ImageFault{kind_of(raster) + std::to_string(seen) +
                     ", and image.wide=divide:" + std::to_string(divisor) + " reaches to " +
                     std::to_string(256 * divisor - 1) + "; use a larger divisor for all images"};
  return mapped(std::move(raster),
                [divisor](std::uint32_t v) { return static_cast<std::uint8_t>(v / divisor); });
}

/// Whether more than half of all samples are above this.
bool mostly_above(Raster& raster, std::uint32_t high) {
  const std::int64_t count = raster.height * raster.samples_per_row();
  const std::uint16_t* samples = raster.wide_row(0);
  return 2 * std::count_if(samples, samples + count, [high](std::uint16_t v) { return v > high; }) > count;
}

Raster ranged(Raster raster, std::uint32_t low, std::uint32_t high) {
  const std::uint32_t span = high - low;
  if (mostly_above(raster, high))
    raster.doubt = "most of its values are above image.wide=" +
                   text_of({.rule = WideSamples::Rule::range, .low = low, .high = high});
  return mapped(std::move(raster), [low, high, span](std::uint32_t v) {
    const std::uint32_t above = std::clamp(v, low, high) - low;
    return static_cast<std::uint8_t>((255 * above + span / 2) / span);
  });
}

}  // namespace

Raster to_eight_bits(Raster raster, const WideSamples& rule) {
  if (!raster.wide()) return raster;
  switch (rule.rule) {
    case WideSamples::Rule::high_byte:
      return high_bytes(std::move(raster));
    case WideSamples::Rule::divide:
      return divided(std::move(raster), static_cast<std::uint32_t>(rule.divisor));
    case WideSamples::Rule::range:
      return ranged(std::move(raster), static_cast<std::uint32_t>(rule.low),
                    static_cast<std::uint32_t>(rule.high));
    case WideSamples::Rule::refuse:
      break;
  }
  return or_refuse(std::move(raster));
}

Raster mask_to_eight_bits(Raster raster) {
  if (!raster.wide()) return raster;
  if (raster.channels == 1 || high_byte(largest_seen(raster), raster.largest) < kDarkest)
    return clipped(std::move(raster));
  return high_bytes(std::move(raster));
}

}  // namespace res2clip
