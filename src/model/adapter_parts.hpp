#pragma once

#include <array>

#include "res2clip/model/adapters.hpp"

namespace res2clip {

using AdapterShape = std::vector<std::int64_t>;

/// A tensor of a local or a global adapter: the only place that names its key, its shape and how it begins.
template <class Adapter>
struct AdapterPart {
  std::string_view key;
  at::Tensor Adapter::*tensor;
  AdapterShape (*shape)(std::int64_t d);
  FreshTensor fresh;
};

inline constexpr auto kOfFeatures = [](std::int64_t d) -> AdapterShape { return {4 * d}; };
inline constexpr auto kOfScales = [](std::int64_t d) -> AdapterShape { return {3 * d}; };
inline constexpr auto kDown = [](std::int64_t d) -> AdapterShape { return {d, 4 * d}; };
inline constexpr auto kBlend = [](std::int64_t d) -> AdapterShape { return {d, 3 * d}; };
inline constexpr auto kUp = [](std::int64_t d) -> AdapterShape { return {4 * d, d}; };
inline constexpr auto kDepthwise = [](std::int64_t d) -> AdapterShape { return {d, 1, 3, 3}; };

/// In the order of the authors' state dicts.
inline constexpr std::array<AdapterPart<LocalAdapter>, 9> kLocalParts{{
    {"norm.weight", &LocalAdapter::norm_weight, kOfFeatures, FreshTensor::ones},
    {"norm.bias", &LocalAdapter::norm_bias, kOfFeatures, FreshTensor::zeros},
    {"down.weight", &LocalAdapter::down_weight, kDown, FreshTensor::linear},
    {"conv_fine.weight", &LocalAdapter::conv_fine_weight, kDepthwise, FreshTensor::depthwise},
    {"conv_coarse.weight", &LocalAdapter::conv_coarse_weight, kDepthwise, FreshTensor::depthwise},
    {"internal_norm.weight", &LocalAdapter::internal_norm_weight, kOfScales, FreshTensor::ones},
    {"internal_norm.bias", &LocalAdapter::internal_norm_bias, kOfScales, FreshTensor::zeros},
    {"blend.weight", &LocalAdapter::blend_weight, kBlend, FreshTensor::linear},
    {"up.weight", &LocalAdapter::up_weight, kUp, FreshTensor::zeros},
}};
inline constexpr std::array<AdapterPart<GlobalAdapter>, 4> kGlobalParts{{
    {"norm.weight", &GlobalAdapter::norm_weight, kOfFeatures, FreshTensor::ones},
    {"norm.bias", &GlobalAdapter::norm_bias, kOfFeatures, FreshTensor::zeros},
    {"fc1.weight", &GlobalAdapter::fc1_weight, kDown, FreshTensor::linear},
    {"fc2.weight", &GlobalAdapter::fc2_weight, kUp, FreshTensor::zeros},
}};

/// Where a set keeps the adapters of a group.
struct LocalGroup {
  AdapterGroup group;
  std::map<int, LocalAdapter> Adapters::*layers;
};
struct GlobalGroup {
  AdapterGroup group;
  GlobalAdapter Adapters::*adapter;
};
inline constexpr std::array<LocalGroup, 2> kLocalGroups{{
    {AdapterGroup::visual, &Adapters::vis_adapters},
    {AdapterGroup::residual_local, &Adapters::res_vis_local_adapters},
}};
inline constexpr std::array<GlobalGroup, 3> kGlobalGroups{{
    {AdapterGroup::residual_global, &Adapters::res_vis_global_adapter},
    {AdapterGroup::residual_text, &Adapters::res_text_adapter},
    {AdapterGroup::text, &Adapters::text_adapter},
}};

}  // namespace res2clip
