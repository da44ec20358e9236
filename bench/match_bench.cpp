// Matching one layer at the method's full size: 37x37 patches of 768 numbers, 1 and 4 shots.

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>

#include "res2clip/retrieval/match.hpp"

namespace {

constexpr res2clip::Grid kGrid{37, 37};
constexpr std::int64_t kChannels = 768;

at::Tensor normalised(const at::Tensor& vectors) {
  return vectors / vectors.norm(2, {-1}, true);
}

struct Layer {
  at::Tensor query, reference;

  /// Similarities as features of one object have them: most between 0.4 and 0.9, supports of a few dozen.
  explicit Layer(std::int64_t shots) {
    at::manual_seed(1);
    const auto common = at::randn({1, kChannels});
    const auto places = at::randn({kGrid.size(), kChannels});
    const auto image = [&] {
      return normalised(common + 0.6 * places + 0.5 * at::randn({kGrid.size(), kChannels}));
    };
    query = image().unsqueeze(0);
    std::vector<at::Tensor> images;
    for (std::int64_t shot = 0; shot < shots; ++shot) images.push_back(image());
    reference = at::cat(images);
  }
};

void fused(benchmark::State& state) {
  const Layer layer(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(res2clip::match(layer.query, layer.reference, kGrid, {}));
}

/// As the authors' code does it: all rows sorted, the penalty written out for all shots.
void plain(benchmark::State& state) {
  const Layer layer(state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(res2clip::match_plain(layer.query, layer.reference, kGrid, {}));
}

/// The matrix product alone, which no form can do without.
void product(benchmark::State& state) {
  const Layer layer(state.range(0));
  const auto transposed = layer.reference.t();
  for (auto _ : state) benchmark::DoNotOptimize(at::mm(layer.query[0], transposed));
  const double operations = 2.0 * kGrid.size() * layer.reference.size(0) * kChannels;
  state.counters["FLOP/s"] = benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK(product)->Arg(1)->Arg(4)->ArgName("shots")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(fused)->Arg(1)->Arg(4)->ArgName("shots")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(plain)->Arg(1)->Arg(4)->ArgName("shots")->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
