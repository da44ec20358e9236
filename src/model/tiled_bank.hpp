// The tiles of reference banks.
#pragma once

#include <span>
#include <vector>

#include "res2clip/model/reference_bank.hpp"

namespace res2clip {

bool same_tiling(const ReferenceBank& a, const ReferenceBank& b);

/// Gives `whole` the tiles of all banks, which have the tiling of the first.
void join_tiles(const std::vector<ReferenceBank>& banks, ReferenceBank& whole);

/// Gives `part` the tiles of these shots of a bank.
void select_tiles(const ReferenceBank& bank, std::span<const std::int64_t> shots, ReferenceBank& part);

/// The bank with which tiles of this place are compared.
const ReferenceBank& bank_of_place(const ReferenceBank& bank, std::int64_t place);

/// What is remembered of whole images alone.
ReferenceBank without_tiles(const ReferenceBank& bank);

}  // namespace res2clip
