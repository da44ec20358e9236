#ifndef USE_C10D_NCCL
#define USE_C10D_NCCL
#endif

#include "nccl_sum.hpp"

#include <vector>

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

namespace res2clip {
namespace {

class NcclGroup final : public NcclSum {
 public:
  NcclGroup(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, std::chrono::seconds timeout) {
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = timeout;
    group_ = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
  }

  void sum(at::Tensor& values) override {
    std::vector<at::Tensor> tensors{values};
    group_->allreduce(tensors)->wait();
  }

 private:
  c10::intrusive_ptr<c10d::Backend> group_;
};

}  // namespace

std::unique_ptr<NcclSum> make_nccl_sum(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                       std::chrono::seconds timeout) {
  return std::make_unique<NcclGroup>(store, rank, size, timeout);
}

}  // namespace res2clip
