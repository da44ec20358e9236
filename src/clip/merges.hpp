#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <tuple>
#include <vector>

namespace res2clip {

/// What becomes of two neighbouring symbols. A pair that holds a merge's result has a higher rank than it.
struct Merge {
  std::int64_t rank;
  std::int64_t result;
};

/// A word's symbols after byte-pair merging: the pair of lowest rank is merged wherever it stands, from left
/// to right, until no pair is left. `merge_of(left, right)` gives an optional Merge; it is asked fewer than
/// three times per symbol, and the whole takes n log n steps.
template <class MergeOf>
std::vector<std::int64_t> merged(std::vector<std::int64_t> symbols, MergeOf merge_of) {
  const std::size_t count = symbols.size(), none = count;
  constexpr std::int64_t kGone = -1;
  std::vector<std::size_t> next(count), previous(count);
  for (std::size_t i = 0; i < count; ++i) next[i] = i + 1, previous[i] = i == 0 ? none : i - 1;
  struct Candidate {
    std::int64_t rank;
    std::size_t at;
    std::int64_t left, right, result;
    bool operator>(const Candidate& other) const {
      return std::tie(rank, at) > std::tie(other.rank, other.at);
    }
  };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto consider = [&](std::size_t at) {
    if (at == none || next[at] == none) return;
    if (const auto merge = merge_of(symbols[at], symbols[next[at]]))
      candidates.push({merge->rank, at, symbols[at], symbols[next[at]], merge->result});
  };
  for (std::size_t i = 0; i < count; ++i) consider(i);
  while (!candidates.empty()) {
    const Candidate best = candidates.top();
    candidates.pop();
    const std::size_t right = next[best.at];
    if (right == none || symbols[best.at] != best.left || symbols[right] != best.right) continue;
    symbols[best.at] = best.result;
    symbols[right] = kGone;
    next[best.at] = next[right];
    if (next[best.at] != none) previous[next[best.at]] = best.at;
    consider(previous[best.at]);
    consider(best.at);
  }
  std::erase(symbols, kGone);
  return symbols;
}

}  // namespace res2clip
