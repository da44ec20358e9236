#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace res2clip {

/// What a process tells the others of itself, again and again.
struct Sign {
  std::uint64_t beat = 0;      ///< grows as long as the process lives and is not stopped
  std::uint64_t progress = 0;  ///< grows with its work
  bool waiting = false;        ///< for the others
};
std::string as_text(const Sign& sign);
/// The reverse; an empty sign for a text that is none.
Sign sign_from(const std::string& text);

/// Who does not get on, and for how long.
struct Standstill {
  int rank = -1;  ///< -1: all wait for each other
  std::chrono::steady_clock::duration since{};
};

/// What one process knows of the signs of all.
class Signs {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Signs(int size, Time now);
  void take(int rank, const Sign& sign, Time now);

  /// Who has stood still the longest, as process `own` sees it, which waits: one that gives no sign of life,
  /// one that works and makes no progress, or all, if they wait for each other.
  Standstill longest(int own, Time now) const;

 private:
  struct Seen {
    Sign sign;
    Time alive, moved;
  };
  std::vector<Seen> seen_;
};

}  // namespace res2clip
