#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace res2clip {

/// Reported by long jobs in the library, which print nothing themselves: `done` of `total` units, with a
/// short note.
using ProgressCallback = std::function<void(std::int64_t done, std::int64_t total, const std::string& note)>;

}  // namespace res2clip
