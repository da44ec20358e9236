// LibTorch's libraries end the process while they are loaded, with a message that helps nobody, if the
// working folder was removed. What stands in this section runs before they are loaded.
#include <array>
#include <cerrno>
#include <string_view>
#include <unistd.h>

namespace {

void require_working_folder(int, char**, char**) {
  std::array<char, 1> one{};
  if (::getcwd(one.data(), one.size()) != nullptr || errno != ENOENT) return;
  constexpr std::string_view kMessage =
      "res2clip: the working folder was removed; change to one that is there\n";
  static_cast<void>(::write(STDERR_FILENO, kMessage.data(), kMessage.size()) < 0);
  ::_exit(1);
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const before_libraries)(int, char**,
                                                                             char**) = require_working_folder;

}  // namespace
