#include "res2clip/image/write.hpp"

#include <ATen/ATen.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/image/read.hpp"

#include "support/fails.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

TEST(WritePng, ReadsBackAsItWas) {
  const TemporaryFolder folder;
  const at::Tensor colour = at::randint(0, 256, {17, 23, 3}, at::kByte);
  const at::Tensor grey = at::randint(0, 256, {17, 23}, at::kByte);
  write_png(folder / "deep/colour.png", colour);
  write_png(folder / "grey.png", grey);
  EXPECT_TRUE(at::equal(read_image(folder / "deep/colour.png"), colour));
  EXPECT_TRUE(at::equal(read_grey(folder / "grey.png"), grey));
}

TEST(WritePng, ASmallFileHoldsTheSamePixels) {
  const TemporaryFolder folder;
  const at::Tensor ramp =
      at::arange(3 * 200 * 300).div(700, "floor").remainder(256).to(at::kByte).view({200, 300, 3});
  write_png(folder / "quick.png", ramp);
  write_png(folder / "small.png", ramp, PngEffort::small);
  EXPECT_TRUE(at::equal(read_image(folder / "small.png"), ramp));
  EXPECT_LT(read_file(folder / "small.png").size(), read_file(folder / "quick.png").size());
}

TEST(WriteJpeg, ReadsBackNearlyAsItWas) {
  const TemporaryFolder folder;
  const at::Tensor x = at::linspace(0, 200, 151).view({1, 151, 1}),
                   y = at::linspace(0, 50, 90).view({90, 1, 1});
  const at::Tensor smooth = (x + y).expand({90, 151, 3}).to(at::kByte);
  write_jpeg(folder / "fine.jpg", smooth, 95);
  write_jpeg(folder / "coarse.jpg", smooth, 20);
  const at::Tensor read = read_image(folder / "fine.jpg");
  ASSERT_EQ(read.sizes(), smooth.sizes());
  // Quantisation at this quality moves a smooth image by a few of 255 levels.
  EXPECT_LE((read.to(at::kInt) - smooth.to(at::kInt)).abs().max().item<int>(), 4);
  EXPECT_LT(read_file(folder / "coarse.jpg").size(), read_file(folder / "fine.jpg").size());
}

TEST(WriteJpeg, RefusesWhatNoJpegHolds) {
  const std::vector<std::uint8_t> row(3 * 65501);
  EXPECT_THAT(
      [&] {
        encode_jpeg({row.data(), 65501, 1, 3}, 90);
      },
      Fails(ErrorKind::data, HasSubstr("1 to 65500")));
  EXPECT_THAT([&] { encode_jpeg({row.data(), 10, 1, 1}, 90); }, Fails(ErrorKind::data, HasSubstr("RGB")));
  EXPECT_THAT(
      [&] {
        encode_jpeg({row.data(), 10, 1, 3}, 0);
      },
      Fails(ErrorKind::settings, HasSubstr("quality")));
}

TEST(WritePng, NamesAPlaceThatCannotBeWritten) {
  const TemporaryFolder folder;
  write_file(folder / "file", "x");
  EXPECT_THROW(write_png(folder / "file/below.png", at::zeros({2, 2}, at::kByte)), Error);
}

TEST(WriteFloatMap, WritesRowAfterRow) {
  const TemporaryFolder folder;
  const at::Tensor turned = at::randn({70, 98}).t();
  write_float_map(folder / "map.npy", turned);
  std::string bytes = read_file(folder / "map.npy");
  ASSERT_EQ(bytes.size(), 128u + 98 * 70 * 4);
  EXPECT_TRUE(at::equal(at::from_blob(bytes.data() + 128, {98, 70}, at::kFloat), turned));
}

TEST(WriteFloatMap, PutsNumpysHeaderBeforeAlignedData) {
  const TemporaryFolder folder;
  write_float_map(folder / "map.npy", at::ones({2, 3}));
  const std::string bytes = read_file(folder / "map.npy");
  EXPECT_EQ(bytes.size(), 128u + 6 * 4);  // the data begin at a multiple of 64
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_EQ(bytes.substr(10, 60), "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } ");
  EXPECT_EQ(bytes[127], '\n');
}

}  // namespace
}  // namespace res2clip
