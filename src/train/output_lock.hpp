#pragma once

#include "res2clip/core/path.hpp"

namespace res2clip {

/// Keeps other trainings out of an output folder for as long as it lives. Makes the folder, and removes the
/// temporary files that killed runs left in it. Throws a settings error where another training holds the
/// folder, a runtime error where it cannot be made or opened.
class OutputLock {
 public:
  explicit OutputLock(const Path& folder);
  ~OutputLock();
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace res2clip
