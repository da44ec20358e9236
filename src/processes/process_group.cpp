// The one file that meets other processes: c10d's store and Gloo group.
#ifndef USE_C10D_GLOO  // LibTorch with CUDA says it by itself
#define USE_C10D_GLOO
#endif

#include <algorithm>
#include <cstring>
#include <future>
#include <optional>
#include <set>
#include <sstream>
#include <thread>
#include <unistd.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/processes/communicator.hpp"

#include "nccl_sum.hpp"

namespace res2clip {
namespace {

constexpr std::chrono::milliseconds kLookEvery{100};
constexpr std::chrono::seconds kTellAfter{2};

std::string meeting_point(const ProcessPlace& place) {
  return place.address + ":" + std::to_string(place.port);
}

class GlooProcesses final : public Communicator {
 public:
  GlooProcesses(const ProcessPlace& place, std::chrono::seconds timeout) : place_(place), timeout_(timeout) {
    try {
      c10d::TCPStoreOptions options;
      options.port = static_cast<std::uint16_t>(place.port);
      options.isServer = place.rank == 0 && !place.launcher_has_store;
      options.waitWorkers = false;  // the group below waits for all anyway
      options.timeout = timeout;
      const auto tcp = c10::make_intrusive<c10d::TCPStore>(place.address, options);
      store_ = c10::make_intrusive<c10d::PrefixStore>("res2clip/" + place.attempt, tcp);
      group_ =
          c10::make_intrusive<c10d::ProcessGroupGloo>(store_, place.rank, place.size, group_options(timeout));
    } catch (const std::exception& error) {
      throw runtime_error("the " + std::to_string(place.size) + " processes of this job did not meet at " +
                          meeting_point(place) +
                          "; is each started, with its own RANK and the same MASTER_ADDR and MASTER_PORT? (" +
                          first_line(error) + ")");
    }
  }

  int rank() const override { return place_.rank; }
  int size() const override { return place_.size; }

  void sum(at::Tensor& values) override {
    TORCH_INTERNAL_ASSERT(values.is_contiguous());
    if (values.is_cuda() && own_devices(values.device())) {
      together([&] { nccl_->sum(values); });
      return;
    }
    at::Tensor on_cpu = values.cpu();
    together([&] {
      std::vector<at::Tensor> tensors{on_cpu};
      group_->allreduce(tensors)->wait();
    });
    if (values.is_cuda()) values.copy_(on_cpu);
  }

  std::vector<std::string> gather(const std::string& bytes, std::chrono::seconds patience) override {
    const at::Tensor own_size = at::zeros({1}, at::kLong);
    own_size.fill_(static_cast<std::int64_t>(bytes.size()));
    const std::vector<at::Tensor> sizes = all_gather(own_size, patience);
    std::int64_t longest = 1;  // Gloo refuses empty tensors
    for (const at::Tensor& size : sizes) longest = std::max(longest, size.item<std::int64_t>());
    const at::Tensor padded = at::zeros({longest}, at::kByte);
    if (!bytes.empty()) std::memcpy(padded.mutable_data_ptr(), bytes.data(), bytes.size());
    const std::vector<at::Tensor> contents = all_gather(padded, patience);
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

  std::vector<at::Tensor> all_gather(const at::Tensor& own, std::chrono::seconds patience) {
    std::vector<std::vector<at::Tensor>> outputs(1);
    for (int i = 0; i < place_.size; ++i) outputs[0].push_back(at::empty_like(own));
    std::vector<at::Tensor> inputs{own};
    c10d::AllgatherOptions options;
    if (patience.count() > 0) options.timeout = patience;
    together([&] { group_->allgather(outputs, inputs, options)->wait(); });
    return outputs[0];
  }

  /// Whether no two processes share a CUDA device, which NCCL does not allow; meets them over NCCL if so.
  bool own_devices([[maybe_unused]] c10::Device device) {
#if RES2CLIP_HAS_CUDA
    if (!own_devices_) {
      char host[256] = {};
      ::gethostname(host, sizeof host - 1);
      const std::vector<std::string> devices = Communicator::gather(std::string(host) + " " + device.str());
      own_devices_ = std::set<std::string>(devices.begin(), devices.end()).size() == devices.size();
      if (*own_devices_) together([&] { nccl_ = make_nccl_sum(store_, place_.rank, place_.size, timeout_); });
    }
    return *own_devices_;
#else
    return false;
#endif
  }

  template <class Call>
  void together(const Call& call) {
    try {
      call();
    } catch (const std::exception& error) {
      throw runtime_error("process " + std::to_string(place_.rank) + " of " + std::to_string(place_.size) +
                          " lost another process of this job: it has died or hangs, look at its output (" +
                          first_line(error) + ")");
    }
  }

  ProcessPlace place_;
  std::chrono::seconds timeout_;
  std::optional<bool> own_devices_;  // not known yet: no CUDA tensor has come
  std::unique_ptr<NcclSum> nccl_;
  c10::intrusive_ptr<c10d::Store> store_;
  c10::intrusive_ptr<c10d::Backend> group_;
};

}  // namespace

std::unique_ptr<Communicator> join_processes(const ProcessPlace& place, std::chrono::seconds timeout,
                                             const MeetingListener& listener) {
  if (place.size == 1) return single_process();
  // c10d waits without an end to it but its time-out, so it does on a thread of its own. Where we leave
  // before the others have come, that thread is left behind: it owns all that it touches.
  using Meeting = std::promise<std::unique_ptr<Communicator>>;
  const auto meeting = std::make_shared<Meeting>();
  std::future<std::unique_ptr<Communicator>> met = meeting->get_future();
  std::thread([meeting, place, timeout] {
    try {
      meeting->set_value(std::make_unique<GlooProcesses>(place, timeout));
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
