#include "res2clip/clip/archive.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "clip/tiny_backbone.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

std::string load_failure(const Path& path) {
  try {
    Backbone::load(path, {.device = "cpu"});
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    return error.what();
  }
  return "no error";
}

TEST(Archive, TheCardSaysWhatWasExported) {
  const auto backbone = testing::tiny_backbone({.image_size = 98, .form = {.vv_blocks = 7}});
  EXPECT_EQ(backbone.card().image_size, 98);
  EXPECT_EQ(backbone.card().encoder.vv_blocks, 7);
  EXPECT_EQ(backbone.card().sizes.embed_dim, 96);
  EXPECT_EQ(backbone.card().vision_heads(), 2);
  EXPECT_FALSE(backbone.card().origin.verified);
}

TEST(Archive, TheChecksumFollowsWhatDecidesTheFeatures) {
  const auto one = testing::tiny_backbone({.image_size = 70});
  EXPECT_EQ(one.checksum(), testing::tiny_backbone({.image_size = 98}).checksum());
  EXPECT_NE(one.checksum(), testing::tiny_backbone({.image_size = 70, .form = {.vv_blocks = 18}}).checksum());
  EXPECT_EQ(one.checksum().size(), 64u);
}

TEST(Archive, TheSameWeightsGiveTheSameBytes) {
  const TemporaryFolder folder;
  const auto weights = testing::tiny_weights();
  export_backbone(weights, {.image_size = 70}, folder / "one.pt");
  export_backbone(weights, {.image_size = 70}, folder / "two.pt");
  EXPECT_TRUE(read_file(folder / "one.pt") == read_file(folder / "two.pt"));
}

// A limit on the size of files stands in for a full disk.
TEST(Archive, AFullDiskIsARuntimeErrorAndLeavesNoFile) {
  const TemporaryFolder folder;
  const auto weights = testing::tiny_weights();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{1 << 20, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  ErrorKind kind = ErrorKind::data;
  try {
    export_backbone(weights, {.image_size = 70}, folder / "x.pt");
  } catch (const Error& error) {
    kind = error.kind();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(kind, ErrorKind::runtime);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Archive, OptionsThatDoNotFitAreSettingsErrors) {
  const TemporaryFolder folder;
  const auto weights = testing::tiny_weights();
  EXPECT_THROW(export_backbone(weights, {.image_size = 71}, folder / "x.pt"), Error);
  EXPECT_THROW(export_backbone(weights, {.image_size = 70, .form = {.vv_blocks = 25}}, folder / "x.pt"),
               Error);
  EXPECT_THROW(
      export_backbone(weights, {.image_size = 70, .form = {.patch_projection = false}}, folder / "x.pt"),
      Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Archive, ACutOrForeignFileIsADataErrorThatNamesIt) {
  const TemporaryFolder folder;
  export_backbone(testing::tiny_weights(), {.image_size = 70}, folder / "whole.pt");
  const std::string bytes = read_file(folder / "whole.pt");
  for (const double share : {0.0, 0.1, 0.5, 0.99}) {
    write_file(folder / "cut.pt",
               bytes.substr(0, static_cast<std::size_t>(share * static_cast<double>(bytes.size()))));
    EXPECT_THAT(load_failure(folder / "cut.pt"), HasSubstr("cut.pt"));
  }
  write_file(folder / "text.pt", "no archive at all");
  EXPECT_THAT(load_failure(folder / "text.pt"), HasSubstr("text.pt"));
  EXPECT_THAT(load_failure(folder / "missing.pt"), HasSubstr("no such file"));
  EXPECT_THAT(load_failure(folder.path()), HasSubstr("is a folder"));
}

TEST(Archive, AnyByteChangedInTheCardIsNoticed) {
  const TemporaryFolder folder;
  export_backbone(testing::tiny_weights(), {.image_size = 70}, folder / "whole.pt");
  std::string bytes = read_file(folder / "whole.pt");
  const auto at = bytes.find("\"vision_layers\"");
  ASSERT_NE(at, std::string::npos);
  for (const std::size_t place :
       {at + 3, bytes.find("\"vv_blocks\": ") + 13, bytes.find("\"vision_heads\": ") + 16}) {
    std::string changed = bytes;
    changed[place] = static_cast<char>(changed[place] ^ 1);
    write_file(folder / "changed.pt", changed);
    EXPECT_THAT(load_failure(folder / "changed.pt"), HasSubstr("changed.pt"));
  }
}

TEST(Archive, AnyByteChangedInATensorIsNoticed) {
  const TemporaryFolder folder;
  export_backbone(testing::tiny_weights(), {.image_size = 70}, folder / "whole.pt");
  const std::string bytes = read_file(folder / "whole.pt");
  for (const auto share : {0.2, 0.4, 0.6, 0.8}) {
    std::string changed = bytes;
    const auto place = static_cast<std::size_t>(share * static_cast<double>(bytes.size()));
    changed[place] = static_cast<char>(changed[place] ^ 1);
    write_file(folder / "changed.pt", changed);
    EXPECT_THAT(load_failure(folder / "changed.pt"), HasSubstr("changed.pt")) << share;
  }
}

TEST(Archive, PythonLoadsItAndGetsTheSameFeatures) {
  // Any Python with torch serves; RES2CLIP_PYTHON names one.
  const char* named = std::getenv("RES2CLIP_PYTHON");
  const std::string python = named != nullptr ? named : "python3";
  if (std::system((python + " -c 'import torch' > /dev/null 2>&1").c_str()) != 0)
    GTEST_SKIP() << python << " has no torch; name one that has with RES2CLIP_PYTHON";
  const TemporaryFolder folder;
  export_backbone(testing::tiny_weights(), {.image_size = 70}, folder / "tiny.pt");
  write_file(folder / "check.py",
             "import sys, torch\n"
             "model = torch.jit.load(sys.argv[1])\n"
             "images = torch.arange(2 * 3 * 70 * 70).reshape(2, 3, 70, 70).remainder(255) / 255.0\n"
             "cls, patches = model.encode_image(images, [6, 24])\n"
             "unit = lambda x: x / x.norm(dim=-1, keepdim=True)\n"
             "print(repr(float(unit(cls)[1, 5])), repr(float(unit(patches[1])[0, 7, 3])))\n");
  const std::string out = (folder / "out.txt").string();
  ASSERT_EQ(std::system((python + " " + (folder / "check.py").string() + " " + (folder / "tiny.pt").string() +
                         " > " + out)
                            .c_str()),
            0);
  std::ifstream stream(out);
  double global = 0, patch = 0;
  stream >> global >> patch;
  const auto images =
      at::arange(2 * 3 * 70 * 70).reshape({2, 3, 70, 70}).remainder(255).to(at::kFloat) / 255.0;
  const auto features =
      Backbone::load(folder / "tiny.pt", {.device = "cpu"}).encode(images, std::vector<int>{6, 24});
  EXPECT_NEAR(features.global[1][5].item<double>(), global, 3e-6);
  EXPECT_NEAR(features.patches.at(24)[0][7][3].item<double>(), patch, 3e-6);
}

}  // namespace
}  // namespace res2clip
