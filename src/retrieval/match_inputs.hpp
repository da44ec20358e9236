#pragma once

#include "res2clip/retrieval/match.hpp"

namespace res2clip {

/// Throws the data errors of match().
void require_match_inputs(const at::Tensor& query, const at::Tensor& reference, const Grid& grid);

}  // namespace res2clip
