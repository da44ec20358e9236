#ifndef USE_C10D_NCCL
#define USE_C10D_NCCL
#endif

#include "nccl_sum.hpp"

#include <cstdlib>
#include <vector>

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

namespace res2clip {
namespace {

/// By default a wait is one of the stream alone, and a watchdog of LibTorch's ends the whole process where a
/// sum takes too long. Errors are to come to the caller instead.
void let_errors_come_to_the_caller() {
  ::setenv("TORCH_NCCL_BLOCKING_WAIT", "1", 1);
  ::setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", 1);
  ::setenv("TORCH_NCCL_ENABLE_MONITORING", "0", 1);
}

class NcclGroup final : public NcclSum {
 public:
  NcclGroup(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
            std::chrono::milliseconds longest) {
    let_errors_come_to_the_caller();
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = longest;
    group_ = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
  }
  ~NcclGroup() override {
    if (!aborted_) group_->shutdown();
  }

  c10::intrusive_ptr<c10d::Work> sum(at::Tensor& values) override {
    std::vector<at::Tensor> tensors{values};
    return group_->allreduce(tensors);
  }

  void abort() override {
    aborted_ = true;
    group_->abort();
  }

 private:
  c10::intrusive_ptr<c10d::ProcessGroupNCCL> group_;
  bool aborted_ = false;
};

}  // namespace

std::unique_ptr<NcclSum> make_nccl_sum(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                       std::chrono::milliseconds longest) {
  return std::make_unique<NcclGroup>(store, rank, size, longest);
}

}  // namespace res2clip
