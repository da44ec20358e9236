#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/pipeline/pipeline.hpp"

namespace res2clip::app {

/// Waits until a device has done all that it was given; nothing to wait for on a CPU.
void wait_for(c10::Device device);

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

/// Prints one figure.
void print_figure(const std::string& what, double value, const char* unit);

/// Random vectors of unit length along the last dimension, [shape], float32.
at::Tensor unit_features(at::IntArrayRef shape, c10::Device device);

/// Times a training step on stored features, and prints what ten epochs cost an image with a feature store
/// and without one. `encode` is the time to encode an image, in seconds.
void bench_training(const Pipeline& pipeline, double encode, std::int64_t repeats);

}  // namespace res2clip::app
