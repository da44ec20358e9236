#pragma once

#include <cstdint>
#include <vector>

#include "res2clip/retrieval/match.hpp"

namespace res2clip {

/// A query patch's scores against all references of all shots: K * N floats that match_row() overwrites.
struct ScoreRow {
  float* scores;                ///< [K*N] similarities (pooled ones where the options say so)
  const float* penalty;         ///< [N], times gamma, the same for every shot
  std::int64_t patches, shots;  ///< N, K
};

/// Where a row's result goes: D floats each, and one.
struct MatchedRow {
  float* reference;
  float* residual;
  float* residual_norm;
};

/// The references that may count in a row: their scores, which become their weights, and their places. Reused
/// from row to row.
struct Candidates {
  std::vector<float> scores;
  std::vector<std::int32_t> places;
  std::vector<std::int32_t> order;  // scratch of top_k
  std::int64_t count = 0;

  explicit Candidates(std::int64_t references) : scores(references), places(references) {}
};

/// Matches one query patch [D] from its similarities: penalty, weights, weighted sum of those rows of
/// `references` [K*N, D] that have any, normalisation, residual and its norm.
void match_row(const ScoreRow& row, const MatchOptions& options, const float* query, const float* references,
               std::int64_t channels, Candidates& candidates, const MatchedRow& matched);

}  // namespace res2clip
