#pragma once

/// Runs a CUDA kernel's source on the host, so that its logic is tested where there is no GPU: each thread of
/// a block is a fiber, and they take turns at every barrier. One block at a time. Knows just what this
/// project's kernels use; warp functions must be called by all lanes of a warp. To be included before the
/// kernel.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <ucontext.h>
#include <vector>

// Of its own in this file: a CUDA build of the same kernel may be linked beside it.
#define __global__ [[maybe_unused]] static
#define __host__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)
#define __grid_constant__

struct CudaIndex {
  unsigned x = 0;
};
inline CudaIndex threadIdx, blockIdx;

namespace res2clip::testing {

class BlockOfFibers {
 public:
  /// Runs `kernel` for every block and thread, with `floats` floats of dynamic shared memory.
  static void launch(unsigned blocks, unsigned threads, std::size_t floats,
                     const std::function<void()>& kernel) {
    BlockOfFibers block(threads, kernel);
    block.memory_.resize(floats);
    running_ = &block;
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) block.run();
    running_ = nullptr;
  }

  static float* dynamic_memory() { return running_->memory_.data(); }

  static void block_barrier() { wait(State::at_block_barrier); }
  static void warp_barrier() { wait(State::at_warp_barrier); }

  /// Value of another lane of the warp, which calls this too.
  template <class Value>
  static Value exchange(Value value, unsigned from) {
    static_assert(sizeof(Value) <= sizeof(double));
    std::memcpy(&running_->fibers_[threadIdx.x].mail, &value, sizeof(Value));
    warp_barrier();
    std::memcpy(&value, &running_->fibers_[from].mail, sizeof(Value));
    warp_barrier();
    return value;
  }

 private:
  static constexpr unsigned kWarp = 32;
  enum class State { ready, at_warp_barrier, at_block_barrier, done };
  struct Fiber {
    ucontext_t context{};
    std::vector<char> stack = std::vector<char>(64 * 1024);
    double mail = 0;
    State state = State::ready;
  };

  BlockOfFibers(unsigned threads, const std::function<void()>& kernel)
      : fibers_(threads), warps_(threads / kWarp), kernel_(kernel) {
    if (threads == 0 || threads % kWarp != 0) throw std::logic_error("a block of whole warps is needed");
    std::iota(warps_.begin(), warps_.end(), 0U);
  }

  static void enter() {
    running_->kernel_();
    running_->fibers_[threadIdx.x].state = State::done;
  }

  static void wait(State state) {
    auto& fiber = running_->fibers_[threadIdx.x];
    fiber.state = state;
    swapcontext(&fiber.context, &running_->scheduler_);
  }

  void run() {
    for (auto& fiber : fibers_) {
      fiber.state = State::ready;
      getcontext(&fiber.context);
      fiber.context.uc_stack = {.ss_sp = fiber.stack.data(), .ss_flags = 0, .ss_size = fiber.stack.size()};
      fiber.context.uc_link = &scheduler_;
      makecontext(&fiber.context, enter, 0);
    }
    // What nobody has written is not a number.
    std::fill(memory_.begin(), memory_.end(), std::numeric_limits<float>::quiet_NaN());
    for (bool rising = true; !all(0, fibers_.size(), State::done); rising = !rising) {
      turn(rising);
      release();
    }
  }

  /// Warps in random order, and lanes now in rising, now in falling order: what works in one order only lacks
  /// a barrier.
  void turn(bool rising) {
    std::shuffle(warps_.begin(), warps_.end(), random_);
    for (const unsigned warp : warps_)
      for (unsigned lane = 0; lane < kWarp; ++lane) {
        threadIdx.x = warp * kWarp + (rising ? lane : kWarp - 1 - lane);
        if (fibers_[threadIdx.x].state == State::ready)
          swapcontext(&scheduler_, &fibers_[threadIdx.x].context);
      }
  }

  /// Lets whole warps, or the whole block, go on from their barrier.
  void release() {
    const auto count = static_cast<unsigned>(fibers_.size());
    bool any = false;
    const auto let_go = [&](unsigned first, unsigned end, State from) {
      if (!all(first, end, from)) return;
      for (unsigned i = first; i < end; ++i) fibers_[i].state = State::ready;
      any = true;
    };
    for (unsigned first = 0; first < count; first += kWarp)
      let_go(first, first + kWarp, State::at_warp_barrier);
    let_go(0, count, State::at_block_barrier);
    if (!any && !all(0, count, State::done))
      throw std::logic_error("a barrier that not all threads of the block or warp reach");
  }

  bool all(std::size_t first, std::size_t end, State state) const {
    return std::all_of(fibers_.begin() + static_cast<std::ptrdiff_t>(first),
                       fibers_.begin() + static_cast<std::ptrdiff_t>(end),
                       [=](const Fiber& fiber) { return fiber.state == state; });
  }

  static inline BlockOfFibers* running_ = nullptr;
  std::vector<Fiber> fibers_;
  std::vector<unsigned> warps_;
  std::mt19937 random_;
  std::function<void()> kernel_;
  std::vector<float> memory_;
  ucontext_t scheduler_{};
};

}  // namespace res2clip::testing

namespace res2clip::cuda {
inline float* dynamic_shared() {
  return testing::BlockOfFibers::dynamic_memory();
}
}  // namespace res2clip::cuda

inline void __syncthreads() {
  res2clip::testing::BlockOfFibers::block_barrier();
}
inline void __syncwarp() {
  res2clip::testing::BlockOfFibers::warp_barrier();
}

template <class Value>
Value __shfl_xor_sync(unsigned, Value value, int distance) {
  return res2clip::testing::BlockOfFibers::exchange(value, threadIdx.x ^ static_cast<unsigned>(distance));
}

template <class Value>
Value __shfl_up_sync(unsigned, Value value, int distance) {
  const bool inside = threadIdx.x % 32 >= static_cast<unsigned>(distance);
  return res2clip::testing::BlockOfFibers::exchange(value, threadIdx.x - (inside ? distance : 0));
}

inline unsigned __ballot_sync(unsigned, bool predicate) {
  const unsigned lane = threadIdx.x % 32;
  unsigned bits = predicate ? 1U << lane : 0U;
  for (int distance = 16; distance > 0; distance /= 2) bits |= __shfl_xor_sync(0U, bits, distance);
  return bits;
}

inline int __popc(unsigned bits) {
  return __builtin_popcount(bits);
}

inline unsigned __float_as_uint(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline float __uint_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline int atomicAdd(int* number, int more) {
  const int before = *number;
  *number += more;
  return before;
}
