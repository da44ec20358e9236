#pragma once

#include <filesystem>

namespace res2clip {

using Path = std::filesystem::path;

}  // namespace res2clip
