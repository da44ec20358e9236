#include "res2clip/compute/compute.hpp"

#include <gmock/gmock.h>
#include <new>
#include <sys/wait.h>
#include <unistd.h>

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "res2clip/compute/cuda_status.hpp"
#include "res2clip/compute/memory.hpp"
#include "res2clip/compute/parallel.hpp"
#include "res2clip/core/error.hpp"

#include "support/fails.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using testing::Fails;
using ::testing::HasSubstr;

auto applying(const std::string& device, Precision precision = Precision::fp32) {
  return [=] { apply_compute({.device = device, .precision = precision}); };
}

TEST(ResolveDevice, KnowsItsNamesAndRefusesOthers) {
  EXPECT_TRUE(resolve_device("cpu").is_cpu());
  EXPECT_EQ(description_of(c10::kCPU), "cpu");
  EXPECT_EQ(resolve_device("auto").is_cuda(), !cuda_status().devices.empty());
  for (const std::string name : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1234", "", "CPU"})
    EXPECT_THAT(applying(name), Fails(ErrorKind::settings, AllOf(HasSubstr("'" + name + "'"),
                                                                 HasSubstr("auto, cpu, cuda or cuda:N"))))
        << name;
}

TEST(ResolveDevice, SaysWhyThereIsNoCudaDevice) {
  const CudaStatus status = cuda_status();
  if (!status.devices.empty()) GTEST_SKIP() << "this machine has a CUDA device";
  EXPECT_FALSE(status.problem.empty());
  EXPECT_THAT(applying("cuda"),
              Fails(ErrorKind::settings, AllOf(HasSubstr(status.problem), HasSubstr("--device cpu"))));
  EXPECT_EQ(device_of_process("auto", 3), "auto");
}

TEST(ResolveDevice, CountsTheDevicesThereAre) {
  const CudaStatus status = cuda_status();
  if (status.devices.empty()) GTEST_SKIP() << status.problem;
  const int count = static_cast<int>(status.devices.size());
  EXPECT_EQ(resolve_device("cuda:" + std::to_string(count - 1)).index(), count - 1);
  EXPECT_THAT(applying("cuda:" + std::to_string(count)),
              Fails(ErrorKind::settings, HasSubstr("counted from 0")));
  EXPECT_EQ(device_of_process("auto", count), "cuda:0");
  EXPECT_EQ(device_of_process("cuda", count - 1), "cuda:" + std::to_string(count - 1));
  EXPECT_EQ(device_of_process("cpu", 1), "cpu");
  EXPECT_EQ(description_of({c10::kCUDA, 0}), "cuda (" + status.devices[0].name + ")");
}

TEST(Apply, RefusesPrecisionsThatAProcessorDoesNotHave) {
  EXPECT_THAT(applying("cpu", Precision::tf32), Fails(ErrorKind::settings, HasSubstr("tf32")));
  if (this_processor().bf16_products) GTEST_SKIP() << "this processor has products of bf16";
  EXPECT_THAT(applying("cpu", Precision::bf16), Fails(ErrorKind::settings, HasSubstr("bf16")));
}

TEST(Apply, SetsThreadsAndLeavesThemIfNoneAreNamed) {
  const int before = at::get_num_threads();
  apply_compute({.device = "cpu", .threads = before + 2});
  EXPECT_EQ(at::get_num_threads(), before + 2);
  apply_compute({.device = "cpu"});
  EXPECT_EQ(at::get_num_threads(), before + 2);
  at::set_num_threads(before);
}

TEST(Apply, SwitchesTf32AndRacingAlgorithmsOff) {
  apply_compute({.device = "cpu"});
  EXPECT_FALSE(at::globalContext().allowTF32CuBLAS());
  EXPECT_FALSE(at::globalContext().allowTF32CuDNN());
  EXPECT_TRUE(at::globalContext().deterministicCuDNN());
  EXPECT_FALSE(at::globalContext().benchmarkCuDNN());
}

TEST(Apply, SwitchesTf32OnForEveryReducedPrecision) {
  if (const CudaStatus status = cuda_status(); status.devices.empty()) GTEST_SKIP() << status.problem;
  for (const auto precision : {Precision::tf32, Precision::bf16}) {
    apply_compute({.device = "cuda", .precision = precision});
    EXPECT_TRUE(at::globalContext().allowTF32CuBLAS());
  }
  apply_compute({.device = "cuda"});
  EXPECT_FALSE(at::globalContext().allowTF32CuBLAS());
}

TEST(LaunchFailure, SaysWhetherTheKernelOrAnEarlierOneFailed) {
  if (!cuda_status().in_build) GTEST_SKIP() << "a build without CUDA";
  constexpr int kInvalidConfiguration = 9, kIllegalAddress = 700;  // cudaError_t
  EXPECT_THAT(launch_failure("the matching kernel", "cuda:1", kInvalidConfiguration),
              HasSubstr("the matching kernel could not start on cuda:1: "));
  EXPECT_THAT(launch_failure("the matching kernel", "cuda:1", kIllegalAddress),
              HasSubstr("an operation on cuda:1 failed before the matching kernel was started: "));
}

TEST(OutOfMemoryMessage, NamesTheNeedAndTheSettingToLower) {
  try {
    at::empty({std::int64_t{1} << 46}, at::kFloat);
    FAIL() << "no error";
  } catch (const std::exception& error) {
    EXPECT_THAT(out_of_memory_message(error).value_or(""),
                AllOf(HasSubstr("main memory: 268435456 MiB more were needed"), HasSubstr("--batch-size")));
  }
  const c10::OutOfMemoryError device(
      {__func__, __FILE__, __LINE__},
      "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 1 has a total capacity of 79.10 GiB of which ...");
  EXPECT_THAT(
      out_of_memory_message(device).value_or(""),
      AllOf(HasSubstr("cuda:1: 2.50 GiB more were needed"), HasSubstr("image.size"), HasSubstr("bf16")));
  EXPECT_THAT(out_of_memory_message(std::bad_alloc()).value_or(""), HasSubstr("out of memory"));
  EXPECT_EQ(out_of_memory_message(std::runtime_error("something else")), std::nullopt);
}

TEST(Apply, RefusesOptionsOutOfTheirRange) {
  EXPECT_THAT([] { apply_compute({.device = "cpu", .batch_size = 0}); },
              Fails(ErrorKind::settings, HasSubstr("compute.batch_size is 0")));
  EXPECT_THAT([] { apply_compute({.device = "cpu", .threads = -1}); },
              Fails(ErrorKind::settings, HasSubstr("compute.threads is -1")));
}

/// The exit code of a child of fork() in which `work` throws an Error (1), or does not (0); 2 if it hangs.
template <class Work>
int in_a_child(const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    try {
      work();
    } catch (const Error&) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

TEST(Forking, AChildOfAParentThatHasComputedIsToldSoInsteadOfHanging) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  parallel_for_each(100, [](std::size_t) {});
  EXPECT_EQ(in_a_child([] { parallel_for_each(100, [](std::size_t) {}); }), 1);
  EXPECT_EQ(in_a_child([] { apply_compute({.device = "cpu"}); }), 1);
  at::set_num_threads(1);  // no thread is waited for
  EXPECT_EQ(in_a_child([] { parallel_for_each(100, [](std::size_t) {}); }), 0);
  at::set_num_threads(before);
}

}  // namespace
}  // namespace res2clip
