#pragma once

#include <cstdint>
#include <vector>

namespace res2clip {

/// A query patch's scores against all references of all shots: K * N floats that match_row() overwrites.
struct ScoreRow {
  float* scores;                ///< [K*N] similarities
  const float* penalty;         ///< [N], times gamma, the same for every shot
  std::int64_t patches, shots;  ///< N, K
};

/// Where a row's result goes: D floats each, and one.
struct MatchedRow {
  float* reference;
  float* residual;
  float* residual_norm;
};

/// The references that may be in a row's support: relative scores and places. Reused from row to row.
struct Candidates {
  std::vector<float> scores;
  std::vector<std::int32_t> places;
  std::int64_t count = 0;

  explicit Candidates(std::int64_t references) : scores(references), places(references) {}
};

/// Matches one query patch [D] from its similarities: penalty, sparsemax, weighted sum of the supporting rows
/// of `references` [K*N, D], normalisation, residual and its norm.
void match_row(const ScoreRow& row, const float* query, const float* references, std::int64_t channels,
               Candidates& candidates, const MatchedRow& matched);

}  // namespace res2clip
