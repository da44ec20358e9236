#pragma once

#include "res2clip/features/feature_store.hpp"

namespace res2clip {

/// Bytes of one record's features, and of the space it takes in the file.
std::int64_t record_bytes(const StoreDescription& description);
std::int64_t record_stride(const StoreDescription& description);

/// Writes the description where there is none; otherwise throws a data error that names what differs. Returns
/// the layers of the records, which are at least those of `description`.
std::vector<int> match_description(const Path& file, const StoreDescription& description);

}  // namespace res2clip
