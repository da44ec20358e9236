// A training that is killed at any moment goes on to the same bytes.
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "res2clip/core/files.hpp"

#include "support/temporary_folder.hpp"
#include "train/child_process.hpp"
#include "train/training.hpp"

namespace res2clip {
namespace {

using testing::ChildProcess;
using testing::TemporaryFolder;

std::vector<std::string> driver(const Path& output, const std::vector<std::string>& more = {}) {
  std::vector<std::string> command = {RES2CLIP_TRAIN_DRIVER, output.string()};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

TEST(KilledTraining, ResumedGivesTheSameBytesHoweverOftenItWasKilled) {
  const TemporaryFolder folder;
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(ChildProcess(driver(folder / "whole"), {}, folder / "messages").wait(), 0)
      << read_file(folder / "messages");
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - begin;

  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed of the moments: " + std::to_string(seed));
  std::printf("seed of the moments: %u\n", seed);
  std::fflush(stdout);  // or each child prints it once more
  std::mt19937 random(seed);
  int kills = 0;
  for (int round = 0; round < 4; ++round) {
    const Path output = folder / ("killed" + std::to_string(round));
    // Any moment of a whole run, starting and writing included; then it may finish.
    for (int attempt = 0; attempt < 4; ++attempt) {
      ChildProcess process(driver(output, {"--resume", "--pause", "10"}), {}, folder / "messages");
      std::this_thread::sleep_for(whole * std::uniform_real_distribution<>(0.1, 1.2)(random));
      process.kill(SIGKILL);
      kills += process.wait() == -SIGKILL;
    }
    ASSERT_EQ(ChildProcess(driver(output, {"--resume"}), {}, folder / "messages").wait(), 0)
        << read_file(folder / "messages");
    testing::expect_same_training(folder / "whole", output);
    for (const auto& entry : std::filesystem::directory_iterator(output))
      EXPECT_NE(entry.path().extension(), ".part") << entry.path() << " was left behind";
  }
  EXPECT_GE(kills, 4) << "too few of the runs were caught alive for the test to mean something";
}

}  // namespace
}  // namespace res2clip
