// How long the pixel metrics of one class take: 20 million pixels (75 images of 518 x 518), beside the plain
// form that sorts all pixels by comparison. With `--arrays DIR IMAGES SIZE` those of arrays that another
// program wrote (peers/metrics.py), as one line of JSON.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/random.hpp"
#include "res2clip/metrics/accumulator.hpp"
#include "res2clip/settings/enum_names.hpp"

#include "metrics/plain.hpp"

namespace {

using namespace res2clip;

constexpr std::int64_t kImages = 75;
constexpr std::int64_t kSize = 518;
constexpr std::int64_t kDefect = 100;  // a square, in two of three images: 2.5 % of the pixels

/// Smooth maps with values as the detector's: a slow wave, noise, and a defect that stands out a little.
const std::vector<at::Tensor>& maps() {
  static const std::vector<at::Tensor> content = [] {
    RandomStream random(1);
    std::vector<at::Tensor> made;
    for (std::int64_t image = 0; image < kImages; ++image) {
      auto map = at::empty({kSize, kSize}, at::kFloat);
      float* scores = map.data_ptr<float>();
      const double phase = random.uniform(0.0, 6.0);
      for (std::int64_t i = 0; i < kSize * kSize; ++i)
        scores[i] = static_cast<float>(0.6 + 0.1 * std::sin(phase + static_cast<double>(i / kSize) / 60.0) +
                                       random.uniform(0.0, 0.2));
      if (image % 3 != 0) map.slice(0, 60, 60 + kDefect).slice(1, 90, 90 + kDefect).add_(0.15);
      made.push_back(map);
    }
    return made;
  }();
  return content;
}

at::Tensor mask_of(std::int64_t image) {
  if (image % 3 == 0) return {};
  auto mask = at::zeros({kSize, kSize}, at::kByte);
  mask.slice(0, 60, 60 + kDefect).slice(1, 90, 90 + kDefect).fill_(1);
  return mask;
}

void with_accumulator(benchmark::State& state, MetricMode mode) {
  maps();
  at::set_num_threads(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    ClassAccumulator accumulator;
    for (std::int64_t image = 0; image < kImages; ++image)
      accumulator.add(maps()[image], mask_of(image), 0.5, image % 3 != 0);
    benchmark::DoNotOptimize(accumulator.finish(mode));
  }
  state.SetItemsProcessed(state.iterations() * kImages * kSize * kSize);
}

void adding_alone(benchmark::State& state) {
  maps();
  for (auto _ : state) {
    ClassAccumulator accumulator;
    for (std::int64_t image = 0; image < kImages; ++image)
      accumulator.add(maps()[image], mask_of(image), 0.5, image % 3 != 0);
    benchmark::DoNotOptimize(accumulator.images());
  }
  state.SetItemsProcessed(state.iterations() * kImages * kSize * kSize);
}
void exact(benchmark::State& state) {
  with_accumulator(state, MetricMode::exact);
}
void released(benchmark::State& state) {
  with_accumulator(state, MetricMode::released);
}

void plain(benchmark::State& state) {
  maps();
  std::int64_t regions = 0;
  for (auto _ : state) {
    std::vector<testing::PlainPixel> pixels;
    pixels.reserve(kImages * kSize * kSize);
    regions = 0;
    for (std::int64_t image = 0; image < kImages; ++image) {
      const at::Tensor mask = mask_of(image);
      const float* scores = maps()[image].const_data_ptr<float>();
      for (std::int64_t i = 0; i < kSize * kSize; ++i) {
        const bool anomalous = mask.defined() && mask.const_data_ptr<std::uint8_t>()[i] != 0;
        pixels.push_back({scores[i], anomalous, anomalous ? 1.0 / (kDefect * kDefect) : 0.0});
      }
      if (mask.defined()) ++regions;
    }
    benchmark::DoNotOptimize(testing::plain_pixel_figures(std::move(pixels), regions));
  }
  state.SetItemsProcessed(state.iterations() * kImages * kSize * kSize);
}

BENCHMARK(plain)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(adding_alone)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(exact)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(released)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

/// Values of a file without a header.
at::Tensor array_of(const Path& file, std::vector<std::int64_t> shape, at::ScalarType type) {
  const std::string bytes = read_file(file);
  const at::Tensor array = at::empty(shape, type);
  if (bytes.size() != array.nbytes())
    throw data_error(file.string() + ": holds " + std::to_string(bytes.size()) + " bytes, not " +
                     std::to_string(array.nbytes()));
  std::memcpy(array.mutable_data_ptr(), bytes.data(), bytes.size());
  return array;
}

/// maps.f32 and masks.u8, [images, size, size]: both ways to take the metrics, and their processor seconds,
/// on one thread.
int of_arrays(const Path& folder, std::int64_t images, std::int64_t size) {
  const at::Tensor maps = array_of(folder / "maps.f32", {images, size, size}, at::kFloat);
  const at::Tensor masks = array_of(folder / "masks.u8", {images, size, size}, at::kByte);
  at::set_num_threads(1);
  nlohmann::ordered_json found;
  for (const MetricMode mode : {MetricMode::exact, MetricMode::released}) {
    const std::clock_t start = std::clock();
    ClassAccumulator accumulator;
    for (std::int64_t image = 0; image < images; ++image) {
      const bool anomalous = masks[image].any().item<bool>();
      accumulator.add(maps[image], masks[image], maps[image].max().item<double>(), anomalous);
    }
    const ClassMetrics metrics = accumulator.finish(mode);
    auto& json = found[std::string(name_of(mode))];
    for (const Metric metric : kMetrics) json[std::string(name_of(metric))] = *metrics[metric].value;
    json["seconds"] = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  }
  std::cout << found << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5 && std::string_view(argv[1]) == "--arrays")
    return of_arrays(argv[2], std::stol(argv[3]), std::stol(argv[4]));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
