#include "res2clip/processes/communicator.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include "support/fails.hpp"
#include "support/free_port.hpp"
#include "support/variables.hpp"

namespace res2clip {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;
using testing::Values;
using testing::Variables;

TEST(ProcessPlace, OfNonsenseIsAnErrorThatNamesTheVariable) {
  const Variables variables(Values{{"RANK", "2"}, {"WORLD_SIZE", "2"}});
  EXPECT_THAT(place_from_environment, Fails(ErrorKind::settings, HasSubstr("RANK")));
}

TEST(ProcessPlace, NeedsBothRankAndSize) {
  {
    const Variables variables(Values{{"RANK", "1"}});
    EXPECT_THAT(place_from_environment,
                Fails(ErrorKind::settings, HasSubstr("RANK is set without WORLD_SIZE")));
  }
  const Variables variables(
      Values{{"WORLD_SIZE", "2"}, {"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}});
  EXPECT_THAT(place_from_environment,
              Fails(ErrorKind::settings, HasSubstr("WORLD_SIZE is set without RANK")));
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
  place.port = testing::free_port();
  std::string told;
  MeetingListener listener;
  listener.waiting = [&](const std::string& text) { told = text; };
  listener.stop_requested = [&] { return !told.empty(); };
  EXPECT_THAT([&] { join_processes(place, std::chrono::seconds(30), listener); },
              Fails(ErrorKind::runtime, HasSubstr("interrupted while waiting for 2 processes")));
  EXPECT_EQ(told, "waiting for 2 processes at 127.0.0.1:" + std::to_string(place.port));
}

/// The local addresses of sockets that listen at a port, as the kernel writes them.
std::vector<std::string> listening_at(int port) {
  std::vector<std::string> addresses;
  char place[8];
  std::snprintf(place, sizeof place, ":%04X", port);
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream lines(table);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream cells(line);
      std::string number, local, remote, state;
      cells >> number >> local >> remote >> state;
      if (local.ends_with(place) && state == "0A") addresses.push_back(local.substr(0, local.find(':')));
    }
  }
  return addresses;
}

TEST(JoinProcesses, ListensAtTheAddressThatIsNamedAndNowhereElse) {
  for (const char* address : {"127.0.0.1", "localhost"}) {
    ProcessPlace place;
    place.size = 2;
    place.address = address;
    place.port = testing::free_port();
    std::vector<std::string> found;
    MeetingListener listener;
    listener.waiting = [&](const std::string&) { found = listening_at(place.port); };
    listener.stop_requested = [&] { return !found.empty(); };
    EXPECT_THAT([&] { join_processes(place, std::chrono::seconds(30), listener); },
                Fails(ErrorKind::runtime, HasSubstr("interrupted")));
    EXPECT_THAT(found, ElementsAre("0100007F")) << address;
  }
}

}  // namespace
}  // namespace res2clip
