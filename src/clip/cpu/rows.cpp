#include "rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "res2clip/core/vectorised.hpp"

namespace res2clip::cpu {
namespace {

/// Sums and extremes are taken side by side; as many lanes as the widest vector unit has of float32.
constexpr int kLanes = 16;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::uint16_t kNotANumber = 0x7fc0;
constexpr double kEpsilon = 1e-5;  // of CLIP's layer norms

struct Extremes {
  float least, largest;
  bool finite;
};

RES2CLIP_VECTORISED
Extremes extremes(const float* row, std::int64_t count) {
  float least[kLanes], largest[kLanes];
  std::int32_t unordered[kLanes] = {};
  std::fill_n(least, kLanes, kInfinity);
  std::fill_n(largest, kLanes, -kInfinity);
  std::int64_t begin = 0;
  for (; begin + kLanes <= count; begin += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) {
      const float value = row[begin + lane];
      least[lane] = value < least[lane] ? value : least[lane];
      largest[lane] = value > largest[lane] ? value : largest[lane];
      unordered[lane] |= !(std::abs(value) < kInfinity);
    }
  for (int lane = 0; begin + lane < count; ++lane) {
    const float value = row[begin + lane];
    least[lane] = std::min(least[lane], value);
    largest[lane] = std::max(largest[lane], value);
    unordered[lane] |= !(std::abs(value) < kInfinity);
  }
  return {*std::min_element(least, least + kLanes), *std::max_element(largest, largest + kLanes),
          std::all_of(unordered, unordered + kLanes, [](std::int32_t one) { return one == 0; })};
}

RES2CLIP_VECTORISED
void round_to_bytes(const float* row, std::int64_t count, float least, float factor, std::uint8_t* out) {
  for (std::int64_t i = 0; i < count; ++i)
    out[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>((row[i] - least) * factor + 0.5f));
}

RES2CLIP_VECTORISED
double sum(const float* row, std::int64_t count) {
  float sums[kLanes] = {};
  std::int64_t begin = 0;
  for (; begin + kLanes <= count; begin += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) sums[lane] += row[begin + lane];
  double total = 0;
  for (; begin < count; ++begin) total += row[begin];
  for (const float one : sums) total += one;
  return total;
}

/// The sum of squares of row - mean.
RES2CLIP_VECTORISED
double square_sum(const float* row, std::int64_t count, float mean) {
  float sums[kLanes] = {};
  std::int64_t begin = 0;
  for (; begin + kLanes <= count; begin += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) {
      const float away = row[begin + lane] - mean;
      sums[lane] += away * away;
    }
  double total = 0;
  for (; begin < count; ++begin) total += static_cast<double>(row[begin] - mean) * (row[begin] - mean);
  for (const float one : sums) total += one;
  return total;
}

RES2CLIP_VECTORISED
void scale_and_shift(const float* row, float mean, float factor, const float* gain, const float* shift,
                     std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = (row[i] - mean) * factor * gain[i] + shift[i];
}

RES2CLIP_VECTORISED
void widen_all(const std::uint16_t* row, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; ++i)
    out[i] = __builtin_bit_cast(float, static_cast<std::uint32_t>(row[i]) << 16);
}

RES2CLIP_VECTORISED
void narrow_all(const float* row, std::int64_t count, std::uint16_t* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    const auto bits = __builtin_bit_cast(std::uint32_t, row[i]);
    const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    out[i] = static_cast<std::uint16_t>(row[i] == row[i] ? rounded : kNotANumber);
  }
}

RES2CLIP_VECTORISED
void combine(const float* product, float scale, float least, const float* sums, const float* bias,
             std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = scale * product[i] + least * sums[i] + bias[i];
}

RES2CLIP_VECTORISED
void add_all(const float* row, std::int64_t count, float* sum_row) {
  for (std::int64_t i = 0; i < count; ++i) sum_row[i] += row[i];
}

}  // namespace

void widen(const std::uint16_t* row, std::int64_t count, float* out) {
  widen_all(row, count, out);
}

void narrow(const float* row, std::int64_t count, std::uint16_t* out) {
  narrow_all(row, count, out);
}

ByteScale to_bytes(const float* row, std::int64_t count, int largest, std::uint8_t* out) {
  const Extremes found = extremes(row, count);
  const float range = found.largest - found.least;
  if (!found.finite || !(range < kInfinity)) {
    std::fill_n(out, count, std::uint8_t{0});
    return {std::numeric_limits<float>::quiet_NaN(), 0};
  }
  const float scale = range / static_cast<float>(largest);
  // Too narrow a range for a factor: all numbers are the least one then, up to float32's own last digit.
  const float factor = scale > std::numeric_limits<float>::min() ? 1.0f / scale : 0.0f;
  round_to_bytes(row, count, found.least, factor, out);
  return {factor > 0 ? scale : 0.0f, found.least};
}

void from_byte_product(const float* product, const ByteScale& row, const float* sums, const float* bias,
                       std::int64_t count, float* out) {
  combine(product, row.scale, row.least, sums, bias, count, out);
}

void add_row(const float* row, std::int64_t count, float* sum_row) {
  add_all(row, count, sum_row);
}

void normalise_row(const float* row, const float* gain, const float* shift, std::int64_t count, float* out) {
  const auto width = static_cast<double>(count);
  const auto mean = static_cast<float>(sum(row, count) / width);
  const double variance = square_sum(row, count, mean) / width;
  scale_and_shift(row, mean, static_cast<float>(1.0 / std::sqrt(variance + kEpsilon)), gain, shift, count,
                  out);
}

}  // namespace res2clip::cpu
