#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/compute/compute.hpp"

namespace res2clip {

/// How long a process waits for others that compute their share of a job: one on a faster device is done long
/// before them.
inline constexpr std::chrono::hours kPatience{24 * 7};

/// The processes that share one job. Every one of them must make the same calls in the same order. Where a
/// process dies, or keeps the others waiting longer than the time-out, their calls throw a runtime error that
/// says so.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;  ///< of this process, from 0
  virtual int size() const = 0;  ///< how many there are

  /// Adds a contiguous tensor (float32 or float64, same shape and kind of device everywhere) up over all
  /// processes, in place. All get the same bits. Tensors of CUDA devices go through NCCL where each process
  /// has a device of its own, otherwise through the CPU.
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
  int local_size = 1;                 ///< how many of them share this machine
  std::string address = "127.0.0.1";  ///< of the machine of process 0
  int port = 29500;
  bool launcher_has_store = false;  ///< torchrun: the launcher already listens there
  std::string attempt = "0";        ///< torchrun: how often the job was restarted
};

/// The place that the environment tells: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT as torchrun
/// sets them; where neither RANK nor WORLD_SIZE is set, rank and size of srun (SLURM_PROCID,
/// SLURM_STEP_NUM_TASKS), of Open MPI's or of MPICH's mpirun. One process where none of them is set. A
/// launcher that tells no local rank is taken to count on within a machine: the local rank is the rank. How
/// many processes share the machine is what LOCAL_WORLD_SIZE, SLURM_NTASKS_PER_NODE,
/// OMPI_COMM_WORLD_LOCAL_SIZE or MPI_LOCALNRANKS says. Throws a settings error for values that make no sense,
/// RANK without WORLD_SIZE (or the reverse) among them.
ProcessPlace place_from_environment();

/// The compute options of one of several processes: each takes another CUDA device of its machine, in turn,
/// unless one is named, and its share of the machine's cores, unless options.threads or OMP_NUM_THREADS say
/// how many.
ComputeOptions compute_of(const ProcessPlace& place, ComputeOptions options);

/// Who is told while a process waits for the others of its job to come.
struct MeetingListener {
  /// Called once, where they have not all come within two seconds ("waiting for 3 processes at ADDR:PORT").
  std::function<void(const std::string&)> waiting = [](const std::string&) {};
  /// Asked several times a second; true ends the waiting with a runtime error.
  std::function<bool()> stop_requested = [] { return false; };
};

/// Meets the other processes of the job, over c10d with Gloo (TCP between machines; GLOO_SOCKET_IFNAME names
/// the network interface). A job of one process needs no meeting. Throws a runtime error where they do not
/// all come within the time, or where the listener asks to stop.
std::unique_ptr<Communicator> join_processes(const ProcessPlace& place,
                                             std::chrono::seconds timeout = std::chrono::minutes(10),
                                             const MeetingListener& listener = {});

}  // namespace res2clip
