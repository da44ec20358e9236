// Times of the two expensive steps on this machine, beside its own matrix-product rate.
#include <chrono>

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>

#include "res2clip/pipeline/pipeline.hpp"

#include "command.hpp"

namespace res2clip::app {
namespace {

struct BenchOptions : CommonOptions {
  std::string backbone;
  std::int64_t repeats = 3;
  std::vector<std::int64_t> shots = {1, 4};
};

void wait_for(c10::Device device) {
  if (device.is_cuda()) at::detail::getCUDAHooks().deviceSynchronize(device.index());
}

/// Least seconds of `repeats` runs, after one that does not count.
template <class Job>
double least_seconds(std::int64_t repeats, c10::Device device, const Job& job) {
  double least = 1e30;
  for (std::int64_t i = 0; i <= repeats; ++i) {
    wait_for(device);
    const auto start = std::chrono::steady_clock::now();
    job();
    wait_for(device);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (i > 0) least = std::min(least, seconds);
  }
  return least;
}

std::string line(const char* what, double value, const char* unit) {
  char text[128];
  std::snprintf(text, sizeof text, "%-40s %10.4f %s", what, value, unit);
  return text;
}

at::Tensor unit_features(at::IntArrayRef shape, c10::Device device) {
  const auto values = at::randn(shape, at::TensorOptions().dtype(at::kFloat).device(device));
  return values / at::linalg_vector_norm(values, 2, {-1}, true);
}

void bench(const BenchOptions& options) {
  const Pipeline pipeline = Pipeline::load(options.backbone, options.resolve());
  const auto device = pipeline.backbone().device();
  const auto size = pipeline.image_size();
  const auto batch = pipeline.settings().compute.batch_size;

  constexpr std::int64_t side = 2048;
  const auto square = at::rand({side, side}, at::TensorOptions().dtype(at::kFloat).device(device));
  const double product = least_seconds(options.repeats, device, [&] { at::mm(square, square); });
  print(line("matrix product, 2048 x 2048 x 2048", 2.0 * side * side * side / product * 1e-9, "GFLOP/s"));

  const auto images = at::randn({batch, 3, size, size}, at::kFloat);
  const double encode = least_seconds(options.repeats, device, [&] { pipeline.encode(images); });
  const std::string title = "encode, " + std::to_string(size) + " px, batch " + std::to_string(batch);
  print(line(title.c_str(), encode / static_cast<double>(batch), "s/image"));

  const std::int64_t side_patches = size / pipeline.backbone().card().patch_size;
  const Grid grid{side_patches, side_patches};
  const std::int64_t width = pipeline.backbone().card().embed_dim;
  const auto query = unit_features({1, grid.size(), width}, device);
  for (const auto shots : options.shots) {
    const auto reference = unit_features({shots * grid.size(), width}, device);
    const MatchOptions& match_options = pipeline.settings().retrieval;
    const double fast =
        least_seconds(options.repeats, device, [&] { match(query, reference, grid, match_options); });
    const double plain =
        least_seconds(options.repeats, device, [&] { match_plain(query, reference, grid, match_options); });
    const std::string which = ", one layer, " + std::to_string(shots) + " shot(s)";
    print(line(("match" + which).c_str(), fast, "s"));
    print(line(("match, plain form" + which).c_str(), plain, "s"));
    print(line("  ratio", plain / fast, "times"));
  }
}

}  // namespace

void add_bench(CLI::App& program, Run& run) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = program.add_subcommand("bench", "Times encoding and matching on this machine");
  command->add_option("--backbone", options->backbone, "Archive that `export` wrote")
      ->required()
      ->type_name("FILE");
  command->add_option("--repeats", options->repeats, "Timed runs of each step; the least counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--shots", options->shots, "Numbers of reference images to match against")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  options->add_to(*command);
  command->footer("Example: res2clip bench --backbone clip.pt --batch-size 1 --shots 1 4");
  command->callback([options, &run] { run = [options] { bench(*options); }; });
}

}  // namespace res2clip::app
