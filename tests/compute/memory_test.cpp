#include "res2clip/compute/memory.hpp"

#include <gmock/gmock.h>
#include <new>
#include <utility>
#include <vector>

namespace res2clip {
namespace {

using ::testing::ElementsAre;
using Part = std::pair<std::int64_t, std::int64_t>;

/// A device that has memory for `most` images.
class SmallDevice {
 public:
  explicit SmallDevice(std::int64_t most) : most_(most) {}

  /// The parts that went through.
  std::vector<Part> run(BatchLimit& limit, std::int64_t total) {
    std::vector<Part> parts;
    limit.run(total, [&](std::int64_t first, std::int64_t count) {
      ++tries_;
      if (count > most_) throw std::runtime_error("CUDA error: out of memory\nCUDA kernel errors might ...");
      parts.emplace_back(first, count);
    });
    return parts;
  }
  int tries() const { return tries_; }

 private:
  std::int64_t most_;
  int tries_ = 0;
};

TEST(BatchLimit, TakesAllAtOnceWhileMemoryDoes) {
  BatchLimit limit;
  SmallDevice device(16);
  EXPECT_THAT(device.run(limit, 16), ElementsAre(Part{0, 16}));
  EXPECT_THAT(device.run(limit, 0), ElementsAre());
}

TEST(BatchLimit, HalvesUntilMemoryDoesAndRemembersIt) {
  std::vector<std::string> remarks;
  on_smaller_batch([&](const std::string& text) { remarks.push_back(text); });
  BatchLimit limit;
  SmallDevice device(5);
  EXPECT_THAT(device.run(limit, 18),
              ElementsAre(Part{0, 4}, Part{4, 4}, Part{8, 4}, Part{12, 4}, Part{16, 2}));
  const int tries = device.tries();
  EXPECT_THAT(device.run(limit, 8), ElementsAre(Part{0, 4}, Part{4, 4}));
  EXPECT_EQ(device.tries(), tries + 2) << "nothing is tried in vain again";
  on_smaller_batch({});
  EXPECT_THAT(remarks, ElementsAre("out of memory with 18 images at once; lowered to 9",
                                   "out of memory with 9 images at once; lowered to 4"));
}

TEST(BatchLimit, PassesOnWhatASingleImageThrowsAndOtherErrors) {
  BatchLimit limit;
  SmallDevice none(0);
  EXPECT_THROW(none.run(limit, 4), std::runtime_error);
  EXPECT_EQ(none.tries(), 3);
  BatchLimit other;
  int tries = 0;
  EXPECT_THROW(
      other.run(4, [&](std::int64_t, std::int64_t) { throw std::logic_error(std::to_string(++tries)); }),
      std::logic_error);
  EXPECT_EQ(tries, 1);
}

TEST(OutOfMemoryMessage, KnowsTheWordsOfCudaAndItsLibraries) {
  for (const std::string text :
       {"CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED", "CUDA error: cudaErrorMemoryAllocation"})
    EXPECT_THAT(out_of_memory_message(std::runtime_error(text)).value_or(""),
                ::testing::AllOf(::testing::StartsWith("out of memory on the GPU; lower"),
                                 ::testing::HasSubstr("nvidia-smi")))
        << text;
  EXPECT_EQ(out_of_memory_message(std::runtime_error("CUDA error: invalid argument")), std::nullopt);
}

}  // namespace
}  // namespace res2clip
