#include "listening_socket.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace res2clip {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

std::unique_ptr<addrinfo, FreeAddresses> address_of(const std::string& address, int port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const std::string numeric = address == "localhost" ? "127.0.0.1" : address;
  if (::getaddrinfo(numeric.c_str(), std::to_string(port).c_str(), &hints, &list) != 0) return nullptr;
  return std::unique_ptr<addrinfo, FreeAddresses>(list);
}

}  // namespace

int listening_socket(const std::string& address, int port) {
  constexpr int kWaiting = 2048;
  const auto place = address_of(address, port);
  if (!place) return -1;
  const int descriptor = ::socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  const int yes = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(descriptor, place->ai_addr, place->ai_addrlen) == 0 && ::listen(descriptor, kWaiting) == 0)
    return descriptor;
  const int failure = errno;
  ::close(descriptor);
  if (failure == EADDRINUSE) throw std::runtime_error(std::strerror(failure));
  return -1;
}

}  // namespace res2clip
