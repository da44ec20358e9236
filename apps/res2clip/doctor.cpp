// What a report of a problem should contain, and a check that fast and reference implementations agree on
// this machine.
#include <thread>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/Version.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/randn.h>

#include "res2clip/clip/archive_check.hpp"
#include "res2clip/clip/backbone.hpp"
#include "res2clip/compute/compute.hpp"
#include "res2clip/compute/cuda_status.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/version.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/model/smoothing.hpp"
#include "res2clip/retrieval/match.hpp"

#include "command.hpp"

namespace res2clip::app {
namespace {

constexpr double kTolerance = 5e-6;  // what two orders of summation in float32 may differ by here
// Through all blocks of a backbone; LibTorch's attention in float32 on a GPU splits each product into three
// of TF32.
constexpr double kEncodingTolerance = 2e-5;

std::string gibibytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GiB", bytes / (1024.0 * 1024.0 * 1024.0));
  return text;
}

std::string memory_line() {
  const std::string text = read_file("/proc/meminfo");
  const auto bytes = [&](const std::string& key) {
    const auto start = text.find(key);
    return start == std::string::npos ? 0.0 : std::stod(text.substr(start + key.size())) * 1024.0;
  };
  return gibibytes(bytes("MemTotal:")) + ", " + gibibytes(bytes("MemAvailable:")) + " available";
}

void print_cuda(const CudaStatus& status) {
  if (!status.in_build) return print("cuda         not in this build");
  print("cuda         runtime " + status.runtime + ", driver " +
        (status.driver.empty() ? "none" : "for " + status.driver));
  if (!status.problem.empty()) return print("cuda         no device to use: " + status.problem);
  for (std::size_t i = 0; i < status.devices.size(); ++i) {
    const CudaDevice& device = status.devices[i];
    const auto index = static_cast<c10::DeviceIndex>(i);
    print("cuda:" + std::to_string(i) + "       " + device.name + ", compute capability " +
          std::to_string(device.major) + "." + std::to_string(device.minor) + ", " +
          gibibytes(static_cast<double>(device.memory)) + ", " +
          gibibytes(static_cast<double>(free_cuda_memory(index))) + " free, " +
          (has_kernels_for({c10::kCUDA, index})
               ? "this build has code for it"
               : "this build has NO code for it: build with scripts/build.sh --cuda --arch " +
                     std::to_string(device.major) + "." + std::to_string(device.minor)));
  }
}

at::Tensor unit_features(std::int64_t rows, std::int64_t width, std::uint64_t seed) {
  const auto generator = at::detail::createCPUGenerator(seed);
  const auto values = at::randn({rows, width}, generator, at::kFloat);
  return values / at::linalg_vector_norm(values, 2, {1}, true);
}

double difference(const at::Tensor& found, const at::Tensor& expected) {
  return (found.cpu() - expected).abs().max().item<double>();
}

/// The form of matching in use on a device against the reference implementation on the CPU.
double matching_difference(c10::Device device) {
  const Grid grid{16, 16};
  const auto query = unit_features(grid.size(), 256, 1).unsqueeze(0);
  const auto reference = unit_features(2 * grid.size(), 256, 2);
  const Match plain = match_plain(query, reference, grid, {});
  return difference(match(query.to(device), reference.to(device), grid, {}).residual, plain.residual);
}

/// Upsampling and smoothing on a device against the CPU in double precision.
double smoothing_difference(c10::Device device) {
  const auto scores = unit_features(16, 16, 3).unsqueeze(0);
  const auto drawn = [](const at::Tensor& maps) { return gaussian_smooth(upsample(maps, 112, 112), 5, 4.0); };
  return difference(drawn(scores.to(device)), drawn(scores.to(at::kDouble)));
}

/// A backbone on a device against the program inside its archive on the CPU.
double encoding_difference(const Path& archive, c10::Device device) {
  const Backbone plain = Backbone::load(archive, {.device = "cpu"});
  const auto size = plain.card().image_size;
  const auto generator = at::detail::createCPUGenerator(4);
  const auto images = at::randn({1, 3, size, size}, generator, at::kFloat);
  const std::vector<int> layers = {static_cast<int>(plain.card().sizes.vision_layers)};
  const Features expected = plain.encode_plain(images, layers);
  const Backbone fast = Backbone::load(archive, {.device = device.str()});
  const Features found = fast.encode(images, layers);
  return std::max(difference(found.global, expected.global),
                  difference(found.patches.begin()->second, expected.patches.begin()->second));
}

/// Runs one comparison and says how it went; a device that fails must not hide the others.
bool check(const std::string& what, c10::Device device, double tolerance,
           const std::function<double()>& compare) {
  std::string verdict;
  bool good = false;
  try {
    const double found = compare();
    good = found <= tolerance;
    char text[64];
    std::snprintf(text, sizeof text, "differs by %.1e (%s)", found, good ? "good" : "TOO MUCH");
    verdict = text;
  } catch (const std::exception& error) {
    verdict = "failed: " + first_line(error);
  }
  print_text("self-check   " + what + " on " + device.str() + " " + verdict);
  return good;
}

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

/// Whether the weights that the card names are those that were made into this archive.
void print_weights(const ArchiveCheck& found, const std::string& weights) {
  if (weights.empty()) {
    print_text("weights      its card names " + describe_weights(found.card.origin, found.card.sizes) +
               "; not verified: name the weights with --weights");
    return;
  }
  const ClipForm& form = found.card.form;
  const ClipWeights read =
      read_clip_weights(weights, {form.activation, form.vision_head_width, form.text_head_width,
                                  form.normalisation.mean, form.normalisation.deviation});
  const bool same = is_made_from(found, read);
  print_text("weights      " + describe_weights(read.origin, read.sizes) +
             (same ? ": verified, the archive was made from them" : ": the archive was NOT made from them"));
  if (!same) throw data_error(weights + ": is not what the archive was made from");
}

/// What this run verified of the archive; of its origin there is only its own word, unless the weights are
/// there to be compared.
void print_backbone(const std::string& archive, const std::string& weights) {
  const ArchiveCheck found = check_archive(archive);
  print_text("backbone     " + archive + ": verified now: its code and vocabulary are this program's, " +
             grouped(found.numbers) + " numbers are finite and give its checksum " + found.checksum);
  print("members      " + (found.digest.empty()
                               ? "no digest over them: written by an older version; export it again for one"
                               : "verified now: sha256 over all " + found.digest));
  print_text("run with     " + describe_form(found.card.form, found.card.origin));
  print_weights(found, weights);
}

void print_checkpoint(const std::string& checkpoint) {
  std::int64_t tensors = 0, numbers = 0;
  const Adapters adapters = read_checkpoint(checkpoint);
  for_each_tensor(adapters, [&](const AdapterTensor&, const at::Tensor& tensor) {
    ++tensors;
    numbers += tensor.numel();
  });
  print_text("checkpoint   " + checkpoint + ": verified now: " + grouped(numbers) + " numbers of " +
             std::to_string(tensors) + " tensors are finite, for features of width " +
             std::to_string(embed_dim(adapters)));
  const std::string digest = checkpoint_digest(checkpoint);
  print("members      " + (digest.empty()
                               ? "no digest over them: written by the authors' code or an older version"
                               : "verified now: sha256 over all " + digest));
}

struct Examined {
  std::string backbone, weights, checkpoint;
};

void examine(const Examined& files) {
  const CudaStatus cuda = cuda_status();
  print("res2clip     " + version());
  print("build        " + build_description());
  print("cpu          " + std::to_string(std::thread::hardware_concurrency()) + " cores, LibTorch uses " +
        std::to_string(at::get_num_threads()) + " threads, " + at::get_cpu_capability());
  print("memory       " + memory_line());
  print_cuda(cuda);
  const std::string& backbone = files.backbone;
  if (!backbone.empty()) print_backbone(backbone, files.weights);
  if (!files.checkpoint.empty()) print_checkpoint(files.checkpoint);
  std::vector<c10::Device> devices = {c10::kCPU};
  for (std::size_t i = 0; i < cuda.devices.size(); ++i)
    devices.emplace_back(c10::kCUDA, static_cast<c10::DeviceIndex>(i));
  bool agree = true;
  for (const auto& device : devices) {
    apply_compute({.device = device.str()});
    agree &= check("matching", device, kTolerance, [&] { return matching_difference(device); });
    agree &= check("smoothing", device, kTolerance, [&] { return smoothing_difference(device); });
    if (!backbone.empty())
      agree &= check("encoding", device, device.is_cuda() ? kEncodingTolerance : kTolerance,
                     [&] { return encoding_difference(backbone, device); });
  }
  if (!agree)
    throw runtime_error("the self-check failed: results of this build on this machine cannot be trusted");
}

}  // namespace

void add_doctor(CLI::App& program, Run& run) {
  CLI::App* command =
      program.add_subcommand("doctor", "Machine, build and a self-check, for reports of problems");
  auto options = std::make_shared<Examined>();
  CLI::Option* backbone = command
                              ->add_option("--backbone", options->backbone,
                                           "Also verify this archive, and check encoding with it")
                              ->type_name("FILE");
  command
      ->add_option("--weights", options->weights,
                   "Verify that the archive was made from these weights, as `export` takes them")
      ->needs(backbone)
      ->type_name("PATH");
  command->add_option("--checkpoint", options->checkpoint, "Also verify these adapter weights")
      ->type_name("FILE");
  command->footer(
      "Examples:\n"
      "  res2clip doctor --backbone clip.pt\n"
      "  res2clip doctor --backbone clip.pt --weights ViT-L-14-336px.pt");
  command->callback([options, &run] { run = [options] { examine(*options); }; });
}

}  // namespace res2clip::app
