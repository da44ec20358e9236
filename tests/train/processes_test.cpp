// Several processes of one training, started as a launcher would.
#include <arpa/inet.h>
#include <memory>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "res2clip/core/communicator.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/model/checkpoint.hpp"

#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"
#include "train/child_process.hpp"

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
    std::vector<std::string> command = {RES2CLIP_TRAIN_DRIVER, output.string()};
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

TEST(ProcessPlace, OfNonsenseIsAnErrorThatNamesTheVariable) {
  ::setenv("RANK", "2", 1);
  ::setenv("WORLD_SIZE", "2", 1);
  try {
    place_from_environment();
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("RANK"));
  }
  ::unsetenv("RANK");
  ::unsetenv("WORLD_SIZE");
}

}  // namespace
}  // namespace res2clip
