#pragma once

#include <array>
#include <optional>

#include <nlohmann/json.hpp>

#include "res2clip/eval/results.hpp"

namespace res2clip {

/// What an evaluation was made with, as results.json and runs.json say it.
nlohmann::ordered_json provenance_json(const Provenance& provenance);

/// The paper's row in percent with its table, and how far `means` (fractions of 1) are from it.
nlohmann::ordered_json published_json(const PublishedResult& published, const MetricValues& means);

}  // namespace res2clip
