#include "support/goldens.hpp"

#include <cstdlib>
#include <stdexcept>

#include <ATen/ATen.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include "res2clip/core/files.hpp"

namespace res2clip::testing {

Goldens Goldens::read(const Path& path) {
  const std::string bytes = read_file(path);
  Goldens goldens;
  goldens.source_ = path.string();
  const auto value = torch::jit::pickle_load(std::vector<char>(bytes.begin(), bytes.end()));
  for (const auto& entry : value.toGenericDict())
    goldens.tensors_[entry.key().toStringRef()] = entry.value().toTensor();
  return goldens;
}

const at::Tensor& Goldens::operator[](const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw std::out_of_range(source_ + " has no tensor " + name);
  return found->second;
}

Path test_data(const std::string& name) {
  const char* moved = std::getenv("RES2CLIP_TEST_DATA");
  return Path(moved != nullptr ? moved : RES2CLIP_TEST_DATA) / name;
}

nlohmann::json read_json(const Path& path) {
  return nlohmann::json::parse(read_file(path));
}

std::optional<Path> full_fixtures() {
  const char* folder = std::getenv("RES2CLIP_FIXTURES");
  if (folder == nullptr || *folder == '\0') return std::nullopt;
  return Path(folder);
}

double largest_difference(const at::Tensor& actual, const at::Tensor& expected) {
  if (actual.numel() == 0) return 0.0;
  return (actual.cpu().to(at::kDouble) - expected.cpu().to(at::kDouble)).abs().max().item<double>();
}

::testing::AssertionResult tensors_near(const char* actual_text, const char* expected_text, const char*,
                                        const at::Tensor& actual, const at::Tensor& expected,
                                        double tolerance) {
  if (actual.sizes() != expected.sizes())
    return ::testing::AssertionFailure() << actual_text << " has shape " << actual.sizes() << ", "
                                         << expected_text << " has " << expected.sizes();
  const double difference = largest_difference(actual, expected);
  if (difference <= tolerance) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << actual_text << " differs from " << expected_text << " by "
                                       << difference << ", more than " << tolerance;
}

}  // namespace res2clip::testing
