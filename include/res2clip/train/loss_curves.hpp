#pragma once

#include <string>
#include <string_view>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// Loss curves of a training as one HTML page without anything outside it: for each branch its loss and its
/// terms over the steps, and the learning rates. `log` is the text of a log.jsonl; lines that are no steps
/// are skipped.
std::string loss_curves_html(std::string_view log);

/// Reads log.jsonl and writes that page.
void write_loss_curves(const Path& log, const Path& html);

}  // namespace res2clip
