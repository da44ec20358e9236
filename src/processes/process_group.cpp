// The one file that meets other processes: c10d's store and Gloo group.
#ifndef USE_C10D_GLOO  // LibTorch with CUDA says it by itself
#define USE_C10D_GLOO
#endif

#include <algorithm>
#include <cstring>
#include <exception>
#include <functional>
#include <future>
#include <optional>
#include <sstream>
#include <thread>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/DeviceGuard.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "res2clip/compute/cuda_status.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/processes/communicator.hpp"

#include "heartbeat.hpp"
#include "listening_socket.hpp"
#include "nccl_sum.hpp"
#include "own_devices.hpp"

namespace res2clip {
namespace {

constexpr std::chrono::milliseconds kLookEvery{100};
constexpr std::chrono::seconds kTellAfter{2};
constexpr std::chrono::seconds kStayAtMost{5};

std::string meeting_point(const ProcessPlace& place) {
  return place.address + ":" + std::to_string(place.port);
}

std::string seconds_text(std::chrono::steady_clock::duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

/// c10d's works as long as it must: who stands still is found by their signs.
constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365);

class GlooProcesses final : public Communicator {
 public:
  GlooProcesses(const ProcessPlace& place, std::chrono::seconds timeout, const Patience& patience,
                const MeetingListener& listener)
      : place_(place), patience_(patience), listener_(listener) {
    try {
      c10d::TCPStoreOptions options;
      options.port = static_cast<std::uint16_t>(place.port);
      options.isServer = place.rank == 0 && !place.launcher_has_store;
      options.waitWorkers = false;  // the group below waits for all anyway
      options.timeout = timeout;
      if (options.isServer)
        if (const int own = listening_socket(place.address, place.port); own >= 0)
          options.masterListenFd = own;
      const auto tcp = c10::make_intrusive<c10d::TCPStore>(place.address, options);
      options.masterListenFd.reset();
      options.isServer = false;  // a connection of its own: calls on one wait for each other
      const auto signs = c10::make_intrusive<c10d::TCPStore>(place.address, options);
      const std::string prefix = "res2clip/" + place.attempt;
      store_ = c10::make_intrusive<c10d::PrefixStore>(prefix, tcp);
      heartbeat_ = std::make_unique<Heartbeat>(c10::make_intrusive<c10d::PrefixStore>(prefix, signs),
                                               place.rank, place.size, patience.beat);
      group_ =
          c10::make_intrusive<c10d::ProcessGroupGloo>(store_, place.rank, place.size, group_options(timeout));
      heartbeat_->begin();
    } catch (const std::exception& error) {
      throw runtime_error("the " + std::to_string(place.size) + " processes of this job did not meet at " +
                          meeting_point(place) +
                          "; is each started, with its own RANK and the same MASTER_ADDR and MASTER_PORT? (" +
                          first_line(error) + ")");
    }
  }

  ~GlooProcesses() override {
    heartbeat_.reset();
    if (!abandoned_) {
      leave_together();
      return;
    }
    // Threads of these still wait, and would be waited for: they end with the process, which is about to end.
    if (nccl_) nccl_->abort();
    static_cast<void>(group_.release());
  }

  int rank() const override { return place_.rank; }
  int size() const override { return place_.size; }
  void progress() override { heartbeat_->progress(); }

  void sum(at::Tensor& values) override {
    TORCH_INTERNAL_ASSERT(values.is_contiguous());
    if (values.is_cuda() && use_nccl(values.device())) {
      together([&] { wait_for_nccl(*nccl_->sum(values)); });
      return;
    }
    at::Tensor on_cpu = values.cpu();
    together([&] {
      std::vector<at::Tensor> tensors{on_cpu};
      c10d::AllreduceOptions options;
      options.timeout = kLongest;
      wait_for_gloo(*group_->allreduce(tensors, options));
    });
    if (values.is_cuda()) values.copy_(on_cpu);
  }

  std::vector<std::string> gather(const std::string& bytes) override {
    const at::Tensor own_size = at::zeros({1}, at::kLong);
    own_size.fill_(static_cast<std::int64_t>(bytes.size()));
    const std::vector<at::Tensor> sizes = all_gather(own_size);
    std::int64_t longest = 1;  // Gloo refuses empty tensors
    for (const at::Tensor& size : sizes) longest = std::max(longest, size.item<std::int64_t>());
    const at::Tensor padded = at::zeros({longest}, at::kByte);
    if (!bytes.empty()) std::memcpy(padded.mutable_data_ptr(), bytes.data(), bytes.size());
    const std::vector<at::Tensor> contents = all_gather(padded);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < contents.size(); ++i)
      texts.emplace_back(static_cast<const char*>(contents[i].const_data_ptr()),
                         static_cast<std::size_t>(sizes[i].item<std::int64_t>()));
    return texts;
  }

 private:
  static c10::intrusive_ptr<c10d::ProcessGroupGloo::Options> group_options(std::chrono::seconds timeout) {
    auto options = c10d::ProcessGroupGloo::Options::create(timeout);
    const char* named = std::getenv("GLOO_SOCKET_IFNAME");
    std::istringstream interfaces(named != nullptr ? named : "");
    for (std::string interface; std::getline(interfaces, interface, ',');)
      options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(interface));
    if (options->devices.empty()) options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
    return options;
  }

  std::vector<at::Tensor> all_gather(const at::Tensor& own) {
    std::vector<std::vector<at::Tensor>> outputs(1);
    for (int i = 0; i < place_.size; ++i) outputs[0].push_back(at::empty_like(own));
    std::vector<at::Tensor> inputs{own};
    c10d::AllgatherOptions options;
    options.timeout = kLongest;
    together([&] { wait_for_gloo(*group_->allgather(outputs, inputs, options)); });
    return outputs[0];
  }

  /// Whether CUDA tensors go through NCCL; meets the others there if so.
  bool use_nccl([[maybe_unused]] c10::Device device) {
#if RES2CLIP_HAS_CUDA
    if (!use_nccl_) {
      use_nccl_ =
          have_own_devices(device, *this, [](c10::Device which) { return cuda_identity(which.index()); });
      if (*use_nccl_) meet_over_nccl(device);
    }
    return *use_nccl_;
#else
    return false;
#endif
  }

#if RES2CLIP_HAS_CUDA
  /// NCCL's first call waits for the others without an end to it, so it does on a thread of its own.
  void meet_over_nccl(c10::Device device) {
    using Meeting = std::promise<std::unique_ptr<NcclSum>>;
    const auto meeting = std::make_shared<Meeting>();
    auto met = meeting->get_future();
    std::thread([meeting, device, store = store_, place = place_] {
      try {
        const c10::OptionalDeviceGuard on_device(device);
        auto nccl = make_nccl_sum(store, place.rank, place.size, kLongest);
        at::Tensor nothing = at::zeros({1}, at::TensorOptions(device));
        nccl->sum(nothing)->wait();
        meeting->set_value(std::move(nccl));
      } catch (...) {
        meeting->set_exception(std::current_exception());
      }
    }).detach();
    together([&] {
      wait_until([&] { return met.wait_for(kLookEvery) == std::future_status::ready; });
      try {
        nccl_ = met.get();
      } catch (const std::exception& error) {
        throw runtime_error("process " + std::to_string(place_.rank) + " of " + std::to_string(place_.size) +
                            ": NCCL could not connect the GPUs of the processes (" + first_line(error) +
                            "); a container may need more shared memory (docker run --shm-size=1g), "
                            "NCCL_DEBUG=INFO tells more");
      }
    });
  }
#endif

  template <class Call>
  void together(const Call& call) {
    heartbeat_->set_waiting(true);
    try {
      call();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      throw runtime_error("process " + std::to_string(place_.rank) + " of " + std::to_string(place_.size) +
                          " lost another process of this job: it has died or hangs, look at its output (" +
                          first_line(error) + ")");
    }
    heartbeat_->set_waiting(false);
  }

  void wait_for_gloo(c10d::Work& work) {
    wait_until([&] {
      try {
        return work.wait(kLookEvery);
      } catch (const std::exception&) {
        if (!work.isCompleted()) return false;  // it was the time that ended
        if (work.exception()) throw;
        return true;
      }
    });
  }

  void wait_for_nccl(c10d::Work& work) {
    wait_until([&] {
      if (work.isCompleted()) return true;
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      return false;
    });
    work.wait();  // which throws what went wrong
  }

  /// Asks `finished` again and again; tells of a process that does not get on, and gives it up in the end.
  void wait_until(const std::function<bool()>& finished) {
    const auto begin = std::chrono::steady_clock::now();
    bool noted = false;
    while (!finished()) {
      const auto waited = std::chrono::steady_clock::now() - begin;
      if (waited < std::min(patience_.note, patience_.give_up)) continue;
      const Standstill still = heartbeat_->longest();
      const auto since = std::min(still.since, waited);
      if (since >= patience_.give_up) give_up(still.rank, since);
      if (noted || since < patience_.note) continue;
      noted = true;
      listener_.waiting(who(still.rank) + " made no progress for " + seconds_text(since) +
                        "; waiting up to " + seconds_text(patience_.give_up));
    }
  }

  std::string who(int rank) const {
    const std::string all = std::to_string(place_.size) + " processes";
    return rank < 0 ? "all " + all + " wait for each other and have"
                    : "process " + std::to_string(rank) + " of " + all + " has";
  }

  [[noreturn]] void give_up(int rank, std::chrono::steady_clock::duration since) {
    abandoned_ = true;
    throw runtime_error(who(rank) + " made no progress for " + seconds_text(since) +
                        (rank < 0 ? "; the network between them may be interrupted"
                                  : "; it hangs or was stopped, look at its output") +
                        " (process " + std::to_string(place_.rank) + " gave up)");
  }

  /// The process that holds the store goes last: the others' signs must find it.
  void leave_together() {
    if (std::uncaught_exceptions() > 0) return;
    try {
      constexpr const char* kLeft = "left";
      if (place_.rank != 0) {
        store_->add(kLeft, 1);
        return;
      }
      const auto end = std::chrono::steady_clock::now() + kStayAtMost;
      while (store_->add(kLeft, 0) < place_.size - 1 && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    } catch (const std::exception&) {
      // Nothing is left to be done together.
    }
  }

  ProcessPlace place_;
  Patience patience_;
  MeetingListener listener_;
  bool abandoned_ = false;
  std::optional<bool> use_nccl_;  // not known yet: no CUDA tensor has come
  std::unique_ptr<NcclSum> nccl_;
  c10::intrusive_ptr<c10d::Store> store_;
  std::unique_ptr<Heartbeat> heartbeat_;
  c10::intrusive_ptr<c10d::Backend> group_;
};

}  // namespace

std::unique_ptr<Communicator> join_processes(const ProcessPlace& place, std::chrono::seconds timeout,
                                             const MeetingListener& listener, const Patience& patience) {
  if (place.size == 1) return single_process();
  // c10d waits without an end to it but its time-out, so it does on a thread of its own. Where we leave
  // before the others have come, that thread is left behind: it owns all that it touches.
  using Meeting = std::promise<std::unique_ptr<Communicator>>;
  const auto meeting = std::make_shared<Meeting>();
  std::future<std::unique_ptr<Communicator>> met = meeting->get_future();
  std::thread([meeting, place, timeout, patience, listener] {
    try {
      meeting->set_value(std::make_unique<GlooProcesses>(place, timeout, patience, listener));
    } catch (...) {
      meeting->set_exception(std::current_exception());
    }
  }).detach();

  const std::string others = std::to_string(place.size - 1) + (place.size == 2 ? " process" : " processes") +
                             " at " + meeting_point(place);
  const auto begin = std::chrono::steady_clock::now();
  bool told = false;
  while (met.wait_for(kLookEvery) != std::future_status::ready) {
    if (listener.stop_requested()) throw runtime_error("interrupted while waiting for " + others);
    if (told || std::chrono::steady_clock::now() - begin < kTellAfter) continue;
    listener.waiting("waiting for " + others);
    told = true;
  }
  return met.get();
}

}  // namespace res2clip
