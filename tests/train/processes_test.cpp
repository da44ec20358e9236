// Several processes of one training, started as a launcher would.
#include <array>
#include <memory>

#include <gtest/gtest.h>

#include "res2clip/core/files.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/processes/communicator.hpp"

#include "support/adapter_tensors.hpp"
#include "support/free_port.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"
#include "train/child_process.hpp"

namespace res2clip {
namespace {

using testing::ChildProcess;
using testing::TemporaryFolder;

// Sums over two halves of a batch round differently, and Adam's first steps divide by small numbers.
constexpr double kTolerance = 2e-5;

/// Starts `count` processes and returns their exit codes.
std::vector<int> start(int count, const Path& output, const std::vector<std::string>& more,
                       const std::array<const char*, 2>& names, const TemporaryFolder& folder) {
  const std::string port = std::to_string(testing::free_port());
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
  const auto expected = testing::tensors_of(read_checkpoint(one / "checkpoint.pth"));
  for (const auto& [name, tensor] : testing::tensors_of(read_checkpoint(several / "checkpoint.pth")))
    EXPECT_TENSORS_NEAR(tensor, expected.at(name), kTolerance) << name;
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

}  // namespace
}  // namespace res2clip
