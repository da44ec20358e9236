#include "res2clip/image/file_kinds.hpp"

#include <filesystem>
#include <map>

#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using std::string_literals::operator""s;
using testing::TemporaryFolder;
using testing::test_data;

std::string kind_of(std::string_view bytes) {
  const auto found = why_not_an_image(bytes);
  return found ? found->kind : "image";
}

TEST(ImageFormat, OfEveryStoredFileIsThatOfItsSuffix) {
  const std::map<std::string, ImageFormat> formats{{".png", ImageFormat::png},
                                                   {".jpg", ImageFormat::jpeg},
                                                   {".bmp", ImageFormat::bmp},
                                                   {".tif", ImageFormat::tiff},
                                                   {".webp", ImageFormat::webp}};
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test_data("images")))
    if (const auto found = formats.find(entry.path().extension().string()); found != formats.end()) {
      EXPECT_EQ(image_format(read_file(entry.path())), found->second) << entry.path();
      EXPECT_FALSE(why_not_an_image(entry.path())) << entry.path();
      ++seen;
    }
  EXPECT_GT(seen, 30);
}

TEST(ImageFormat, KnowsBigTiffAndBitmapsWithoutFileHeader) {
  EXPECT_EQ(image_format("II+\0\x08\0\0\0"s), ImageFormat::tiff);
  EXPECT_EQ(image_format("\x28\0\0\0\x10\0\0\0\x10\0\0\0\1\0\x18\0"s), ImageFormat::dib);
  EXPECT_EQ(image_format("P5 4 4 255\n"), ImageFormat::pnm);
  EXPECT_FALSE(image_format("P5x"));
  EXPECT_FALSE(image_format(""));
}

TEST(WhyNotAnImage, NamesWhatPeopleKeepUnderAnImagesName) {
  EXPECT_EQ(kind_of(""), "empty file");
  EXPECT_EQ(kind_of("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"),
            "Git LFS pointer");
  EXPECT_EQ(kind_of("\0\0\0\x18"
                    "ftypheic\0\0\0\0mif1heic"s),
            "HEIC");
  EXPECT_EQ(kind_of("\0\0\0\x18"
                    "ftypavif\0\0\0\0"s),
            "AVIF");
  EXPECT_EQ(kind_of("\0\0\0\x18"
                    "ftypisom\0\0\0\0"s),
            "video");
  EXPECT_EQ(kind_of("\n<!DOCTYPE html><html><head><title>404</title></head></html>"), "web page");
  EXPECT_EQ(kind_of("<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>"), "SVG");
  EXPECT_EQ(kind_of("not an image at all"), "text");
  EXPECT_EQ(kind_of("gr\xc3\xb6\xc3\x9f"
                    "er als 1\n"),
            "text");
  EXPECT_EQ(kind_of(std::string(1000, '\xff')), "unknown format");
  EXPECT_EQ(kind_of("\x89PNG\n\x1a\n\0\0\0\rIHDR"s), "damaged PNG");
  EXPECT_EQ(kind_of("\x89PNG\r\r\n\x1a\r\n\0\0\0"s), "damaged PNG");
  EXPECT_EQ(kind_of(std::string(5000, '\0')), "zeros");
  EXPECT_EQ(kind_of("\x93NUMPY\1\0"s), "a NumPy array");
  EXPECT_EQ(kind_of("\1\2\3\4\5"s), "unknown format");
}

TEST(WhyNotAnImage, OfAPathSeesLinksFoldersAndDevices) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("/nowhere/cache/ab", folder / "gone.png");
  EXPECT_EQ(why_not_an_image(folder / "gone.png")->kind, "dangling link");
  EXPECT_NE(why_not_an_image(folder / "gone.png")->reason.find("/nowhere/cache/ab"), std::string::npos);
  EXPECT_EQ(why_not_an_image(folder.path())->kind, "subfolder");
  EXPECT_EQ(why_not_an_image(Path("/dev/zero"))->kind, "device");
  EXPECT_EQ(why_not_an_image(folder / "absent.png")->kind, "unreadable");
  EXPECT_NE(why_not_an_image(folder / "absent.png")->reason.find("No such file"), std::string::npos);
}

TEST(WhyLeftOut, GoesByNameAndType) {
  const TemporaryFolder folder;
  for (const char* name :
       {"a.PNG", "b.jfif", "d.txt", "e.HEIC", "noext", "Thumbs.db", ".DS_Store", "._a.png"})
    write_file(folder / name, "x");
  std::filesystem::create_directory(folder / "below");
  std::filesystem::create_symlink("/nowhere", folder / "gone.png");
  std::map<std::string, std::string> kinds;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    if (const auto found = why_left_out(entry.path())) kinds[entry.path().filename().string()] = found->kind;
  EXPECT_EQ(kinds, (std::map<std::string, std::string>{{"d.txt", "suffix .txt"},
                                                       {"e.HEIC", "suffix .heic"},
                                                       {"noext", "no suffix"},
                                                       {"below", "subfolder"},
                                                       {"gone.png", "dangling link"}}));
}

}  // namespace
}  // namespace res2clip
