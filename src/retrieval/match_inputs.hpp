#pragma once

#include "res2clip/retrieval/match.hpp"

namespace res2clip {

/// Throws the errors of match() for what it was given.
void require_match_inputs(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                          const MatchOptions& options);

}  // namespace res2clip
