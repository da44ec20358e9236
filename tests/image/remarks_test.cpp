#include "res2clip/image/remarks.hpp"

#include <gmock/gmock.h>

#include "res2clip/image/prepare.hpp"

#include "support/goldens.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::test_data;

std::vector<std::string> lines_of(const std::vector<const char*>& names, const ReadOptions& options = {}) {
  ImageRemarks remarks;
  for (const char* name : names) remarks.add(name, decode_image(test_data("images") / name, options));
  return remarks.lines(options);
}

TEST(ImageRemarks, SayNothingOfPlainImages) {
  EXPECT_THAT(lines_of({}), IsEmpty());
  EXPECT_THAT(lines_of({"rgb.png", "grey.jpg", "rgb.tif"}), IsEmpty());
}

TEST(ImageRemarks, CountOrientationsThatDiffer) {
  EXPECT_THAT(lines_of({"exif3.jpg", "rgb.jpg", "exif8.jpg"}),
              ElementsAre(AllOf(HasSubstr("2 of 3 images are stored turned (exif3.jpg, exif8.jpg)"),
                                HasSubstr("image.exif_rotation"))));
  EXPECT_THAT(lines_of({"exif3.jpg", "rgb.jpg"}, {.exif_rotation = true}), IsEmpty());
  EXPECT_THAT(lines_of({"exif8.jpg", "exif8.jpg"}), IsEmpty());
}

TEST(ImageRemarks, CountFilesOfSeveralFrames) {
  EXPECT_THAT(lines_of({"pages.tif", "rgb.jpg"}),
              ElementsAre("1 image with several frames or pages (pages.tif): only the first was read"));
  EXPECT_THAT(lines_of({"pages.tif", "animated.gif", "animated.png", "animated.webp"}),
              ElementsAre(AllOf(HasSubstr("4 images"), HasSubstr("animated.png, ..."))));
}

TEST(ImageRemarks, TellOfARangeThatMostValuesExceed) {
  EXPECT_THAT(lines_of({"mono12.png"}, {.wide = wide_samples("range:0:1")}),
              ElementsAre(AllOf(HasSubstr("mono12.png"), HasSubstr("above image.wide=range:0:1"))));
  EXPECT_THAT(lines_of({"mono12.png"}, {.wide = wide_samples("range:0:4095")}), IsEmpty());
}

TEST(ImageRemarks, AreCollectedWhileABatchIsPrepared) {
  ImageRemarks remarks;
  prepare_images(std::vector<Path>{test_data("images/pages.tif"), test_data("images/rgb.png")}, {.size = 14},
                 &remarks);
  EXPECT_EQ(remarks.lines({}).size(), 1u);
}

}  // namespace
}  // namespace res2clip
