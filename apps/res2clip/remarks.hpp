#pragma once

#include <string>
#include <vector>

#include "res2clip/data/inputs.hpp"
#include "res2clip/data/sample.hpp"

namespace res2clip::app {

/// Says what was left out of a data set and what may be wrong with it, a line each, to standard error.
void note_remarks(const Dataset& dataset);
/// Says what may be wrong with images, a line each.
void note_remarks(const std::vector<std::string>& remarks);
/// Says which images were left out, and why.
void note_left_out(const std::vector<std::string>& what_is_wrong);
/// Says what was passed over in folders, if anything was.
void note_left_out(const LeftOut& left_out);

}  // namespace res2clip::app
