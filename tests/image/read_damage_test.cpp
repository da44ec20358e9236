// Files that are damaged, hostile, or no images at all.
#include <filesystem>

#include "res2clip/core/files.hpp"
#include "res2clip/image/read.hpp"

#include "image_bytes.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::be32;
using testing::bytes_of;
using testing::decoding_fault;
using testing::message_of;
using testing::png_chunk;
using testing::TemporaryFolder;
using testing::test_data;

TEST(DecodeImage, SaysWhyAFileIsNoImage) {
  const TemporaryFolder folder;
  EXPECT_NE(message_of(folder / "absent.png").find("No such file"), std::string::npos);
  EXPECT_NE(message_of(folder.path()).find("folder"), std::string::npos);
  write_file(folder / "empty.png", "");
  EXPECT_NE(message_of(folder / "empty.png").find("is empty"), std::string::npos);
  write_file(folder / "text.png", "not an image at all");
  EXPECT_NE(message_of(folder / "text.png").find("is text, not an image"), std::string::npos);
}

TEST(DecodeImage, NeverAcceptsATruncatedFile) {
  for (const std::string name :
       {"rgb.png",        "palette.png",   "rgb.jpg",   "progressive.jpg", "grey.jpg", "rgb.bmp",
        "palette.bmp",    "os2.bmp",       "rle8.bmp",  "rgb.tif",         "lzw.tif",  "lossless.webp",
        "lossy.webp",     "animated.webp", "tiled.tif", "big.tif",         "rgb.ppm",  "palette.gif",
        "interlaced.gif", "rgb.jp2",       "grey.j2k"}) {
    const std::string whole = read_file(test_data("images/" + name));
    SCOPED_TRACE(name);
    for (const std::size_t size :
         {whole.size() - 2, whole.size() / 2, std::size_t{30}, std::size_t{9}, std::size_t{3}}) {
      const bool spare = name.ends_with(".tif") || name.starts_with("rle");
      if (spare && size + 2 == whole.size()) continue;  // its last bytes belong to no pixel
      EXPECT_NE(decoding_fault(whole.substr(0, size), name), "") << size;
    }
  }
}

TEST(DecodeImage, SurvivesEveryFlippedByte) {
  for (const std::string name :
       {"rgb.png", "rgb.jpg", "palette.bmp", "rle8.bmp", "lzw.tif", "tiled.tif", "jpeg.tif", "lossless.webp",
        "animated.webp", "palette.gif", "hundred.ppm", "rgb.jp2"}) {
    const std::string whole = read_file(test_data("images/" + name));
    for (std::size_t i = 0; i < whole.size(); i += 3) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ 0xFF);
      try {
        EXPECT_TRUE(decode_image(damaged, name).rgb.defined());  // a changed pixel is still an image
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
  EXPECT_NE(message_of(folder / "bomb.png").find("image.max_pixels"), std::string::npos);
}

TEST(DecodeImage, TakesAsManyPixelsAsTheSettingAllows) {
  const Path path = test_data("images/rgb.png");  // 12 x 9
  EXPECT_NE(message_of(path, {.max_pixels = 107}).find("more than the 107"), std::string::npos);
  EXPECT_NO_THROW(decode_image(path, {.max_pixels = 108}));
  EXPECT_NO_THROW(decode_image(path, {.max_pixels = 0}));
}

TEST(DecodeImage, RejectsDamagedPixelsThatADecoderWouldFill) {
  std::string lzw = read_file(test_data("images/lzw.tif"));
  for (std::size_t i = 40; i < 60; ++i) lzw[i] = '\xff';
  EXPECT_NE(decoding_fault(lzw, "lzw.tif").find("lzw.tif: is "), std::string::npos);
  std::string jpeg = read_file(test_data("images/rgb.jpg"));
  for (std::size_t i = jpeg.size() - 60; i < jpeg.size() - 40; ++i) jpeg[i] = '\xfe';
  EXPECT_NE(decoding_fault(jpeg, "rgb.jpg").find("is damaged"), std::string::npos)
      << decoding_fault(jpeg, "rgb.jpg");
}

TEST(DecodeImage, TellsOfStrayBytesInAJpeg) {
  std::string jpeg = read_file(test_data("images/rgb.jpg"));
  jpeg.insert(jpeg.size() - 2, std::string(40, 'x'));  // of which the decoder looks at a few
  EXPECT_NE(decode_image(jpeg, "stray.jpg").doubt.find("extraneous bytes"), std::string::npos);
  EXPECT_EQ(decode_image(test_data("images/rgb.jpg")).doubt, "");
}

TEST(DecodeImage, TellsOfScansThatAProgressiveJpegLacks) {
  const std::string whole = read_file(test_data("images/progressive.jpg"));
  EXPECT_EQ(decode_image(whole, "whole.jpg").doubt, "");
  const std::size_t second = whole.find("\xff\xda", whole.find("\xff\xda") + 2);
  const std::string cut = whole.substr(0, second) + "\xff\xd9";
  EXPECT_NE(decode_image(cut, "cut.jpg").doubt.find("last scans are missing"), std::string::npos);
}

TEST(DecodeImage, NamesTheKindsOfJpegThatAreNotRead) {
  std::string jpeg = read_file(test_data("images/grey.jpg"));
  const std::size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  jpeg[frame + 1] = '\xc3';
  EXPECT_NE(decoding_fault(jpeg, "l.jpg").find("is a lossless or hierarchical JPEG"), std::string::npos);
  jpeg[frame + 1] = '\xf7';
  EXPECT_NE(decoding_fault(jpeg, "ls.jpg").find("is a JPEG-LS image"), std::string::npos);
}

TEST(DecodeImage, NamesTheCompressionOfATiffThatIsNotRead) {
  std::string tiff = read_file(test_data("images/lzw.tif"));
  // The directory's entry: tag 259, type SHORT, one value; of LZW, 5, becomes JPEG 2000's.
  const std::size_t entry = tiff.find(std::string("\x03\x01\x03\0\x01\0\0\0\x05\0", 10));
  ASSERT_NE(entry, std::string::npos);
  tiff.replace(entry + 8, 2, "\x98\x87");
  EXPECT_NE(
      decoding_fault(tiff, "a.tif").find("is a TIFF with compression JPEG 2000, which is not supported"),
      std::string::npos)
      << decoding_fault(tiff, "a.tif");
}

/// 1 x 2 pixels of 24 bits, whose rows are filled up to four bytes.
std::string small_bmp() {
  std::string bmp = read_file(test_data("images/rgb.bmp")).substr(0, 54);
  const std::string pixels("\1\2\3\0\4\5\6\0", 8);
  bmp.replace(18, 8, std::string("\1\0\0\0\2\0\0\0", 8));
  return bmp + pixels;
}

TEST(DecodeImage, ReadsABmpWithoutTheFillingOfItsLastRow) {
  const std::string whole = small_bmp();
  const std::string pixels = bytes_of(decode_image(whole, "a.bmp").rgb);
  EXPECT_EQ(pixels, "\6\5\4\3\2\1");
  EXPECT_EQ(bytes_of(decode_image(whole.substr(0, whole.size() - 1), "b.bmp").rgb), pixels);
  EXPECT_NE(decoding_fault(whole.substr(0, whole.size() - 2), "c.bmp").find("is truncated"),
            std::string::npos);
}

TEST(DecodeImage, DropsTheBitOfOpacityOfABmpOf16Bits) {
  // Masks of 5 bits each and one of opacity, in a header of 56 bytes; one pixel, red and opaque.
  std::string bmp = read_file(test_data("images/rgb.bmp")).substr(0, 54);
  bmp[10] = 70;
  bmp[14] = 56;
  bmp.replace(18, 8, std::string("\1\0\0\0\1\0\0\0", 8));
  bmp[28] = 16;
  bmp[30] = 3;
  bmp += std::string("\0\x7c\0\0\xe0\x03\0\0\x1f\0\0\0\0\x80\0\0", 16) + std::string("\0\xfc\0\0", 4);
  const DecodedImage image = decode_image(bmp, "a.bmp");
  EXPECT_EQ(bytes_of(image.rgb), std::string("\xff\0\0", 3));
  EXPECT_EQ(image.mode, PixelMode::direct);
}

// int(round(value / 1000 * 255)) of 0, 499, 500, 502, 1000 and 3, as Pillow does it for colours.
TEST(DecodeImage, RoundsWidePnmColoursAsPillow) {
  const std::string ppm = "P3 2 1 1000 0 499 500 502 1000 3";
  EXPECT_EQ(bytes_of(decode_image(ppm, "a.ppm").rgb), std::string("\0\x7f\x80\x80\xff\1", 6));
}

TEST(DecodeImage, RejectsAJpegOfHundredsOfScans) {
  const std::string whole = read_file(test_data("images/progressive.jpg"));
  const std::size_t last = whole.rfind("\xff\xda");
  std::string many = whole.substr(0, last);
  for (int i = 0; i < 500; ++i) many += whole.substr(last, whole.size() - 2 - last);
  EXPECT_NE(decoding_fault(many + "\xff\xd9", "many.jpg").find("scans"), std::string::npos);
}

TEST(DecodeImage, LooksAtTheSignatureBeforeItReadsOn) {
  const TemporaryFolder folder;
  write_file(folder / "zeros.png", "");
  std::filesystem::resize_file(folder / "zeros.png", std::uintmax_t{6} << 30);  // takes no room on disk
  EXPECT_NE(message_of(folder / "zeros.png").find("nothing but zeros"), std::string::npos);
  EXPECT_NE(message_of("/dev/zero").find("zeros"), std::string::npos);
  write_file(folder / "large.png", "\x89PNG\r\n\x1a\n");
  std::filesystem::resize_file(folder / "large.png", std::uintmax_t{6} << 30);
  EXPECT_NE(message_of(folder / "large.png").find("larger than 2 GB"), std::string::npos);
}

TEST(DecodeImage, NamesWhatPeopleKeepUnderAnImagesName) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("/nowhere/cache", folder / "gone.png");
  EXPECT_NE(message_of(folder / "gone.png").find("/nowhere/cache, which does not exist"), std::string::npos);
  write_file(folder / "pointer.png", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n");
  EXPECT_NE(message_of(folder / "pointer.png").find("git lfs pull"), std::string::npos);
}

TEST(DecodeImage, PrintsNothing) {
  const TemporaryFolder folder;
  std::string damaged = read_file(test_data("images/rgb.png"));
  damaged[60] = static_cast<char>(damaged[60] ^ 1);
  write_file(folder / "damaged.png", damaged);
  ::testing::internal::CaptureStderr();
  message_of(folder / "damaged.png");
  message_of(test_data("images/float.tif"));
  for (const char* name : {"rgb.jpg", "lzw.tif", "jpeg.tif", "rgb.jp2", "palette.gif", "lossy.webp"}) {
    std::string bytes = read_file(test_data("images") / name);
    for (std::size_t i = bytes.size() / 2; i < bytes.size(); i += 5)
      bytes[i] = static_cast<char>(bytes[i] ^ 0x55);
    decoding_fault(bytes, name);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(ImageFault, OfATruncatedFileIsFoundHoweverItIsLookedFor) {
  for (const char* name : {"rgb.png", "rgb.jpg", "progressive.jpg", "lzw.tif", "lossy.webp", "palette.bmp"}) {
    const std::string whole = read_file(test_data("images") / name);
    EXPECT_EQ(image_fault(whole, name), "");
    EXPECT_NE(image_fault(whole.substr(0, whole.size() / 2), name), "") << name;
  }
}

TEST(RequireWholeImages, NamesEveryFileThatIsNone) {
  const TemporaryFolder folder;
  const Path whole = test_data("images/rgb.png");
  write_file(folder / "cut.png", read_file(whole).substr(0, 60));
  write_file(folder / "empty.jpg", "");
  EXPECT_NO_THROW(require_whole_images(std::vector{whole, whole}));
  try {
    require_whole_images(
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

TEST(RequireWholeImages, NamesTenFilesAtMost) {
  const TemporaryFolder folder;
  std::vector<Path> absent;
  for (int i = 0; i < 13; ++i) absent.push_back(folder / ("x" + std::to_string(i) + ".png"));
  try {
    require_whole_images(absent);
    FAIL() << "no error";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("x9.png"), std::string::npos) << message;
    EXPECT_EQ(message.find("x10.png"), std::string::npos) << message;
    EXPECT_NE(message.find("and 3 more"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace res2clip
