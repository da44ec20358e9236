// Matching one layer at the method's full size: 37x37 patches of 768 numbers, 1, 4 and 16 shots; one image on
// the CPU, 1 and 16 on the first CUDA device, if there is one, in float32 and TF32. Times are of the whole
// batch.

#include <string>

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

void wait_for(const at::Device& device) {
  if (device.is_cuda()) at::detail::getCUDAHooks().deviceSynchronize(device.index());
}

struct Layer {
  at::Tensor query, reference;

  /// Similarities as features of one object have them: most between 0.4 and 0.9, supports of a few dozen.
  Layer(const at::Device& device, std::int64_t batch, std::int64_t shots) {
    at::manual_seed(1);
    const auto common = at::randn({1, kChannels});
    const auto places = at::randn({kGrid.size(), kChannels});
    const auto images = [&](std::int64_t count) {
      std::vector<at::Tensor> made;
      for (std::int64_t image = 0; image < count; ++image)
        made.push_back(normalised(common + 0.6 * places + 0.5 * at::randn({kGrid.size(), kChannels})));
      return at::cat(made).to(device);
    };
    query = images(batch).view({batch, kGrid.size(), kChannels});
    reference = images(shots);
  }
};

struct Setting {
  at::Device device;
  bool tf32;
};

template <class Job>
void time(benchmark::State& state, const Setting& setting, const Job& job) {
  at::globalContext().setAllowTF32CuBLAS(setting.tf32);
  const Layer layer(setting.device, state.range(0), state.range(1));
  job(layer);
  for (auto _ : state) {
    benchmark::DoNotOptimize(job(layer));
    wait_for(setting.device);
  }
  const double operations = 2.0 * static_cast<double>(layer.query.size(0) * kGrid.size() * kChannels) *
                            static_cast<double>(layer.reference.size(0));
  state.counters["FLOP/s"] = benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
}

/// The matrix product alone, which no form can do without.
at::Tensor product(const Layer& layer) {
  return at::mm(layer.query.view({-1, kChannels}), layer.reference.t());
}

res2clip::Match fused(const Layer& layer) {
  return res2clip::match(layer.query, layer.reference, kGrid, {});
}

/// As the authors' code does it: all rows sorted, the penalty written out for all shots.
res2clip::Match plain(const Layer& layer) {
  return res2clip::match_plain(layer.query, layer.reference, kGrid, {});
}

void add(const std::string& name, const Setting& setting, std::int64_t batch) {
  const auto with = [&](const std::string& form, const auto& job) {
    benchmark::RegisterBenchmark((form + name).c_str(),
                                 [=](benchmark::State& state) { time(state, setting, job); })
        ->ArgsProduct({{batch}, {1, 4, 16}})
        ->ArgNames({"batch", "shots"})
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  };
  with("product", product);
  with("fused", fused);
  if (batch == 1) with("plain", plain);
}

}  // namespace

int main(int argc, char** argv) {
  add("", {at::kCPU, false}, 1);
  if (at::globalContext().hasCUDA() && at::detail::getCUDAHooks().deviceCount() > 0)
    for (const std::int64_t batch : {1, 16})
      for (const bool tf32 : {false, true})
        add(tf32 ? "/cuda/tf32" : "/cuda/fp32", {at::Device(at::kCUDA, 0), tf32}, batch);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
