#pragma once

#include <istream>
#include <string>
#include <vector>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// The image files that a user's arguments stand for, in their order: a file is itself, a folder its images
/// by name (not those of folders below), a pattern with * ? [ ] the images and folders that match it, by
/// name, and "-" one of these per line of `lines`. A file that is named again, by itself, its folder or
/// another spelling of its path, counts once. Throws a data error for an argument or line that stands for
/// nothing.
std::vector<Path> expand_inputs(const std::vector<std::string>& arguments, std::istream& lines);

}  // namespace res2clip
