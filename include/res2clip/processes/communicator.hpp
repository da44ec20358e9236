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

/// The processes that share one job. Every one of them must make the same calls in the same order. If a
/// process dies, or gives no sign of progress for longer than the others' patience, their calls throw a
/// runtime error that says so.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;  ///< of this process, from 0
  virtual int size() const = 0;  ///< how many there are

  /// Tells the others that this process gets on. To be called every few minutes, by any thread, while they
  /// may wait for it.
  virtual void progress() {}

  /// Adds a contiguous tensor (float32 or float64, same shape and kind of device everywhere) up over all
  /// processes, in place. All get the same bits. Tensors of CUDA devices go through NCCL if each process
  /// has a device of its own (by its UUID), otherwise through the CPU.
  virtual void sum(at::Tensor& values) = 0;

  /// What every process handed in, by rank, on every process. Waits for the others as long as they get on.
  virtual std::vector<std::string> gather(const std::string& bytes) = 0;

  /// Waits until all have come here.
  void barrier() { gather({}); }
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
/// sets them; if neither RANK nor WORLD_SIZE is set, rank and size of Open MPI's or of MPICH's mpirun, or of
/// srun (SLURM_PROCID, SLURM_STEP_NUM_TASKS), in this order: mpirun's processes within an allocation of Slurm
/// see both. One process if none of them is set. If the launcher sets no local rank, all processes are
/// assumed to be on one machine and the rank is used. How many processes share the machine is what
/// LOCAL_WORLD_SIZE, OMPI_COMM_WORLD_LOCAL_SIZE, MPI_LOCALNRANKS, or SLURM_STEP_TASKS_PER_NODE for
/// SLURM_NODEID (else SLURM_NTASKS_PER_NODE) says. Throws a settings error for values that make no sense,
/// RANK without WORLD_SIZE (or the reverse) among them.
ProcessPlace place_from_environment();

/// The compute options of one of several processes: each takes another CUDA device of its machine, in turn,
/// unless one is named, and its share of the machine's cores, unless options.threads or OMP_NUM_THREADS say
/// how many.
ComputeOptions compute_of(const ProcessPlace& place, ComputeOptions options);

/// How long processes wait for one that does not get on.
struct Patience {
  std::chrono::milliseconds note = std::chrono::minutes(1);  ///< until the listener is told of it
  std::chrono::milliseconds give_up = std::chrono::minutes(10);
  std::chrono::milliseconds beat = std::chrono::seconds(2);  ///< between two signs of life
};

/// Who is told while a process waits for the others of its job.
struct MeetingListener {
  /// Called if they have not all come within two seconds ("waiting for 3 processes at ADDR:PORT"), and later
  /// if one of them makes no progress while this process waits for it.
  std::function<void(const std::string&)> waiting = [](const std::string&) {};
  /// Asked several times a second; true ends the waiting with a runtime error.
  std::function<bool()> stop_requested = [] { return false; };
};

/// Meets the other processes of the job, over c10d with Gloo (TCP between machines; GLOO_SOCKET_IFNAME names
/// the network interface). A job of one process needs no meeting. Throws a runtime error where they do not
/// all come within the time, or where the listener asks to stop.
std::unique_ptr<Communicator> join_processes(const ProcessPlace& place,
                                             std::chrono::seconds timeout = std::chrono::minutes(10),
                                             const MeetingListener& listener = {},
                                             const Patience& patience = {});

}  // namespace res2clip
