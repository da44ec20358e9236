#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/core/compute.hpp"

namespace res2clip {

/// The processes that share one job. Every one of them must make the same calls in the same order. Where a
/// process dies, or keeps the others waiting longer than the time-out, their calls throw a runtime error that
/// says so.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;  ///< of this process, from 0
  virtual int size() const = 0;  ///< how many there are

  /// Adds a contiguous CPU tensor (float32 or float64, same shape everywhere) up over all processes, in
  /// place. All get the same bits.
  virtual void sum(at::Tensor& values) = 0;

  /// What every process handed in, by rank, on every process. Waits for the others up to `patience` (0: the
  /// time-out of the job).
  virtual std::vector<std::string> gather(const std::string& bytes, std::chrono::seconds patience) = 0;
  std::vector<std::string> gather(const std::string& bytes) { return gather(bytes, {}); }

  /// Waits until all have come here.
  void barrier(std::chrono::seconds patience = {}) { gather({}, patience); }
};

/// A job of one process.
std::unique_ptr<Communicator> single_process();

/// A process's place among those of a job, and where they meet.
struct ProcessPlace {
  int rank = 0;
  int size = 1;
  int local_rank = 0;                 ///< among those on this machine: which GPU to take
  std::string address = "127.0.0.1";  ///< of the machine of process 0
  int port = 29500;
  bool launcher_has_store = false;  ///< torchrun: the launcher already listens there
  std::string attempt = "0";        ///< torchrun: how often the job was restarted
};

/// The place that the environment tells: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT as torchrun
/// sets them; where RANK is not set, rank and size of srun (SLURM_PROCID, SLURM_STEP_NUM_TASKS), of Open
/// MPI's or of MPICH's mpirun. One process where none of them is set. Throws a settings error for values that
/// make no sense.
ProcessPlace place_from_environment();

/// The compute options of one of several processes: each takes another CUDA device of its machine, in turn,
/// unless one is named.
ComputeOptions compute_of(const ProcessPlace& place, ComputeOptions options);

/// Meets the other processes of the job, over c10d with Gloo (TCP between machines; GLOO_SOCKET_IFNAME names
/// the network interface). A job of one process needs no meeting. Throws a runtime error where they do not
/// all come within the time.
std::unique_ptr<Communicator> join_processes(const ProcessPlace& place,
                                             std::chrono::seconds timeout = std::chrono::minutes(10));

}  // namespace res2clip
