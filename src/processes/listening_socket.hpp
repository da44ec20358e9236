#pragma once

#include <string>

namespace res2clip {

/// A socket that listens at a numeric address of this machine, or at localhost, and nowhere else. -1: the
/// address is a name, which other machines may know as another address, or none of this machine's; who
/// listens has to do it on all interfaces. Throws std::runtime_error if the port is taken.
int listening_socket(const std::string& address, int port);

}  // namespace res2clip
