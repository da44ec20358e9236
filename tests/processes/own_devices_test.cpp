#include "own_devices.hpp"

#include <gmock/gmock.h>

#include "support/threads_as_processes.hpp"

namespace res2clip {
namespace {

/// What processes decide whose device `cuda:0` has these identities.
std::vector<bool> decided(const std::vector<std::string>& identities, c10::Device device = {c10::kCUDA, 0}) {
  std::vector<char> decisions(identities.size());
  testing::as_processes(static_cast<int>(identities.size()), [&](Communicator& process) {
    const auto rank = static_cast<std::size_t>(process.rank());
    decisions[rank] = have_own_devices(device, process, [&](c10::Device) { return identities[rank]; });
  });
  return {decisions.begin(), decisions.end()};
}

TEST(HaveOwnDevices, IsTrueWhereEachIsShownAnotherDeviceAsTheFirst) {
  EXPECT_THAT(decided({"a1", "b2", "c3"}), ::testing::Each(true));
}

TEST(HaveOwnDevices, IsFalseOnAllWhereTwoShareOne) {
  EXPECT_THAT(decided({"a1", "b2", "a1"}), ::testing::Each(false));
}

TEST(HaveOwnDevices, IsFalseOnAllWhereADeviceCannotBeTold) {
  EXPECT_THAT(decided({"a1", ""}), ::testing::Each(false));
  EXPECT_THAT(decided({"a1", "b2"}, c10::kCPU), ::testing::Each(false));
}

}  // namespace
}  // namespace res2clip
