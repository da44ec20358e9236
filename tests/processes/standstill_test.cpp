// Processes that stand still, started as a launcher would, with a patience of seconds.
#include <gmock/gmock.h>
#include <memory>

#include "res2clip/core/files.hpp"
#include "res2clip/processes/communicator.hpp"

#include "support/child_process.hpp"
#include "support/free_port.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using testing::ChildProcess;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using Words = std::vector<std::string>;

constexpr const char* kGiveUp = "4000";

/// A job of processes, each with its own words on the command line.
class Job {
 public:
  explicit Job(const std::vector<Words>& words) {
    const std::string port = std::to_string(testing::free_port()), size = std::to_string(words.size());
    for (std::size_t rank = 0; rank < words.size(); ++rank) {
      Words command = {testing::program("RES2CLIP_PROCESS_DRIVER", RES2CLIP_PROCESS_DRIVER), "--give-up",
                       kGiveUp};
      command.insert(command.end(), words[rank].begin(), words[rank].end());
      const std::map<std::string, std::string> place = {{"RANK", std::to_string(rank)},
                                                        {"WORLD_SIZE", size},
                                                        {"MASTER_ADDR", "127.0.0.1"},
                                                        {"MASTER_PORT", port}};
      processes_.push_back(std::make_unique<ChildProcess>(command, place, messages_of(rank)));
    }
  }

  int wait(std::size_t rank) { return processes_[rank]->wait(); }
  std::string said(std::size_t rank) const { return read_file(messages_of(rank)); }

 private:
  Path messages_of(std::size_t rank) const { return folder_ / ("messages" + std::to_string(rank)); }

  TemporaryFolder folder_;
  std::vector<std::unique_ptr<ChildProcess>> processes_;
};

/// What a process says as it gives another one up.
auto GivesUp(const std::string& other) {
  return AllOf(HasSubstr(other + " has made no progress for"), HasSubstr("it hangs or was stopped"));
}

TEST(Standstill, OfAStoppedProcessIsToldAndEndsTheOthers) {
  Job job({{}, {"--stop"}, {}});
  EXPECT_EQ(job.wait(0), 1);
  EXPECT_EQ(job.wait(2), 1);
  EXPECT_THAT(job.said(0), HasSubstr("; waiting up to 4 s\n"));
  const auto gives_up = GivesUp("process 1 of 3 processes");
  const auto sees_other_leave = HasSubstr("lost another process");
  EXPECT_THAT(job.said(0), AnyOf(gives_up, sees_other_leave));
  EXPECT_THAT(job.said(2), AnyOf(gives_up, sees_other_leave));
  EXPECT_THAT(job.said(0) + job.said(2), gives_up) << "whoever was the first";
}

TEST(Standstill, OfTheProcessThatHoldsTheStoreEndsTheOthersToo) {
  Job job({{"--stop"}, {}});
  EXPECT_EQ(job.wait(1), 1);
  EXPECT_THAT(job.said(1), GivesUp("process 0 of 2 processes"));
}

TEST(Standstill, OfAProcessThatLivesButDoesNotGetOnEndsTheOthers) {
  Job job({{}, {"--work", "30000", "--silent"}});
  EXPECT_EQ(job.wait(0), 1);
  EXPECT_THAT(job.said(0), GivesUp("process 1 of 2 processes"));
}

TEST(Standstill, IsNotAProcessThatGetsOnHoweverLongItTakes) {
  Job job({{}, {"--work", "9000"}, {}});
  for (const std::size_t rank : {0, 1, 2}) {
    EXPECT_EQ(job.wait(rank), 0) << job.said(rank);
    EXPECT_EQ(job.said(rank), "") << "no process is told of, and all leave in silence";
  }
}

}  // namespace
}  // namespace res2clip
