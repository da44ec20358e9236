#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/Work.hpp>

#include "nccl_sum.hpp"
#include "support/devices.hpp"

namespace res2clip {
namespace {

TEST(NcclSum, OfOneProcessIsItsOwnTensorAndEndsInOrder_cuda) {
  const CudaStatus status = cuda_status();
  if (status.devices.empty()) GTEST_SKIP() << "did not run on CUDA: " << status.problem;
  const auto store = c10::make_intrusive<c10d::HashStore>();
  const auto nccl = make_nccl_sum(store, 0, 1, std::chrono::seconds(60));
  at::Tensor values = at::arange(5, at::TensorOptions(at::kFloat).device(at::kCUDA));
  const auto work = nccl->sum(values);
  EXPECT_TRUE(work->wait());
  EXPECT_TRUE(work->isCompleted()) << "wait() lets the host wait, not the stream alone";
  EXPECT_TRUE(at::equal(values.cpu(), at::arange(5, at::kFloat)));
}

}  // namespace
}  // namespace res2clip
