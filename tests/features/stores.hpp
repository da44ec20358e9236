#pragma once

#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "res2clip/core/files.hpp"
#include "res2clip/features/feature_store.hpp"

#include "support/goldens.hpp"

// A small store: its description, and images of which the number alone decides name and features.
namespace res2clip::testing {

inline StoreDescription description(StoredAs stored_as = StoredAs::float32) {
  return {.dataset = "screws",
          .backbone = "abc",
          .image_size = 28,
          .layers = {6, 12},
          .embed = 24,
          .grid = {2, 3},
          .stored_as = stored_as,
          .encoding = "fp32"};
}

inline std::string identity(int image) {
  return sha256("image " + std::to_string(image));
}

inline std::vector<std::string> identities(int first, int count) {
  std::vector<std::string> result;
  for (int i = first; i < first + count; ++i) result.push_back(identity(i));
  return result;
}

/// Unit vectors that depend on the image's number alone.
inline Features features(int first, int count) {
  Features result;
  result.grid = {2, 3};
  const auto make = [&](double salt, std::vector<std::int64_t> shape) {
    at::Tensor values = at::arange(at::prod(at::tensor(shape)).item<std::int64_t>(), at::kDouble).view(shape);
    values = (values * 0.7 + salt).sin();
    return (values / values.norm(2, -1, true)).to(at::kFloat);
  };
  std::vector<at::Tensor> global, six, twelve;
  for (int i = first; i < first + count; ++i) {
    global.push_back(make(i, {24}));
    six.push_back(make(i + 0.3, {6, 24}));
    twelve.push_back(make(i + 0.6, {6, 24}));
  }
  result.global = at::stack(global);
  result.patches = {{6, at::stack(six)}, {12, at::stack(twelve)}};
  return result;
}

inline void expect_stored(const FeatureStore& store, const std::vector<std::string>& names,
                          const Features& expected, double tolerance = 0.0) {
  const Features actual = store.read(names);
  EXPECT_EQ(actual.grid, expected.grid);
  EXPECT_TENSORS_NEAR(actual.global, expected.global, tolerance);
  for (const int layer : {6, 12})
    EXPECT_TENSORS_NEAR(actual.patches.at(layer), expected.patches.at(layer), tolerance);
}

}  // namespace res2clip::testing
