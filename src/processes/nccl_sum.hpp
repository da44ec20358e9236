#pragma once

#include <chrono>
#include <memory>

#include <ATen/core/Tensor.h>
#include <c10/util/intrusive_ptr.h>

namespace c10d {
class Store;
}

namespace res2clip {

/// Adds tensors of CUDA devices up over the processes of a job, each of which has a device of its own, through NCCL.
class NcclSum {
 public:
  virtual ~NcclSum() = default;
  /// In place; the current stream waits for the result, the host does not.
  virtual void sum(at::Tensor& values) = 0;
};

/// There in CUDA builds only. Throws what c10d throws where the processes do not meet.
std::unique_ptr<NcclSum> make_nccl_sum(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                       std::chrono::seconds timeout);

}  // namespace res2clip
