#pragma once

#include <string>
#include <vector>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip::testing {

/// Makes files below a folder; what they hold does not matter where data sets are only listed.
inline void make_files(const Path& folder, const std::vector<std::string>& names) {
  for (const std::string& name : names) write_file(folder / name, name);
}

/// The message of the Error that `action` throws, or "" where it throws none.
template <class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace res2clip::testing
