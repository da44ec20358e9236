// An image in memory gives the bits that a file with its pixels gives.
#include "res2clip/image/image_view.hpp"

#include <gmock/gmock.h>

#include <ATen/ATen.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/prepare.hpp"
#include "res2clip/image/write.hpp"

#include "support/fails.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using testing::test_data;

constexpr std::int64_t kHeight = 31, kWidth = 45;

at::Tensor some_pixels(std::int64_t channels) {
  const auto generator = at::detail::createCPUGenerator(3);
  return at::randint(0, 256, {kHeight, kWidth, channels}, generator, at::kByte);
}

ImageView view_of(const at::Tensor& pixels, PixelFormat format) {
  return {pixels.const_data_ptr<std::uint8_t>(), pixels.size(1), pixels.size(0), pixels.stride(0), format};
}

class ImageViewTest : public ::testing::Test {
 protected:
  /// The input that a PNG file with these pixels gives.
  at::Tensor of_file(const at::Tensor& rgb) const {
    write_png(folder / "image.png", rgb.contiguous());
    return prepare_image(folder / "image.png", options);
  }
  void expect_bits(const ImageView& view, const at::Tensor& input) const {
    EXPECT_TRUE(at::equal(prepare_image(view, options), input));
  }

  TemporaryFolder folder;
  ImageOptions options{.size = 28};
};

TEST_F(ImageViewTest, OfAnyFormatGivesTheBitsOfAFile) {
  const at::Tensor rgb = some_pixels(3);
  const at::Tensor expected = of_file(rgb);
  expect_bits(view_of(rgb, PixelFormat::rgb8), expected);
  expect_bits(view_of(rgb.flip({2}).contiguous(), PixelFormat::bgr8), expected);
  const at::Tensor grey = some_pixels(1);
  expect_bits(view_of(grey, PixelFormat::grey8), of_file(grey.expand({-1, -1, 3})));
}

TEST_F(ImageViewTest, MayHaveGapsBetweenRowsAndRowsFromBelow) {
  const at::Tensor wide = some_pixels(3);
  const at::Tensor part = wide.slice(1, 5, 25);
  expect_bits(view_of(part, PixelFormat::rgb8), of_file(part));
  ImageView flipped = view_of(wide, PixelFormat::rgb8);
  flipped.data += (kHeight - 1) * flipped.row_bytes;
  flipped.row_bytes = -flipped.row_bytes;
  expect_bits(flipped, of_file(wide.flip({0})));
  ImageView dense = view_of(wide, PixelFormat::rgb8);
  dense.row_bytes = 0;
  expect_bits(dense, of_file(wide));
}

TEST_F(ImageViewTest, WithAlphaGivesTheBitsOfAFileInBothOrdersOfConvertingAndResizing) {
  const Path file = test_data("images/rgba.png");
  const DecodedImage image = decode_image(file);
  ASSERT_EQ(image.mode, PixelMode::alpha);
  const at::Tensor rgba = at::cat({image.rgb, image.alpha.unsqueeze(2)}, 2).contiguous();
  for (const bool first : {true, false}) {
    options.convert_before_resize = first;
    expect_bits(view_of(rgba, PixelFormat::rgba8), prepare_image(file, options));
  }
}

TEST_F(ImageViewTest, IsRefusedIfItCannotBeAnImage) {
  const at::Tensor rgb = some_pixels(3);
  const ImageView whole = view_of(rgb, PixelFormat::rgb8);
  const auto refused = [&](auto change, const char* why) {
    ImageView view = whole;
    change(view);
    EXPECT_THAT([&] { prepare_image(view, options); }, Fails(ErrorKind::data, HasSubstr(why)));
  };
  refused([](ImageView& view) { view.data = nullptr; }, "pointer is null");
  refused([](ImageView& view) { view.width = 0; }, "0 x 31 pixels");
  refused([](ImageView& view) { view.height = -1; }, "45 x -1 pixels");
  refused([](ImageView& view) { view.height = std::int64_t{1} << 40; }, "pixels; both sides");
  refused([](ImageView& view) { view.row_bytes = 3 * kWidth - 1; }, "134 bytes from row to row");
  refused([](ImageView& view) { view.row_bytes = -5; }, "-5 bytes from row to row");
  refused([](ImageView& view) { view.format = static_cast<PixelFormat>(9); }, "format without a name");
  options.reading.max_pixels = 100;
  refused([](ImageView&) {}, "more than 100 (image.max_pixels)");
}

}  // namespace
}  // namespace res2clip
