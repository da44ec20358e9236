// Times of the two expensive steps on this machine, beside its own matrix-product rate.
#include "bench.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>

#include "res2clip/compute/cuda_status.hpp"

#include "command.hpp"

namespace res2clip::app {
namespace {

struct BenchOptions : CommonOptions {
  std::string backbone;
  std::int64_t repeats = 3;
  std::vector<std::int64_t> shots = {1, 4};
  bool plain_encoding = false, inspection = false, training = false;
};

}  // namespace

void wait_for(c10::Device device) {
  if (device.is_cuda()) at::detail::getCUDAHooks().deviceSynchronize(device.index());
}

void print_figure(const std::string& what, double value, const char* unit) {
  char text[128];
  std::snprintf(text, sizeof text, "%-54s %10.4f %s", what.c_str(), value, unit);
  print(text);
}

at::Tensor unit_features(at::IntArrayRef shape, c10::Device device) {
  const auto values = at::randn(shape, at::TensorOptions().dtype(at::kFloat).device(device));
  return values / at::linalg_vector_norm(values, 2, {-1}, true);
}

namespace {

/// Seconds to encode an image, beside the reference implementation where it is asked for.
double bench_encoding(const Pipeline& pipeline, const BenchOptions& options) {
  const auto device = pipeline.backbone().device();
  const auto size = pipeline.image_size(), batch = pipeline.settings().compute.batch_size;
  const auto images = at::randn({batch, 3, size, size}, at::kFloat);
  const auto per_image = [&](const auto& job) {
    return least_seconds(options.repeats, device, job) / static_cast<double>(batch);
  };
  const std::string which = ", " + std::to_string(size) + " px, batch " + std::to_string(batch);
  const double fast = per_image([&] { pipeline.encode(images); });
  print_figure("encode" + which, fast, "s/image");
  if (!options.plain_encoding) return fast;
  const double plain =
      per_image([&] { pipeline.backbone().encode_plain(images, pipeline.detector().layers_needed()); });
  print_figure("encode, reference implementation" + which, plain, "s/image");
  print_figure("  ratio", plain / fast, "times");
  return fast;
}

/// Features as one kind of object has them: similarities mostly between 0.4 and 0.9, supports of a few dozen.
class MadeUpObject {
 public:
  MadeUpObject(std::int64_t patches, std::int64_t width, c10::Device device)
      : common_(at::randn({1, width}, device)), places_(at::randn({patches, width}, device)) {}

  /// [images, patches, width], unit length.
  at::Tensor images(std::int64_t images) const {
    const auto noise = at::randn({images, places_.size(0), places_.size(1)}, places_.options());
    const auto values = noise.mul(0.5).add(places_, 0.6).add(common_);
    return values / at::linalg_vector_norm(values, 2, {-1}, true);
  }

 private:
  at::Tensor common_, places_;
};

/// One layer of a batch, per image: the product of features that no form can do without, the form in use, and
/// the reference implementation.
void bench_matching(const Pipeline& pipeline, const BenchOptions& options) {
  const auto device = pipeline.backbone().device();
  const std::int64_t side = pipeline.image_size() / pipeline.backbone().card().sizes.patch_size;
  const Grid grid{side, side};
  const std::int64_t width = pipeline.backbone().card().sizes.embed_dim;
  const std::int64_t batch = pipeline.settings().compute.batch_size;
  const MatchOptions& how = pipeline.settings().retrieval;
  const MadeUpObject object(grid.size(), width, device);
  const auto query = object.images(batch);
  const auto per_image = [&](const auto& job) {
    return least_seconds(options.repeats, device, job) / static_cast<double>(batch);
  };
  for (const auto shots : options.shots) {
    const auto reference = object.images(shots).view({-1, width});
    const double product = per_image([&] { at::mm(query.view({-1, width}), reference.t()); });
    const double fast = per_image([&] { match(query, reference, grid, how); });
    // Image by image, as it runs where it stands in: of a whole batch it would hold all similarities at once.
    const double plain = per_image([&] {
      for (std::int64_t i = 0; i < batch; ++i) match_plain(query.narrow(0, i, 1), reference, grid, how);
    });
    const std::string which = ", one layer, " + std::to_string(shots) + " shot(s)";
    print_figure("matrix product alone" + which, product, "s/image");
    print_figure("match" + which, fast, "s/image");
    print_figure("  beside the product", fast / product, "times");
    print_figure("match, reference implementation" + which, plain, "s/image");
    print_figure("  ratio", plain / fast, "times");
  }
}

/// Everything from prepared images to maps and scores.
void bench_inspection(const Pipeline& pipeline, const BenchOptions& options) {
  const auto device = pipeline.backbone().device();
  const auto size = pipeline.image_size(), batch = pipeline.settings().compute.batch_size;
  const auto images = at::randn({batch, 3, size, size}, at::kFloat);
  for (const auto shots : options.shots) {
    std::vector<Features> parts;
    for (std::int64_t shot = 0; shot < shots; ++shot)
      parts.push_back(pipeline.encode(images.narrow(0, 0, 1)));
    const ReferenceBank bank = pipeline.detector().remember(concatenate(parts));
    const double seconds = least_seconds(options.repeats, device,
                                         [&] { pipeline.detector().detect(pipeline.encode(images), bank); });
    print_figure("encode and detect, " + std::to_string(shots) + " shot(s)",
                 static_cast<double>(batch) / seconds, "images/s");
  }
}

void bench(const BenchOptions& options) {
  const Pipeline pipeline = Pipeline::load(options.backbone, options.resolve().method);
  const auto device = pipeline.backbone().device();
  constexpr std::int64_t side = 2048;
  const auto square = at::rand({side, side}, at::TensorOptions().dtype(at::kFloat).device(device));
  const double product = least_seconds(options.repeats, device, [&] { at::mm(square, square); });
  print_figure("matrix product, 2048 x 2048 x 2048", 2.0 * side * side * side / product * 1e-9, "GFLOP/s");
  const double encode = bench_encoding(pipeline, options);
  bench_matching(pipeline, options);
  if (options.inspection) bench_inspection(pipeline, options);
  if (options.training) bench_training(pipeline, encode, options.repeats);
  if (device.is_cuda())
    print_figure("most memory on " + device.str(),
                 static_cast<double>(peak_cuda_memory(device.index())) / (1024.0 * 1024.0), "MiB");
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
  command->add_flag("--plain-encoding", options->plain_encoding,
                    "Also the archive's own program, which computes everything (fp32 only)");
  command->add_flag("--inspection", options->inspection,
                    "Also images per second from prepared image to scores");
  command->add_flag("--training", options->training,
                    "Also a training step, and what ten epochs cost with and without a feature store");
  options->add_to(*command);
  command->footer(
      "Examples:\n"
      "  res2clip bench --backbone clip.pt --batch-size 1 --shots 1 4\n"
      "  res2clip bench --backbone clip.pt --training --set train.batch_size=16");
  command->callback([options, &run] { run = [options] { bench(*options); }; });
}

}  // namespace res2clip::app
