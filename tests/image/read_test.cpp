#include "res2clip/image/read.hpp"

#include <unistd.h>

#include <ATen/ATen.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/prepare.hpp"
#include "res2clip/torch_files/crc32.hpp"

#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::TemporaryFolder;
using testing::test_data;

std::string bytes_of(const at::Tensor& tensor) {
  const at::Tensor whole = tensor.contiguous();
  return {static_cast<const char*>(whole.data_ptr()), static_cast<std::size_t>(whole.numel())};
}

std::string from_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2)
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string message_of(const Path& path, const ReadOptions& options = {}) {
  try {
    decode_image(path, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
    return error.what();
  }
  ADD_FAILURE() << path << " was read";
  return {};
}

/// Big-endian 32 bits.
std::string be32(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string png_chunk(const std::string& name, const std::string& data) {
  return be32(static_cast<std::uint32_t>(data.size())) + name + data + be32(crc32(name + data));
}

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

TEST(DecodeImage, SaysWhyAFileIsNoImage) {
  const TemporaryFolder folder;
  EXPECT_NE(message_of(folder / "absent.png").find("No such file"), std::string::npos);
  EXPECT_NE(message_of(folder.path()).find("folder"), std::string::npos);
  write_file(folder / "empty.png", "");
  EXPECT_NE(message_of(folder / "empty.png").find("is empty"), std::string::npos);
  write_file(folder / "text.png", "not an image at all");
  EXPECT_NE(message_of(folder / "text.png").find("format"), std::string::npos);
}

TEST(DecodeImage, NeverAcceptsATruncatedFile) {
  const TemporaryFolder folder;
  for (const std::string name :
       {"rgb.png", "palette.png", "rgb.jpg", "progressive.jpg", "grey.jpg", "rgb.bmp", "palette.bmp",
        "rgb.tif", "lzw.tif", "lossless.webp", "lossy.webp"}) {
    const std::string whole = read_file(test_data("images/" + name));
    SCOPED_TRACE(name);
    for (const std::size_t size :
         {whole.size() - 2, whole.size() / 2, std::size_t{30}, std::size_t{9}, std::size_t{3}}) {
      if (name.ends_with(".tif") && size + 2 == whole.size()) continue;  // its last bytes belong to no pixel
      write_file(folder / name, whole.substr(0, size));
      message_of(folder / name);
    }
  }
}

TEST(DecodeImage, SurvivesEveryFlippedByte) {
  const TemporaryFolder folder;
  for (const std::string name : {"rgb.png", "rgb.jpg", "palette.bmp", "lzw.tif", "lossless.webp"}) {
    const std::string whole = read_file(test_data("images/" + name));
    for (std::size_t i = 0; i < whole.size(); i += 3) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ 0xFF);
      write_file(folder / name, damaged);
      try {
        EXPECT_TRUE(decode_image(folder / name).rgb.defined());  // a changed pixel is still a picture
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::data);
      }
    }
  }
}

TEST(DecodeImage, RefusesAnImageTooLargeBeforeDecodingIt) {
  const TemporaryFolder folder;
  const std::string header = be32(200'000) + be32(100'000) + std::string("\x08\x02\0\0\0", 5);
  write_file(folder / "bomb.png", "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + png_chunk("IDAT", "x") +
                                      png_chunk("IEND", ""));
  EXPECT_NE(message_of(folder / "bomb.png").find("178956970"), std::string::npos);
}

TEST(DecodeImage, PrintsNothing) {
  const TemporaryFolder folder;
  std::string damaged = read_file(test_data("images/rgb.png"));
  damaged[60] = static_cast<char>(damaged[60] ^ 1);
  write_file(folder / "damaged.png", damaged);
  ::testing::internal::CaptureStderr();
  message_of(folder / "damaged.png");
  message_of(test_data("images/float.tif"));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(ExpectWholeImages, NamesEveryFileThatIsNone) {
  const TemporaryFolder folder;
  const Path whole = test_data("images/rgb.png");
  write_file(folder / "cut.png", read_file(whole).substr(0, 60));
  write_file(folder / "empty.jpg", "");
  EXPECT_NO_THROW(expect_whole_images(std::vector{whole, whole}));
  try {
    expect_whole_images(
        std::vector<Path>{folder / "cut.png", whole, folder / "empty.jpg", folder / "absent.png"});
    FAIL() << "no error";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.kind(), ErrorKind::data);
    for (const char* part : {"3 images", "cut.png: is truncated", "empty.jpg: is empty", "absent.png"})
      EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

TEST(ExpectWholeImages, NamesTenFilesAtMost) {
  const TemporaryFolder folder;
  std::vector<Path> absent;
  for (int i = 0; i < 13; ++i) absent.push_back(folder / ("x" + std::to_string(i) + ".png"));
  try {
    expect_whole_images(absent);
    FAIL() << "no error";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("x9.png"), std::string::npos) << message;
    EXPECT_EQ(message.find("x10.png"), std::string::npos) << message;
    EXPECT_NE(message.find("and 3 more"), std::string::npos) << message;
  }
}

TEST(PrepareImage, InTheFilesOwnModeEqualsPillowForEveryKindOfFile) {
  const auto goldens = testing::read_json(test_data("images/images.json"));
  for (const auto& golden : goldens["images"]) {
    if (golden.value("refused", false)) continue;
    SCOPED_TRACE(golden["file"].get<std::string>());
    const std::string bytes = from_hex(golden["own_mode_7"]);
    at::Tensor expected = at::empty({7, 7, 3}, at::kByte);
    std::copy(bytes.begin(), bytes.end(), static_cast<char*>(expected.data_ptr()));
    const at::Tensor actual = prepare_image(test_data("images") / golden["file"].get<std::string>(),
                                            {.size = 7, .convert_before_resize = false});
    EXPECT_TENSORS_NEAR(actual, prepare_image(expected, 7), 0.0);
  }
}

}  // namespace
}  // namespace res2clip
