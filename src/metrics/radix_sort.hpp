#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>

namespace res2clip {

/// Sorts unsigned keys between `lowest` and `highest` in ascending order: a few passes over the keys, as many
/// as their range needs, instead of a comparison sort. Takes a second buffer of the same size and all threads
/// of ATen's pool.
template <class Key>
void radix_sort(std::vector<Key>& keys, Key lowest, Key highest) {
  constexpr int kMostDigitBits = 11;  // 2,048 counters and write positions stay in the first-level cache
  constexpr std::int64_t kSmallestBlock = 1 << 16;
  using Counts = std::array<std::int64_t, std::size_t{1} << kMostDigitBits>;

  const auto size = static_cast<std::int64_t>(keys.size());
  const int bits = std::bit_width(static_cast<Key>(highest - lowest));
  if (size < 2 || bits == 0) return;
  const int passes = (bits + kMostDigitBits - 1) / kMostDigitBits;
  const int digit_bits = (bits + passes - 1) / passes;
  const Key digit_mask = (Key{1} << digit_bits) - 1;
  const std::int64_t blocks =
      std::clamp<std::int64_t>(size / kSmallestBlock, 1, static_cast<std::int64_t>(at::get_num_threads()));
  const auto block_begin = [&](std::int64_t block) { return size * block / blocks; };

  std::vector<Key> sorted(keys.size());
  std::vector<Counts> counts(static_cast<std::size_t>(blocks));
  for (int pass = 0; pass < passes; ++pass) {
    const int shift = pass * digit_bits;
    at::parallel_for(0, blocks, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t block = first; block < last; ++block) {
        auto& count = counts[block];
        count.fill(0);
        for (std::int64_t i = block_begin(block); i < block_begin(block + 1); ++i)
          ++count[((keys[i] - lowest) >> shift) & digit_mask];
      }
    });
    const auto some_digit = static_cast<std::size_t>(((keys.front() - lowest) >> shift) & digit_mask);
    std::int64_t alike = 0;
    for (const auto& count : counts) alike += count[some_digit];
    if (alike == size) continue;  // all keys have the same digit: nothing moves
    std::int64_t position =
        0;  // counts become write positions: by digit, then by block, which keeps the order stable
    for (std::size_t digit = 0; digit <= digit_mask; ++digit)
      for (auto& count : counts) position += std::exchange(count[digit], position);
    at::parallel_for(0, blocks, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t block = first; block < last; ++block) {
        auto& next = counts[block];
        for (std::int64_t i = block_begin(block); i < block_begin(block + 1); ++i)
          sorted[next[((keys[i] - lowest) >> shift) & digit_mask]++] = keys[i];
      }
    });
    keys.swap(sorted);
  }
}

}  // namespace res2clip
