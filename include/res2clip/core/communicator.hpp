#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace res2clip {

/// The processes that share one job. Every one of them must make the same calls in the same order. A process
/// that dies, or waits longer than the time-out, makes the calls of the others throw a runtime error that
/// says so.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;  ///< of this process, from 0
  virtual int size() const = 0;  ///< how many there are

  /// Adds a contiguous tensor (float32 or float64, same shape everywhere) up over all processes, in place.
  /// All get the same bits.
  virtual void sum(at::Tensor& values) = 0;

  /// What every process handed in, by rank, on every process.
  virtual std::vector<std::string> gather(const std::string& bytes) = 0;

  /// Waits until all have come here.
  void barrier() { gather({}); }
};

/// A job of one process.
std::unique_ptr<Communicator> single_process();

}  // namespace res2clip
