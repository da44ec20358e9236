#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "res2clip/core/path.hpp"
#include "res2clip/eval/results.hpp"

namespace res2clip {

/// A text of all that decides the results of an evaluation but for the images: alike for the same evaluation,
/// whatever folders it writes and reads. `settings`: as results_json() takes them.
std::string identity_of(const Provenance& provenance, const nlohmann::ordered_json& settings);

/// The maps of an image that results may hold.
enum class MapKind { fused, text, visual, residual };
/// Where that of an image (Sample::name) lies in a folder of results: "maps/NAME.npy".
Path map_file(const Path& folder, MapKind kind, const std::string& name);

/// Throws a settings error that says what differs if a folder holds the results of another evaluation: with
/// another backbone, checkpoint, data set or setting that decides results, or of several runs. Those of the
/// same evaluation may be replaced. `settings`: as results_json() takes them.
void require_no_other_results(const Path& folder, const Provenance& provenance,
                              const nlohmann::ordered_json& settings);

/// The same for a folder that is to hold several runs in folders of their own: throws if it holds the results
/// of a single one.
void require_no_single_result(const Path& folder);

}  // namespace res2clip
