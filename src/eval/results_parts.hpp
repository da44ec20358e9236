#pragma once

#include <nlohmann/json.hpp>

#include "res2clip/eval/results.hpp"

namespace res2clip {

/// What an evaluation was made with, as results.json and runs.json say it.
nlohmann::ordered_json provenance_json(const Provenance& provenance);

}  // namespace res2clip
