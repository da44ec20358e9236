#include "res2clip/compute/stage_times.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace res2clip {

std::vector<std::string> stage_table(const std::vector<StageTime>& stages, double seconds) {
  std::vector<std::string> lines{"stage            threads    busy s  waiting s   busy"};
  for (const StageTime& stage : stages) {
    const double whole = seconds * static_cast<double>(stage.threads);
    std::array<char, 96> line{};
    std::snprintf(line.data(), line.size(), "%-16s %7zu %9.2f %10.2f %5.0f%%", stage.name.c_str(), stage.threads,
                  stage.busy, std::max(0.0, whole - stage.busy), whole > 0 ? 100 * stage.busy / whole : 0.0);
    lines.emplace_back(line.data());
  }
  return lines;
}

}  // namespace res2clip
