#pragma once

#include <cstddef>
#include <functional>

namespace res2clip {

/// Calls `work(i)` for every 0 <= i < count on all threads. One failure does not keep the others from being
/// done: at::parallel_for would leave out the rest of a thread's share, and throw the failure that came first
/// in time. This throws the one of the lowest i, after all calls.
void parallel_for_each(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace res2clip
