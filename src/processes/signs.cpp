#include "signs.hpp"

#include <algorithm>
#include <sstream>

namespace res2clip {

std::string as_text(const Sign& sign) {
  return std::to_string(sign.beat) + " " + std::to_string(sign.progress) + " " + (sign.waiting ? "1" : "0");
}

Sign sign_from(const std::string& text) {
  Sign sign;
  std::istringstream stream(text);
  if (!(stream >> sign.beat >> sign.progress >> sign.waiting)) return {};
  return sign;
}

Signs::Signs(int size, Time now) : seen_(static_cast<std::size_t>(size), Seen{{}, now, now}) {}

void Signs::take(int rank, const Sign& sign, Time now) {
  Seen& seen = seen_[static_cast<std::size_t>(rank)];
  if (sign.beat != seen.sign.beat) seen.alive = now;
  if (sign.progress != seen.sign.progress || sign.waiting != seen.sign.waiting) seen.moved = now;
  seen.sign = sign;
}

Standstill Signs::longest(int own, Time now) const {
  Standstill longest{own, {}};
  bool all_wait = true;
  Time last_moved = Time::min();
  for (int rank = 0; rank < static_cast<int>(seen_.size()); ++rank) {
    const Seen& seen = seen_[static_cast<std::size_t>(rank)];
    last_moved = std::max(last_moved, seen.moved);
    if (rank == own) continue;
    all_wait = all_wait && seen.sign.waiting;
    // One that waits needs no progress, but it must live.
    const auto since = now - (seen.sign.waiting ? seen.alive : std::min(seen.alive, seen.moved));
    if (since > longest.since) longest = {rank, since};
  }
  if (all_wait && now - last_moved > longest.since) return {-1, now - last_moved};
  return longest;
}

}  // namespace res2clip
