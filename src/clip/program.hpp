#pragma once

#include <string>

#include "res2clip/clip/model_card.hpp"

namespace res2clip {

/// The archive's methods in TorchScript: the reference implementation of both towers, and the oracle of the
/// native one. Every weight that blocks have in common is one stacked tensor [blocks, ...].
///
/// Dual path (released code, "Backbone"): the original stream is the ordinary transformer. From the first V-V
/// block on a second stream adds each block's projected attention of the original stream's values with
/// themselves.
std::string archive_program(Activation activation);

}  // namespace res2clip
