#include "res2clip/image/read_options.hpp"

#include "res2clip/core/error.hpp"
#include "res2clip/image/prepare.hpp"
#include "res2clip/settings/settings.hpp"

#include "support/goldens.hpp"

namespace res2clip {
namespace {

TEST(WideSamples, AreReadBackAsTheyWereWritten) {
  for (const char* text :
       {"refuse", "high_byte", "divide:16", "divide:257", "range:0:4095", "range:100:65535"})
    EXPECT_EQ(text_of(wide_samples(text)), text);
}

TEST(WideSamples, OfAnyOtherTextAreASettingsErrorThatListsTheChoices) {
  for (const char* text : {"", "auto", "divide", "divide:0", "divide:258", "divide:16x", "range:0",
                           "range:5:5", "range:9:3", "range:0:65536", "range:-1:5", "high_byte "})
    try {
      wide_samples(text);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::settings);
      EXPECT_NE(std::string(error.what()).find("image.wide"), std::string::npos) << error.what();
    }
}

TEST(ReadOptions, StandBesideTheOtherSettingsOfImages) {
  ImageOptions options;
  SettingsLayer::from_text("wide: divide:16\nexif_rotation: true\nmax_pixels: 0\n", "test").apply(options);
  EXPECT_EQ(text_of(options.reading.wide), "divide:16");
  EXPECT_TRUE(options.reading.exif_rotation);
  EXPECT_EQ(options.reading.max_pixels, 0);
  EXPECT_NE(settings_yaml(options).find("wide: \"divide:16\""), std::string::npos) << settings_yaml(options);
  EXPECT_THROW(SettingsLayer::from_text("wide: some", "test").apply(options), Error);
}

TEST(ReadingIdentity, NamesWhatDecidesAboutPixels) {
  EXPECT_TRUE(reading_identity({}).empty());
  EXPECT_TRUE(reading_identity({.max_pixels = 5}).empty());
  EXPECT_EQ(
      reading_identity({.wide = wide_samples("range:0:4095"), .exif_rotation = true}),
      (std::map<std::string, std::string>{{"image.wide", "range:0:4095"}, {"image.exif_rotation", "true"}}));
}

}  // namespace
}  // namespace res2clip
