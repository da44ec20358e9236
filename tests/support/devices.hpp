#pragma once

#include <ostream>
#include <string>
#include <tuple>

#include <c10/core/Device.h>
#include <gtest/gtest.h>

#include "res2clip/compute/cuda_status.hpp"

namespace res2clip::testing {

/// The devices that test bodies run on. Where there is no CUDA device, those tests are reported as skipped.
inline const auto kDevices = ::testing::Values("cpu", "cuda");

/// Skips the running test where the named device is not there, and says why. To be called in SetUp.
inline void require_device(const std::string& name) {
  if (name != "cuda") return;
  if (const CudaStatus status = cuda_status(); status.devices.empty())
    GTEST_SKIP() << "did not run on CUDA: " << status.problem;
}

/// A test on a device.
class EveryDevice : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { require_device(GetParam()); }
  static c10::Device device() { return c10::Device(GetParam()); }
};

/// A test of a case, told by its name, on a device.
class EveryCaseAndDevice : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  void SetUp() override { require_device(std::get<1>(GetParam())); }
  static const std::string& which() { return std::get<0>(GetParam()); }
  static c10::Device device() { return c10::Device(std::get<1>(GetParam())); }
};

inline std::string device_name(const ::testing::TestParamInfo<std::string>& info) {
  return info.param;
}
inline std::string case_and_device_name(
    const ::testing::TestParamInfo<std::tuple<std::string, std::string>>& info) {
  return std::get<0>(info.param) + "_" + std::get<1>(info.param);
}

}  // namespace res2clip::testing
