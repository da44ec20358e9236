#include "res2clip/compute/parallel.hpp"

#include <exception>
#include <vector>

#include <ATen/Parallel.h>

#include "res2clip/compute/compute.hpp"

namespace res2clip {

void parallel_for_each(std::size_t count, const std::function<void(std::size_t)>& work) {
  require_not_forked();
  std::vector<std::exception_ptr> failures(count);
  at::parallel_for(0, static_cast<std::int64_t>(count), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      try {
        work(i);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  });
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

}  // namespace res2clip
