#include "res2clip/compute/processor.hpp"

#include <gmock/gmock.h>

#include "res2clip/compute/compute.hpp"
#include "res2clip/core/error.hpp"

#include "support/fails.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using testing::Fails;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Processor with_flags(const std::string& flags) {
  return read_processor(
      "processor\t: 0\nvendor_id\t: X\nmodel name\t: Some Processor @ 2 GHz\nflags\t\t: fpu " + flags +
      " rdtscp\nbugs\t\t: amx_bf16\n\nprocessor\t: 1\nmodel name\t: another\n");
}

TEST(ReadProcessor, FindsNameAndInstructions) {
  const Processor xeon = with_flags("avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 amx_tile amx_int8");
  EXPECT_EQ(xeon.name, "Some Processor @ 2 GHz");
  EXPECT_EQ(xeon.instructions, "AVX2, AVX512-VNNI, AVX512-BF16, AMX-INT8, AMX-BF16");
  EXPECT_TRUE(xeon.avx2 && xeon.bf16_products && xeon.int8_products);
  const Processor desktop = with_flags("avx2 avx_vnni");
  EXPECT_TRUE(desktop.avx2 && desktop.int8_products && !desktop.bf16_products);
  EXPECT_TRUE(with_flags("avx512_bf16").bf16_products);
}

// Neither part of a word nor another line's.
TEST(ReadProcessor, TakesFlagsAsTheyAreWritten) {
  const Processor old = with_flags("avx avx2x");
  EXPECT_EQ(old.instructions, "");
  EXPECT_FALSE(old.avx2 || old.bf16_products || old.int8_products);
  EXPECT_FALSE(read_processor("Features : fp asimd bf16 i8mm\n").avx2);
  EXPECT_EQ(read_processor("").name, "");
}

TEST(ObstacleTo, SaysWhatAProcessorLacksAndWhatToDo) {
  const Processor old = with_flags("sse4_2"), plain = with_flags("avx2"),
                  xeon = with_flags("avx2 amx_bf16 amx_int8");
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8})
    EXPECT_THAT(obstacle_to(precision, xeon), IsEmpty()) << name_of(precision);
  EXPECT_THAT(obstacle_to(Precision::tf32, xeon), HasSubstr("tf32 needs a CUDA device"));
  EXPECT_THAT(obstacle_to(Precision::int8, plain), IsEmpty());
  EXPECT_THAT(obstacle_to(Precision::bf16, plain),
              AllOf(HasSubstr("AMX-BF16 or AVX512-BF16"), HasSubstr("Some Processor @ 2 GHz: AVX2"),
                    HasSubstr("ten times as long"), HasSubstr("--precision fp32 or int8")));
  EXPECT_THAT(obstacle_to(Precision::int8, old), AllOf(HasSubstr("no AVX2"), HasSubstr("--precision fp32")));
}

TEST(ResolvePrecision, AsksTheProcessorsFlags) {
  const Precision chosen =
      resolve_precision({.device = "cpu", .precision = Precision::automatic}, c10::Device(c10::kCPU));
  EXPECT_EQ(chosen, this_processor().bf16_products ? Precision::bf16 : Precision::fp32);
  EXPECT_EQ(resolve_precision({.precision = Precision::bf16, .emulate = true}, c10::Device(c10::kCPU)),
            Precision::bf16);
  EXPECT_THAT(([] { resolve_precision({.precision = Precision::int8}, c10::Device(c10::kCUDA, 0)); }),
              Fails(ErrorKind::settings, HasSubstr("int8 is one of processors")));
}

}  // namespace
}  // namespace res2clip
