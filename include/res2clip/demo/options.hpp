#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

/// Which demo images to make. A class is called after its family ("gear"), or after its family and a number
/// ("gear_2"): each number is another thing of that family, with parameters of its own.
struct DemoOptions {
  std::int64_t size = 256;
  std::int64_t seed = 1;
  std::vector<std::string> classes;  ///< empty: one class of each family
  std::vector<std::string> defects;  ///< the kinds to choose from; empty: all
  std::int64_t kinds = 4;            ///< kinds of defects per class, chosen by the seed
  std::int64_t train = 6;            ///< images in train/good of each class
  std::int64_t good = 6;             ///< images in test/good of each class
  std::int64_t defective = 3;        ///< images of each kind of defect of each class
};
void describe(Fields& fields, DemoOptions& options);

}  // namespace res2clip
