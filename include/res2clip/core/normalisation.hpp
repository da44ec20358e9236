#pragma once

#include <array>

namespace res2clip {

/// How colours become the backbone's input: (value / 255 - mean) / deviation, per channel (red, green, blue).
/// The defaults are OpenAI's.
struct Normalisation {
  std::array<double, 3> mean{0.48145466, 0.4578275, 0.40821073};
  std::array<double, 3> deviation{0.26862954, 0.26130258, 0.27577711};

  bool operator==(const Normalisation&) const = default;
};

}  // namespace res2clip
