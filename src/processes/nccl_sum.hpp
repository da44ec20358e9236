#pragma once

#include <chrono>
#include <memory>

#include <ATen/core/Tensor.h>
#include <c10/util/intrusive_ptr.h>

namespace c10d {
class Store;
class Work;
}  // namespace c10d

namespace res2clip {

/// Adds tensors of CUDA devices up over the processes of a job, each of which has a device of its own,
/// through NCCL.
class NcclSum {
 public:
  virtual ~NcclSum() = default;
  /// Begins to add up in place, on the current device. The work's wait() returns when the sum is there, and
  /// throws if it cannot be; the first sum meets the other processes.
  virtual c10::intrusive_ptr<c10d::Work> sum(at::Tensor& values) = 0;
  /// Ends what waits for other processes, in vain.
  virtual void abort() = 0;
};

/// There in CUDA builds only. Throws what c10d throws if NCCL cannot be used here.
std::unique_ptr<NcclSum> make_nccl_sum(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                       std::chrono::milliseconds longest);

}  // namespace res2clip
