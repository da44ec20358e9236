// What a report of a problem should contain, and a check that fast and plain forms agree on this machine.
#include <thread>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/Version.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/randn.h>

#include "res2clip/core/version.hpp"
#include "res2clip/retrieval/match.hpp"

#include "command.hpp"

namespace res2clip::app {
namespace {

constexpr double kTolerance = 5e-6;  // what two orders of summation in float32 may differ by here

std::string memory_line() {
  const std::string text = read_file("/proc/meminfo");
  const auto line = [&](const std::string& key) {
    const auto start = text.find(key);
    return start == std::string::npos ? 0.0 : std::stod(text.substr(start + key.size())) / (1024.0 * 1024.0);
  };
  char out[96];
  std::snprintf(out, sizeof out, "%.1f GiB, %.1f GiB available", line("MemTotal:"), line("MemAvailable:"));
  return out;
}

at::Tensor unit_features(std::int64_t rows, std::int64_t width, std::uint64_t seed, c10::Device device) {
  const auto generator = at::detail::createCPUGenerator(seed);
  const auto values = at::randn({rows, width}, generator, at::kFloat);
  return (values / at::linalg_vector_norm(values, 2, {1}, true)).to(device);
}

/// Largest difference between the form in use on a device and the plain form on the CPU.
double retrieval_difference(c10::Device device) {
  const Grid grid{16, 16};
  const auto query = unit_features(grid.size(), 256, 1, c10::kCPU).unsqueeze(0);
  const auto reference = unit_features(2 * grid.size(), 256, 2, c10::kCPU);
  const Match plain = match_plain(query, reference, grid, {});
  const Match fast = match(query.to(device), reference.to(device), grid, {});
  return (fast.residual.cpu() - plain.residual).abs().max().item<double>();
}

std::vector<c10::Device> devices() {
  std::vector<c10::Device> found = {c10::kCPU};
  if (at::globalContext().hasCUDA())
    for (int i = 0; i < at::detail::getCUDAHooks().deviceCount(); ++i)
      found.emplace_back(c10::kCUDA, static_cast<c10::DeviceIndex>(i));
  return found;
}

void examine() {
  print("res2clip     " + version());
  print("build        " + build_description());
  print("cpu          " + std::to_string(std::thread::hardware_concurrency()) + " cores, LibTorch uses " +
        std::to_string(at::get_num_threads()) + " threads, " + at::get_cpu_capability());
  print("memory       " + memory_line());
  print(at::globalContext().hasCUDA() ? at::detail::getCUDAHooks().showConfig()
                                      : "cuda         not in this build");
  bool agree = true;
  for (const auto& device : devices()) {
    const double difference = retrieval_difference(device);
    agree = agree && difference <= kTolerance;
    char line[128];
    std::snprintf(line, sizeof line, "self-check   matching on %s differs from the plain form by %.1e (%s)",
                  device.str().c_str(), difference, difference <= kTolerance ? "good" : "TOO MUCH");
    print(line);
  }
  if (!agree)
    throw runtime_error("the self-check failed: results of this build on this machine cannot be trusted");
}

}  // namespace

void add_doctor(CLI::App& program, Run& run) {
  CLI::App* command =
      program.add_subcommand("doctor", "Machine, build and a self-check, for reports of problems");
  command->callback([&run] { run = examine; });
}

}  // namespace res2clip::app
