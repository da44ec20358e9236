#include "own_devices.hpp"

#include <set>

namespace res2clip {

bool have_own_devices(c10::Device device, Communicator& processes, const DeviceQuery& query) {
  const std::vector<std::string> devices = processes.gather(device.is_cuda() ? query(device) : "");
  const std::set<std::string> different(devices.begin(), devices.end());
  return different.size() == devices.size() && !different.contains("");
}

}  // namespace res2clip
