#pragma once

#include <memory>
#include <string>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "res2clip/core/files.hpp"
#include "res2clip/train/run.hpp"

#include "support/temporary_folder.hpp"
#include "train/synthetic_data.hpp"

namespace res2clip::testing {

/// The files of a training that must be the same bytes when it is made again or resumed.
inline constexpr const char* kTrainingFiles[] = {"checkpoint.pth", "pairs.jsonl", "log.jsonl", "curves.html"};

/// Trains in this process, and stops after so many steps, if a number is given.
inline TrainingOutcome train(const SyntheticData& data, const TrainingSetup& setup, TrainingRun run,
                             std::int64_t stop_after = -1) {
  std::int64_t steps = 0;
  run.stop_requested = [&] { return ++steps == stop_after; };
  return TrainingSession(data.data(), setup, run, *single_process()).train();
}

inline TrainingRun run_in(const Path& folder, bool resume = false) {
  TrainingRun run;
  run.output = folder;
  run.resume = resume;
  return run;
}

inline void expect_same_training(const Path& expected, const Path& actual) {
  for (const char* file : kTrainingFiles)
    EXPECT_TRUE(read_file(expected / file) == read_file(actual / file)) << actual / file;
}

/// A small training into a folder of its own, on one thread: its tensors are so small that others only wait.
class TrainingTest : public ::testing::Test {
 protected:
  TrainingTest() {
    at::set_num_threads(1);
    run_ = run_in(folder_ / "out");
    run_.remark = [this](const std::string& text) { remark_ = text; };
  }

  TrainingOutcome train(std::int64_t stop_after = -1) const {
    return testing::train(data_, setup_, run_, stop_after);
  }

  TemporaryFolder folder_;
  SyntheticData data_;
  TrainingSetup setup_ = data_.setup();
  TrainingRun run_;
  std::string remark_;  ///< the last one
};

}  // namespace res2clip::testing
