#include "res2clip/core/output_file.hpp"

#include "res2clip/core/files.hpp"

namespace res2clip {

Path output_file(const Path& folder, const std::string& name, const std::string& suffix) {
  constexpr std::size_t kLongest = 255;  // of a file's name, in bytes, on the usual file systems
  constexpr std::size_t kDigits = 16;
  const Path whole(name);
  std::string last = whole.filename().string();
  if (last.size() + suffix.size() > kLongest) {
    std::size_t kept = kLongest - suffix.size() - kDigits - 1;
    while (kept > 0 && (last[kept] & 0xC0) == 0x80) --kept;  // whole letters
    last = last.substr(0, kept) + "-" + sha256(last).substr(0, kDigits);
  }
  return folder / whole.parent_path() / (last + suffix);
}

}  // namespace res2clip
