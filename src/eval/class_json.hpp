#pragma once

#include <nlohmann/json.hpp>

#include "res2clip/eval/evaluator.hpp"

namespace res2clip {

/// A finished class as JSON, to be kept as CBOR: that holds every bit of a number and every byte of a name.
nlohmann::json class_json(const ClassResult& result);
/// What class_json() gave. Throws nlohmann's exceptions for anything else.
ClassResult class_from(const nlohmann::json& json);

/// The metrics of a class alone, in the same way.
nlohmann::json metrics_json(const ClassMetrics& metrics);
ClassMetrics metrics_from(const nlohmann::json& json);

}  // namespace res2clip
