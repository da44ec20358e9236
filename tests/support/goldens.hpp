#pragma once

#include <map>
#include <optional>
#include <string>

#include <ATen/core/Tensor.h>
#include <nlohmann/json.hpp>

#include "res2clip/core/path.hpp"

namespace res2clip::testing {

/// Tensors of one golden file (a flat dict[str, Tensor]).
class Goldens {
 public:
  static Goldens read(const Path& path);

  /// Fails the calling test (throws) where the name is missing.
  const at::Tensor& operator[](const std::string& name) const;
  bool has(const std::string& name) const { return tensors_.contains(name); }
  const std::map<std::string, at::Tensor>& all() const { return tensors_; }

 private:
  std::string source_;
  std::map<std::string, at::Tensor> tensors_;
};

/// A file of tests/data, which travels with the project.
Path test_data(const std::string& name);
nlohmann::json read_json(const Path& path);

/// The folder of the full golden set, whose photographs may not travel with the project: the environment
/// variable RES2CLIP_FIXTURES. Tests that need it are skipped (GTEST_SKIP) where it is not set.
std::optional<Path> full_fixtures();

/// Largest absolute difference between two tensors of the same shape, in double. NaN where either has one.
double largest_difference(const at::Tensor& actual, const at::Tensor& expected);

}  // namespace res2clip::testing

/// EXPECT that two tensors have the same shape and differ by at most `tolerance` anywhere.
#define EXPECT_TENSORS_NEAR(actual, expected, tolerance) \
  EXPECT_PRED_FORMAT3(::res2clip::testing::tensors_near, actual, expected, tolerance)

#include <gtest/gtest.h>

namespace res2clip::testing {
::testing::AssertionResult tensors_near(const char* actual_text, const char* expected_text,
                                        const char* tolerance_text, const at::Tensor& actual,
                                        const at::Tensor& expected, double tolerance);
}
