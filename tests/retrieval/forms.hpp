#pragma once

#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "res2clip/retrieval/match.hpp"

#include "support/devices.hpp"

namespace res2clip::testing {

/// One implementation of matching on one device. Every test of matching runs its body on each of them.
struct Form {
  std::string name;
  at::Device device;
  bool plain;

  /// Runs on the device; the result comes back to the CPU.
  Match operator()(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                   const MatchOptions& options) const {
    const auto form = plain ? match_plain : match;
    const auto found = form(query.to(device), reference.to(device), grid, options);
    return {found.reference.cpu(), found.residual.cpu(), found.residual_norm.cpu()};
  }
};

inline std::ostream& operator<<(std::ostream& out, const Form& form) {
  return out << form.name;
}

class EveryForm : public ::testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    if (GetParam().device.is_cuda()) require_device("cuda");
  }
};

inline const auto kForms =
    ::testing::Values(Form{"plain_cpu", at::kCPU, true}, Form{"fused_cpu", at::kCPU, false},
                      Form{"plain_cuda", at::kCUDA, true}, Form{"fused_cuda", at::kCUDA, false});

inline std::string form_name(const ::testing::TestParamInfo<Form>& info) {
  return info.param.name;
}

/// Random unit vectors [..., D], the same for the same seed.
inline at::Tensor unit_features(at::IntArrayRef shape, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  const auto values = at::randn(shape, generator, at::kFloat);
  return values / values.norm(2, -1, true).clamp_min(1e-12);
}

/// References that resemble the query patches at the same places, as real features do: unit vectors [K*N, D].
inline at::Tensor resembling(const at::Tensor& query /*[N, D]*/, std::int64_t shots, double noise,
                             std::uint64_t seed) {
  const auto mixed =
      query.repeat({shots, 1}) + noise * unit_features({shots * query.size(0), query.size(1)}, seed);
  return mixed / mixed.norm(2, -1, true);
}

}  // namespace res2clip::testing
