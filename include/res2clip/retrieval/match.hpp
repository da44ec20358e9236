#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>

#include "res2clip/core/grid.hpp"
#include "res2clip/retrieval/options.hpp"

namespace res2clip {

struct Match {
  at::Tensor reference;      ///< [B, N, D], L2-normalised: the matched reference of each query patch (Eq. 34)
  at::Tensor residual;       ///< [B, N, D]: query - reference (Eq. 4)
  at::Tensor residual_norm;  ///< [B, N]: its L2 norm; half its square is 1 - cos(query, reference)
};

/// Matches every query patch against a reference bank.
///
/// query [B, N, D] and reference [K*N, D]: L2-normalised, float32, on one device, N = grid.size(); references
/// shot after shot, patches row-major. The result has query's device and type. No gradient flows through it.
///
/// Takes the fused form of the device where there is one for the options, the plain one otherwise (float64
/// always takes the plain one, image by image). On a CPU a query image's result depends, to the last bit,
/// neither on the other images of the batch nor on the number of threads; on CUDA its rounding may depend on
/// the batch.
///
/// A query patch whose similarities are not all finite (NaN or infinite features) gets NaN in all its
/// outputs; a NaN among the references therefore makes everything NaN. Where the weighted references cancel
/// out, the matched reference is zero and the residual the query.
///
/// Memory of the fused form beside the result: on the CPU at most 8 MB per thread (for banks up to 131,072
/// patches; 16 rows of scores beyond that) and N*N floats for penalties other than none and radial; on CUDA
/// at most 256 MB (128 rows of scores beyond banks of 524,288 patches); with pooled similarity, twice the
/// query and twice the bank.
///
/// Throws a data error if shapes, types or devices do not fit together or the bank is empty, a settings error
/// for options out of their range.
Match match(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
            const MatchOptions& options);

/// The plain ATen form of the same, one function per equation (match_weights.hpp): the oracle of the fast
/// ones. Takes float32 and float64. Holds several [B, N, K*N] tensors at once.
Match match_plain(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                  const MatchOptions& options);

/// Whether this build's kernels run on a CUDA device: false for a device that they were not compiled for, and
/// in builds without CUDA.
bool has_kernels_for(const c10::Device& device);

}  // namespace res2clip
