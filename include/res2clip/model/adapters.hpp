#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/core/grid.hpp"
#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

/// Weights of an adapter for local residuals (App. E.2). D is the width of the features, d = D/4; no layer
/// but the norms has a bias.
struct LocalAdapter {
  at::Tensor norm_weight, norm_bias;                    ///< [D]
  at::Tensor down_weight;                               ///< [d, D]
  at::Tensor conv_fine_weight, conv_coarse_weight;      ///< [d, 1, 3, 3], depthwise, dilation 1 and 2
  at::Tensor internal_norm_weight, internal_norm_bias;  ///< [3d]
  at::Tensor blend_weight;                              ///< [d, 3d]
  at::Tensor up_weight;                                 ///< [D, d]
};

/// Weights of an adapter for global residuals and text residuals (App. E.1).
struct GlobalAdapter {
  at::Tensor norm_weight, norm_bias;  ///< [D]
  at::Tensor fc1_weight;              ///< [d, D]
  at::Tensor fc2_weight;              ///< [D, d]
};

/// All that fine-tuning learns. The members are named as in the authors' checkpoints.
struct Adapters {
  std::map<int, LocalAdapter> vis_adapters;            ///< visual branch: layer (from 1) -> A_v,l
  std::map<int, LocalAdapter> res_vis_local_adapters;  ///< residual branch: layer -> A_v,l^res
  GlobalAdapter res_vis_global_adapter;                ///< residual branch: A_v,cls^res
  GlobalAdapter res_text_adapter;                      ///< residual branch: A_t^res
  GlobalAdapter text_adapter;                          ///< text branch: A_t
};

/// The five groups of a set, in the order of the authors' checkpoints.
enum class AdapterGroup { visual, residual_local, residual_global, residual_text, text };
/// What the authors' checkpoints call them: the members of Adapters.
template <>
struct EnumNames<AdapterGroup> {
  static constexpr std::pair<AdapterGroup, std::string_view> values[] = {
      {AdapterGroup::visual, "vis_adapters"},
      {AdapterGroup::residual_local, "res_vis_local_adapters"},
      {AdapterGroup::residual_global, "res_vis_global_adapter"},
      {AdapterGroup::residual_text, "res_text_adapter"},
      {AdapterGroup::text, "text_adapter"}};
};

/// How a tensor of a fresh adapter begins.
enum class FreshTensor { ones, zeros, linear, depthwise };

/// One tensor of a set.
struct AdapterTensor {
  AdapterGroup group;
  int layer;              ///< of a local adapter, from 1; 0: the group is one global adapter
  std::string_view part;  ///< what the adapter's state dict calls it ("norm.weight")
  std::vector<std::int64_t> (*shape)(std::int64_t d);  ///< for d = D/4
  FreshTensor fresh;

  std::string key() const;   ///< in the group's state dict: "6.norm.weight", or "norm.weight"
  std::string name() const;  ///< in the set: "vis_adapters.6.norm.weight"
};

/// Adapts local residuals [B, N, D] of patches that lie on `grid` (N = grid.size()): Eq. 43. Same shape back,
/// contiguous. With a zero up-projection the result equals the input bit for bit.
at::Tensor adapt_local(const LocalAdapter& adapter, const at::Tensor& residual, const Grid& grid);

/// Adapts vectors [..., D]: Eq. 42. Same shape back.
at::Tensor adapt_global(const GlobalAdapter& adapter, const at::Tensor& residual);

/// Fresh adapters on the CPU, float32, initialised as in the authors' release: norms 1 and 0, linear layers
/// uniform in ±1/sqrt(inputs), convolutions normal with variance 2/(9d), the last layer of each zero, so that
/// all are the identity. Each tensor draws from a stream of its own (`seed` and its name), so a set with
/// fewer layers has the same weights. Throws a settings error where `embed_dim` is not a positive multiple
/// of 4.
Adapters fresh_adapters(std::int64_t embed_dim, std::span<const int> visual_layers,
                        std::span<const int> residual_layers, std::uint64_t seed);

/// Visits all tensors in the order of the authors' checkpoints.
void for_each_tensor(Adapters& adapters, const std::function<void(const AdapterTensor&, at::Tensor&)>& visit);
void for_each_tensor(const Adapters& adapters,
                     const std::function<void(const AdapterTensor&, const at::Tensor&)>& visit);

/// D of a set.
std::int64_t embed_dim(const Adapters& adapters);

/// The set with every tensor on another device (shared where it is there already).
Adapters to_device(const Adapters& adapters, c10::Device device);

/// Throws a data error, which names `source`, if the set is not made for features of that width and those
/// layers.
void require_fit(const Adapters& adapters, std::int64_t embed_dim, std::span<const int> visual_layers,
                 std::span<const int> residual_layers, const std::string& source);

}  // namespace res2clip
