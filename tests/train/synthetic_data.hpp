#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "res2clip/core/random.hpp"
#include "res2clip/train/trainer.hpp"

namespace res2clip::testing {

/// Small made-up training data: two classes, unit features in which anomalous patches lie elsewhere, masks to
/// match. The same in every process.
class SyntheticData final : public FeatureSource {
 public:
  static constexpr std::int64_t kWidth = 16;
  static constexpr Grid kGrid{4, 4};
  static constexpr std::int64_t kMaskSize = 20;
  inline static const std::vector<int> kLayers{1, 2};

  explicit SyntheticData(std::int64_t count = 11, c10::Device device = c10::kCPU)
      : device_(device), data_{{}, *this, {}} {
    for (std::int64_t i = 0; i < count; ++i) {
      const bool anomalous = i % 3 == 0;
      const std::string category = i % 2 == 0 ? "even" : "odd";
      const std::string name = category + "/" + std::to_string(i) + ".png";
      data_.samples.push_back({name, category, anomalous, name});
    }
    data_.masks = [this](std::span<const std::int64_t> indices) { return masks(indices).to(device_); };
  }
  SyntheticData(const SyntheticData&) = delete;
  SyntheticData& operator=(const SyntheticData&) = delete;

  const TrainingData& data() const { return data_; }

  Features of(std::span<const Path> images) override {
    std::vector<std::int64_t> indices;
    for (const Path& image : images) indices.push_back(std::stoll(image.stem().string()));
    return to_device(features(indices), device_);
  }

  TrainingSetup setup() const {
    TrainingSetup setup;
    setup.initial = to_device(fresh_adapters(kWidth, kLayers, kLayers, 111), device_);
    setup.text_residual = unit(random({kWidth}, "text")).to(device_);
    setup.layers = {{2}, kLayers, kLayers};
    setup.options.epochs = 4;
    setup.options.batch_size = 4;
    constexpr double rate = 0.02;  // large, so that few steps change much
    setup.options.rate_visual = setup.options.rate_residual_local = setup.options.rate_residual_global = rate;
    setup.options.rate_residual_text = setup.options.rate_text = rate;
    return setup;
  }

 private:
  static at::Tensor random(std::vector<std::int64_t> shape, const std::string& name) {
    RandomStream stream(5, name);
    at::Tensor tensor = at::empty(shape, at::kFloat);
    for (std::int64_t i = 0; i < tensor.numel(); ++i)
      tensor.mutable_data_ptr<float>()[i] = static_cast<float>(stream.uniform(-1.0, 1.0));
    return tensor;
  }
  static at::Tensor unit(const at::Tensor& vectors) { return vectors / vectors.norm(2, {-1}, true); }

  bool anomalous(std::int64_t index) const {
    return data_.samples[static_cast<std::size_t>(index)].anomalous;
  }

  Features features(std::span<const std::int64_t> indices) const {
    std::vector<Features> parts;
    for (const std::int64_t index : indices) {
      const std::string name = std::to_string(index);
      Features one;
      one.grid = kGrid;
      one.global = unit(random({1, kWidth}, "common") + random({1, kWidth}, name) * 0.3);
      for (const int layer : kLayers) {
        at::Tensor patches = random({1, kGrid.size(), kWidth}, "common" + std::to_string(layer)) +
                             random({1, kGrid.size(), kWidth}, name + "/" + std::to_string(layer)) * 0.3;
        if (anomalous(index))
          patches.narrow(1, 0, 4) += random({kWidth}, "defect");  // the first row of patches
        one.patches[layer] = unit(patches);
      }
      parts.push_back(std::move(one));
    }
    return concatenate(parts);
  }

  at::Tensor masks(std::span<const std::int64_t> indices) const {
    at::Tensor masks =
        at::zeros({static_cast<std::int64_t>(indices.size()), kMaskSize, kMaskSize}, at::kByte);
    for (std::size_t i = 0; i < indices.size(); ++i)
      if (anomalous(indices[i])) masks[static_cast<std::int64_t>(i)].narrow(0, 0, kMaskSize / 4).fill_(1);
    return masks;
  }

  c10::Device device_;
  TrainingData data_;
};

}  // namespace res2clip::testing
