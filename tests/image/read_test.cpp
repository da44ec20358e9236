#include "res2clip/image/read.hpp"

#include <set>
#include <unistd.h>

#include <ATen/ATen.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/image/prepare.hpp"
#include "res2clip/torch_files/crc32.hpp"

#include "image_bytes.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::bytes_of;
using testing::from_hex;
using testing::message_of;
using testing::test_data;

/// What Pillow reads from one file of every kind; JPEG and lossy WebP included: both decode with the same
/// integers.
TEST(DecodeImage, EqualsPillowForEveryKindOfFile) {
  const auto goldens = testing::read_json(test_data("images/images.json"));
  for (const auto& golden : goldens["images"]) {
    const Path path = test_data("images") / golden["file"].get<std::string>();
    SCOPED_TRACE(path.filename().string());
    if (golden.value("refused", false)) {
      message_of(path);
      continue;
    }
    const DecodedImage image = decode_image(path);
    ASSERT_EQ(image.rgb.sizes(), at::IntArrayRef({golden["height"].get<std::int64_t>(),
                                                  golden["width"].get<std::int64_t>(), 3}));
    EXPECT_EQ(bytes_of(image.rgb), from_hex(golden["rgb"]));
    EXPECT_EQ(bytes_of(read_grey(path)), from_hex(golden["grey"]));
    const ImageSize size = image_size(path);
    EXPECT_EQ(size.width, golden["width"].get<std::int64_t>());
    EXPECT_EQ(size.height, golden["height"].get<std::int64_t>());
    const std::string mode = golden["mode"];
    EXPECT_EQ(image.mode == PixelMode::indexed, mode == "P" || mode == "1");
    EXPECT_EQ(image.mode == PixelMode::alpha, mode == "RGBA" || mode == "LA");
  }
}

void expect_decoded_bytes(const nlohmann::json& decoded, const Path& root) {
  ASSERT_FALSE(decoded.empty());
  for (const auto& golden : decoded) {
    const Path path = root / golden["path"].get<std::string>();
    SCOPED_TRACE(path.string());
    at::Tensor rgb = read_image(path);
    ASSERT_EQ(rgb.size(0), golden["height"].get<std::int64_t>());
    ASSERT_EQ(rgb.size(1), golden["width"].get<std::int64_t>());
    if (golden["mode"] == "L") rgb = rgb.select(2, 0);  // the golden numbers are those of the file's own mode
    EXPECT_EQ(rgb.sum().item<std::int64_t>(), golden["sum"].get<std::int64_t>());
    EXPECT_EQ(crc32(bytes_of(rgb)), golden["crc32"].get<std::uint32_t>());
  }
}

TEST(DecodeImage, GivesTheBytesOfTheReleasedRun) {
  expect_decoded_bytes(testing::read_json(test_data("generated/e2e.json"))["decoded"],
                       test_data("generated/images"));
}

TEST(DecodeImage, GivesTheBytesOfTheReleasedRunOnPhotographs) {
  const auto fixtures = testing::full_fixtures();
  if (!fixtures) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  expect_decoded_bytes(testing::read_json(*fixtures / "e2e_leather.json")["decoded"], *fixtures / "../data");
}

TEST(DecodeImage, TurnsImagesUprightOnlyWhereAsked) {
  const auto goldens = testing::read_json(test_data("images/images.json"));
  std::set<int> seen;
  for (const auto& golden : goldens["images"]) {
    if (!golden.contains("upright")) continue;
    SCOPED_TRACE(golden["file"].get<std::string>());
    const Path path = test_data("images") / golden["file"].get<std::string>();
    const DecodedImage as_stored = decode_image(path), upright = decode_image(path, {.exif_rotation = true});
    EXPECT_EQ(as_stored.orientation, golden["orientation"].get<int>());
    EXPECT_EQ(bytes_of(as_stored.rgb), from_hex(golden["rgb"]));
    EXPECT_EQ(bytes_of(upright.rgb), from_hex(golden["upright"]));
    EXPECT_EQ(upright.rgb.size(0), golden[upright.orientation >= 5 ? "width" : "height"].get<std::int64_t>());
    EXPECT_EQ(image_size(path, {.exif_rotation = true}).height, upright.rgb.size(0));
    seen.insert(upright.orientation);
  }
  EXPECT_EQ(seen, (std::set<int>{2, 3, 4, 5, 6, 7, 8}));
}

TEST(DecodeImage, MakesEightBitsOfMoreByTheRuleThatIsGiven) {
  const auto goldens = testing::read_json(test_data("images/images.json"))["wide"];
  ASSERT_GT(goldens.size(), 25u);
  for (const auto& golden : goldens) {
    const Path path = test_data("images") / golden["file"].get<std::string>();
    const std::string rule = golden["rule"];
    SCOPED_TRACE(path.filename().string() + " " + rule);
    const ReadOptions options{.wide = wide_samples(rule)};
    if (golden.contains("rgb"))
      EXPECT_EQ(bytes_of(decode_image(path, options).rgb), from_hex(golden["rgb"]));
    else
      EXPECT_NE(message_of(path, options).find("image.wide="), std::string::npos);
  }
}

TEST(DecodeImage, SaysWhatTheWideValuesReachAndWhatToSet) {
  const std::string message = message_of(test_data("images/mono12.tif"));
  EXPECT_NE(message.find("16-bit grey with values up to 3959;"), std::string::npos) << message;
  EXPECT_NE(message.find("divide:16"), std::string::npos) << message;
  const std::string colour = message_of(test_data("images/colour12.tif"));
  EXPECT_NE(colour.find("would look black"), std::string::npos) << colour;
}

TEST(ReadGrey, LosesNoAnomalousPixelOfAWideMask) {
  const at::Tensor mask = read_grey(test_data("images/mono12.tif"));
  EXPECT_GT(mask.min().item<int>(), 0);  // the smallest value of that file is above zero
  EXPECT_GT(read_grey(test_data("images/colour12.tif")).min().item<int>(), 0);
}

TEST(DecodeImage, TellsOfFurtherFramesAndPages) {
  for (const char* name : {"pages.tif", "animated.gif", "animated.webp", "animated.png"})
    EXPECT_TRUE(decode_image(test_data("images") / name).more_frames) << name;
  for (const char* name : {"grey.tif", "palette.gif", "lossy.webp", "rgb.png", "bare_screen.gif"})
    EXPECT_FALSE(decode_image(test_data("images") / name).more_frames) << name;
}

TEST(DecodeImage, OfBytesEqualsThatOfTheFile) {
  const Path path = test_data("images/rgb.png");
  const std::string bytes = read_image_file(path);
  EXPECT_EQ(bytes, read_file(path));
  EXPECT_TRUE(at::equal(decode_image(bytes, "some name").rgb, decode_image(path).rgb));
  EXPECT_EQ(image_fault(bytes, "some name"), "");
  EXPECT_EQ(image_fault(bytes.substr(0, 60), "some name"), "some name: is truncated");
}

TEST(PrepareImage, InTheFilesOwnModeEqualsPillowForEveryKindOfFile) {
  const auto goldens = testing::read_json(test_data("images/images.json"));
  for (const auto& golden : goldens["images"]) {
    if (!golden.contains("own_mode_7")) continue;
    SCOPED_TRACE(golden["file"].get<std::string>());
    const std::string bytes = from_hex(golden["own_mode_7"]);
    at::Tensor expected = at::empty({7, 7, 3}, at::kByte);
    std::copy(bytes.begin(), bytes.end(), static_cast<char*>(expected.data_ptr()));
    const at::Tensor actual = prepare_image(test_data("images") / golden["file"].get<std::string>(),
                                            {.size = 7, .convert_before_resize = false});
    EXPECT_TENSORS_NEAR(actual, prepare_image(expected, {.size = 7}), 0.0);
  }
}

}  // namespace
}  // namespace res2clip
