// Several processes of one training, started as a launcher would.
#include <arpa/inet.h>
#include <memory>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/processes/communicator.hpp"

#include "support/child_process.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::ChildProcess;
using testing::TemporaryFolder;

// Sums over two halves of a batch round differently, and Adam's first steps divide by small numbers.
constexpr double kTolerance = 2e-5;

int free_port() {
  const int handle = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(handle, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(handle, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(handle);
  return ntohs(address.sin_port);
}

/// Starts `count` processes and returns their exit codes.
std::vector<int> start(int count, const Path& output, const std::vector<std::string>& more,
                       const std::array<const char*, 2>& names, const TemporaryFolder& folder) {
  const std::string port = std::to_string(free_port());
  std::vector<std::unique_ptr<ChildProcess>> processes;
  for (int rank = 0; rank < count; ++rank) {
    std::vector<std::string> command = {testing::program("RES2CLIP_TRAIN_DRIVER", RES2CLIP_TRAIN_DRIVER),
                                        output.string()};
    command.insert(command.end(), more.begin(), more.end());
    processes.push_back(
        std::make_unique<ChildProcess>(command,
                                       std::map<std::string, std::string>{{names[0], std::to_string(rank)},
                                                                          {names[1], std::to_string(count)},
                                                                          {"MASTER_ADDR", "127.0.0.1"},
                                                                          {"MASTER_PORT", port}},
                                       folder / ("messages" + std::to_string(rank))));
  }
  std::vector<int> codes;
  for (const auto& process : processes) codes.push_back(process->wait());
  return codes;
}

constexpr std::array<const char*, 2> kTorchrun = {"RANK", "WORLD_SIZE"};
constexpr std::array<const char*, 2> kSlurm = {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"};

void expect_same_training(const Path& one, const Path& several) {
  EXPECT_EQ(read_file(one / "pairs.jsonl"), read_file(several / "pairs.jsonl"));
  const Adapters expected = read_checkpoint(one / "checkpoint.pth");
  std::map<std::string, at::Tensor> weights;
  for_each_tensor(expected, [&](const AdapterTensor& which, const at::Tensor& tensor) {
    weights[which.name()] = tensor;
  });
  const Adapters actual = read_checkpoint(several / "checkpoint.pth");
  for_each_tensor(actual, [&](const AdapterTensor& which, const at::Tensor& tensor) {
    EXPECT_TENSORS_NEAR(tensor, weights.at(which.name()), kTolerance) << which.name();
  });
}

TEST(Processes, TrainTogetherWhatOneTrainsAlone) {
  const TemporaryFolder folder;
  ASSERT_EQ(start(1, folder / "one", {}, kTorchrun, folder), std::vector<int>{0});
  ASSERT_EQ(start(2, folder / "two", {}, kTorchrun, folder), (std::vector<int>{0, 0}))
      << read_file(folder / "messages0");
  ASSERT_EQ(start(3, folder / "three", {}, kSlurm, folder), (std::vector<int>{0, 0, 0}))
      << read_file(folder / "messages0");
  expect_same_training(folder / "one", folder / "two");
  expect_same_training(folder / "one", folder / "three");
}

TEST(Processes, EndWithAnErrorWhereOneOfThemDies) {
  const TemporaryFolder folder;
  const auto codes = start(2, folder / "out", {"--die-at", "4"}, kTorchrun, folder);
  EXPECT_EQ(codes, (std::vector<int>{1, -SIGKILL}));
  EXPECT_THAT(read_file(folder / "messages0"), ::testing::HasSubstr("lost another process"));
}

TEST(Processes, StopTogetherAndResume) {
  const TemporaryFolder folder;
  ASSERT_EQ(start(2, folder / "whole", {}, kTorchrun, folder), (std::vector<int>{0, 0}));
  ASSERT_EQ(start(2, folder / "parts", {"--stop-after", "5"}, kTorchrun, folder), (std::vector<int>{0, 0}));
  ASSERT_EQ(start(2, folder / "parts", {"--resume"}, kTorchrun, folder), (std::vector<int>{0, 0}));
  EXPECT_EQ(read_file(folder / "whole/checkpoint.pth"), read_file(folder / "parts/checkpoint.pth"));
}

using Values = std::map<std::string, std::string>;

/// Environment variables for as long as it lives.
class Variables {
 public:
  explicit Variables(Values values) : values_(std::move(values)) {
    for (const auto& [name, value] : values_) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Variables() {
    for (const auto& [name, value] : values_) ::unsetenv(name.c_str());
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  Values values_;
};

std::string place_error() {
  try {
    place_from_environment();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::settings);
    return error.what();
  }
  return "no error";
}

TEST(ProcessPlace, OfNonsenseIsAnErrorThatNamesTheVariable) {
  const Variables variables(Values{{"RANK", "2"}, {"WORLD_SIZE", "2"}});
  EXPECT_THAT(place_error(), ::testing::HasSubstr("RANK"));
}

TEST(ProcessPlace, NeedsBothRankAndSize) {
  {
    const Variables variables(Values{{"RANK", "1"}});
    EXPECT_THAT(place_error(), ::testing::HasSubstr("RANK is set without WORLD_SIZE"));
  }
  const Variables variables(
      Values{{"WORLD_SIZE", "2"}, {"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}});
  EXPECT_THAT(place_error(), ::testing::HasSubstr("WORLD_SIZE is set without RANK"));
}

TEST(ProcessPlace, CountsItsMachinesProcesses) {
  {
    const Variables variables(Values{{"RANK", "5"}, {"WORLD_SIZE", "8"}});
    EXPECT_EQ(place_from_environment().local_rank, 5) << "the rank, of which the device is taken in turn";
    EXPECT_EQ(place_from_environment().local_size, 1);
  }
  const Variables variables(
      Values{{"RANK", "5"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"}, {"LOCAL_WORLD_SIZE", "4"}});
  EXPECT_EQ(place_from_environment().local_rank, 1);
  EXPECT_EQ(place_from_environment().local_size, 4);
}

TEST(ComputeOfProcess, SharesTheCoresUnlessToldHowMany) {
  ::unsetenv("OMP_NUM_THREADS");
  ProcessPlace place;
  place.size = 64;
  place.local_size = 4096;  // more than there are cores
  EXPECT_EQ(compute_of(place, {}).threads, 1);
  EXPECT_EQ(compute_of(place, {.threads = 3}).threads, 3);
  place.local_size = 1;
  EXPECT_EQ(compute_of(place, {}).threads, 0) << "all cores: it is alone there";
  place.local_size = 2;
  const auto half = static_cast<std::int64_t>(::sysconf(_SC_NPROCESSORS_ONLN)) / 2;
  EXPECT_LE(compute_of(place, {}).threads, std::max<std::int64_t>(1, half));
  const Variables variables(Values{{"OMP_NUM_THREADS", "2"}});
  EXPECT_EQ(compute_of(place, {}).threads, 0) << "what OMP_NUM_THREADS says";
}

TEST(JoinProcesses, SaysForWhomItWaitsAndStopsWhenAsked) {
  ProcessPlace place;
  place.size = 3;
  place.port = free_port();
  std::string told;
  MeetingListener listener;
  listener.waiting = [&](const std::string& text) { told = text; };
  listener.stop_requested = [&] { return !told.empty(); };
  try {
    join_processes(place, std::chrono::seconds(30), listener);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("interrupted while waiting for 2 processes"));
  }
  EXPECT_EQ(told, "waiting for 2 processes at 127.0.0.1:" + std::to_string(place.port));
}

}  // namespace
}  // namespace res2clip
