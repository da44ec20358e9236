#pragma once

/// Runs a CUDA kernel's source on the host, so that its logic is tested where there is no GPU: each thread of
/// a block is a fiber, and they take turns at every barrier. One block at a time. Knows just what this
/// project's kernels use; shuffles must be called by all threads of the block. To be included before the
/// kernel.

#include <cstring>
#include <functional>
#include <stdexcept>
#include <ucontext.h>
#include <vector>

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)

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

  static void barrier() {
    auto& fiber = running_->fibers_[threadIdx.x];
    ++fiber.barriers;
    swapcontext(&fiber.context, &running_->scheduler_);
  }

  /// Value of another thread of the block, which calls this too.
  template <class Value>
  static Value exchange(Value value, unsigned from) {
    static_assert(sizeof(Value) <= sizeof(double));
    std::memcpy(&running_->fibers_[threadIdx.x].mail, &value, sizeof(Value));
    barrier();
    std::memcpy(&value, &running_->fibers_[from].mail, sizeof(Value));
    barrier();
    return value;
  }

 private:
  struct Fiber {
    ucontext_t context{};
    std::vector<char> stack = std::vector<char>(64 * 1024);
    double mail = 0;
    long barriers = 0;
    bool done = false;
  };

  BlockOfFibers(unsigned threads, const std::function<void()>& kernel) : fibers_(threads), kernel_(kernel) {}

  static void enter() {
    running_->kernel_();
    running_->fibers_[threadIdx.x].done = true;
  }

  void run() {
    for (auto& fiber : fibers_) {
      fiber.done = false;
      fiber.barriers = 0;
      getcontext(&fiber.context);
      fiber.context.uc_stack = {.ss_sp = fiber.stack.data(), .ss_flags = 0, .ss_size = fiber.stack.size()};
      fiber.context.uc_link = &scheduler_;
      makecontext(&fiber.context, enter, 0);
    }
    // Now in rising, now in falling order: what only works in one of them lacks a barrier.
    for (bool rising = true; !fibers_[0].done; rising = !rising) {
      for (unsigned turn = 0; turn < fibers_.size(); ++turn) {
        threadIdx.x = rising ? turn : static_cast<unsigned>(fibers_.size()) - 1 - turn;
        swapcontext(&scheduler_, &fibers_[threadIdx.x].context);
      }
      for (const auto& fiber : fibers_)
        if (fiber.barriers != fibers_[0].barriers || fiber.done != fibers_[0].done)
          throw std::logic_error("a barrier that not all threads of the block reach");
    }
  }

  static inline BlockOfFibers* running_ = nullptr;
  std::vector<Fiber> fibers_;
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
  res2clip::testing::BlockOfFibers::barrier();
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
