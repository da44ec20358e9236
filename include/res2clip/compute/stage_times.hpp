#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace res2clip {

/// How busy the threads of one stage of a pipeline are. Written to by several threads at once.
class StageClock {
 public:
  /// Counts as busy for as long as it lives.
  class Busy {
   public:
    explicit Busy(StageClock& clock) : clock_(clock) {}
    ~Busy() { clock_.nanoseconds_ += (std::chrono::steady_clock::now() - start_).count(); }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    static_assert(std::chrono::steady_clock::period::den == 1'000'000'000);
    StageClock& clock_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  };

  double seconds() const { return static_cast<double>(nanoseconds_.load()) * 1e-9; }

 private:
  std::atomic<std::int64_t> nanoseconds_{0};
};

/// What a run says of a stage.
struct StageTime {
  std::string name;
  std::size_t threads = 1;
  double busy = 0;  ///< seconds, of all its threads together
};

/// A table of stages with their busy and waiting seconds, and the share of the time in which their threads were
/// busy. `seconds` is how long the whole pipeline ran.
std::vector<std::string> stage_table(const std::vector<StageTime>& stages, double seconds);

}  // namespace res2clip
