#include "res2clip/c.h"

#include <cmath>
#include <cstring>
#include <filesystem>

#include <gtest/gtest.h>

#include "res2clip/core/files.hpp"
#include "res2clip/core/version.hpp"
#include "res2clip/pipeline/product.hpp"

#include "clip/tiny_backbone.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using namespace testing;
using ::testing::HasSubstr;

/// Pixels of images in memory, made by a formula.
std::vector<std::uint8_t> pixels_of(int seed, int width, int height) {
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < width * height * 3; ++i)
    pixels.push_back(static_cast<std::uint8_t>((i * 7 + i / (3 * width) * 31 * seed + seed * 17) % 251));
  return pixels;
}

/// The tiny CLIP behind the C interface, and six images.
class CTest : public ::testing::Test {
 protected:
  CTest() {
    export_backbone(tiny_weights(), {.image_size = 70}, folder / "tiny.pt");
    archive = (folder / "tiny.pt").string();
    EXPECT_EQ(load(kSettings), RES2CLIP_DONE) << error;
    for (int i = 0; i < 6; ++i) frames.push_back(pixels_of(i, 60, 50));
    for (const auto& frame : frames) images.push_back({frame.data(), 60, 50, 0, RES2CLIP_RGB8});
  }
  ~CTest() override {
    res2clip_product_free(product);
    res2clip_bank_free(bank);
    res2clip_pipeline_free(pipeline);
  }

  int load(const char* settings) {
    return res2clip_pipeline_load(archive.c_str(), settings, nullptr, &pipeline, error, sizeof error);
  }
  int remember(std::size_t count) {
    return res2clip_bank_of_images(pipeline, images.data(), nullptr, count, &bank, error, sizeof error);
  }
  int set_up(const double* threshold = nullptr) {
    return res2clip_product_new(pipeline, bank, threshold, &product, error, sizeof error);
  }

  static constexpr const char* kSettings = "compute: {device: cpu}";
  TemporaryFolder folder;
  std::string archive;
  std::vector<std::vector<std::uint8_t>> frames;
  std::vector<res2clip_image> images;
  res2clip_pipeline* pipeline = nullptr;
  res2clip_bank* bank = nullptr;
  res2clip_product* product = nullptr;
  char error[1024] = "never written";
};

TEST_F(CTest, GivesWhatTheLibraryGives) {
  ASSERT_EQ(remember(6), RES2CLIP_DONE) << error;
  EXPECT_STREQ(error, "");
  EXPECT_EQ(res2clip_bank_images(bank), 6);
  EXPECT_EQ(res2clip_pipeline_image_size(pipeline), 70);
  ASSERT_EQ(res2clip_bank_calibrate(pipeline, bank, 0.1, error, sizeof error), RES2CLIP_DONE) << error;
  ASSERT_EQ(set_up(), RES2CLIP_DONE) << error;

  Settings settings;
  settings.compute.device = "cpu";
  const Pipeline plain = Pipeline::load(archive, settings);
  std::vector<ImageView> views;
  for (const auto& frame : frames) views.push_back({frame.data(), 60, 50});
  const Product same(plain, plain.calibrated(plain.remember(views), 0.1));
  const auto other = pixels_of(9, 60, 50);
  const res2clip_image image{other.data(), 60, 50, 0, RES2CLIP_BGR8};
  const Finding expected = same.inspect(ImageView{other.data(), 60, 50, 0, PixelFormat::bgr8});

  res2clip_finding* finding = nullptr;
  ASSERT_EQ(res2clip_inspect(product, &image, &finding, error, sizeof error), RES2CLIP_DONE) << error;
  EXPECT_EQ(res2clip_finding_score(finding), expected.score);
  EXPECT_EQ(res2clip_finding_text(finding), expected.text);
  EXPECT_EQ(res2clip_finding_visual(finding), expected.visual);
  EXPECT_EQ(res2clip_finding_residual(finding), expected.residual);
  EXPECT_EQ(res2clip_finding_threshold(finding), *same.measure().threshold);
  EXPECT_STREQ(res2clip_finding_verdict(finding), name_of(expected.judgement->verdict));
  EXPECT_EQ(res2clip_finding_reason(finding), expected.judgement->reason);
  std::int64_t side = 0, box[4];
  const float* map = res2clip_finding_map(finding, &side);
  EXPECT_EQ(side, 70);
  EXPECT_EQ(std::memcmp(map, expected.map.const_data_ptr<float>(), sizeof(float) * 70 * 70), 0);
  std::int64_t rows = 0, columns = 0;
  EXPECT_EQ(res2clip_finding_any_map(finding, &rows, &columns), map);
  EXPECT_EQ(rows, 70);
  EXPECT_EQ(columns, 70);
  res2clip_finding_box(finding, box);
  EXPECT_EQ((Box{box[0], box[1], box[2], box[3]}), expected.region.box);
  res2clip_finding_free(finding);
}

TEST_F(CTest, GivesMapsOfTilesByRowsAndColumnsAlone) {
  Settings settings;
  settings.compute.device = "cpu";
  const Pipeline own = Pipeline::load(archive, settings);
  std::vector<ImageView> views;
  for (const auto& frame : frames) views.push_back({frame.data(), 60, 50});
  save_bank(own.remember(views, Tiling{{2, 1}, {50, 60}}), folder / "tiled.bank");
  const std::string file = (folder / "tiled.bank").string();
  ASSERT_EQ(res2clip_bank_open(pipeline, file.c_str(), &bank, error, sizeof error), RES2CLIP_DONE) << error;
  ASSERT_EQ(set_up(), RES2CLIP_DONE) << error;
  res2clip_finding* finding = nullptr;
  ASSERT_EQ(res2clip_inspect(product, &images[0], &finding, error, sizeof error), RES2CLIP_DONE) << error;
  const Detection expected = own.detect(views[0], own.open_bank(folder / "tiled.bank"));
  std::int64_t side = 1, rows = 0, columns = 0;
  EXPECT_EQ(res2clip_finding_map(finding, &side), nullptr);
  EXPECT_EQ(side, 0);
  const float* map = res2clip_finding_any_map(finding, &rows, &columns);
  ASSERT_EQ(rows, 70 + 52);
  ASSERT_EQ(columns, 70);
  EXPECT_EQ(std::memcmp(map, expected.map.const_data_ptr<float>(), sizeof(float) * 122 * 70), 0);
  res2clip_finding_free(finding);
}

TEST_F(CTest, ABankIsKeptInAFile) {
  ASSERT_EQ(remember(2), RES2CLIP_DONE) << error;
  const std::string file = (folder / "part.bank").string();
  ASSERT_EQ(res2clip_bank_save(bank, file.c_str(), error, sizeof error), RES2CLIP_DONE) << error;
  res2clip_bank* opened = nullptr;
  ASSERT_EQ(res2clip_bank_open(pipeline, file.c_str(), &opened, error, sizeof error), RES2CLIP_DONE) << error;
  EXPECT_EQ(res2clip_bank_images(opened), 2);
  res2clip_bank_free(opened);
  opened = nullptr;
  std::filesystem::resize_file(file, 1000);
  EXPECT_EQ(res2clip_bank_open(pipeline, file.c_str(), &opened, error, sizeof error), RES2CLIP_BAD_DATA);
  EXPECT_THAT(error, HasSubstr("part.bank"));
  EXPECT_EQ(opened, nullptr);
}

TEST_F(CTest, FilesAndImagesInMemoryAreOne) {
  const Path weave = test_data("generated/images/weave/train/good");
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(weave)) paths.push_back(entry.path().string());
  const char* path = paths[0].c_str();
  ASSERT_EQ(res2clip_bank_of_files(pipeline, &path, 1, &bank, error, sizeof error), RES2CLIP_DONE) << error;
  const double threshold = -1;
  ASSERT_EQ(set_up(&threshold), RES2CLIP_DONE) << error;
  res2clip_finding* finding = nullptr;
  ASSERT_EQ(res2clip_inspect_file(product, path, &finding, error, sizeof error), RES2CLIP_DONE) << error;
  EXPECT_EQ(res2clip_finding_threshold(finding), -1);
  EXPECT_STREQ(res2clip_finding_verdict(finding), "anomalous");
  res2clip_finding_free(finding);
  finding = nullptr;
  EXPECT_EQ(res2clip_inspect_file(product, "absent.png", &finding, error, sizeof error), RES2CLIP_BAD_DATA);
  EXPECT_THAT(error, HasSubstr("absent.png: cannot be opened: No such file or directory"));
  EXPECT_EQ(finding, nullptr);
}

TEST_F(CTest, WithoutAThresholdThereIsNoVerdict) {
  ASSERT_EQ(remember(1), RES2CLIP_DONE) << error;
  EXPECT_EQ(res2clip_bank_calibrate(pipeline, bank, 0.05, error, sizeof error), RES2CLIP_WRONG_USE);
  EXPECT_THAT(error, HasSubstr("a bank of 1 images cannot be calibrated; it takes 4 or more"));
  ASSERT_EQ(set_up(), RES2CLIP_DONE) << error;
  res2clip_finding* finding = nullptr;
  ASSERT_EQ(res2clip_inspect(product, &images[1], &finding, error, sizeof error), RES2CLIP_DONE) << error;
  EXPECT_TRUE(std::isnan(res2clip_finding_threshold(finding)));
  EXPECT_STREQ(res2clip_finding_verdict(finding), "");
  res2clip_finding_free(finding);
}

TEST_F(CTest, ACalibrationOfOtherSettingsIsRefused) {
  ASSERT_EQ(remember(6), RES2CLIP_DONE) << error;
  ASSERT_EQ(res2clip_bank_calibrate(pipeline, bank, 0.05, error, sizeof error), RES2CLIP_DONE) << error;
  res2clip_pipeline_free(pipeline);
  pipeline = nullptr;
  ASSERT_EQ(load("{compute: {device: cpu}, retrieval: {gamma: 0.5}}"), RES2CLIP_DONE) << error;
  EXPECT_EQ(set_up(), RES2CLIP_BAD_DATA);
  EXPECT_THAT(error, HasSubstr("the bank was calibrated with other settings (retrieval)"));
  const double threshold = 1;
  EXPECT_EQ(set_up(&threshold), RES2CLIP_DONE) << error;
}

TEST_F(CTest, WhatIsNoImageIsAnErrorAndNeverAFinding) {
  ASSERT_EQ(remember(1), RES2CLIP_DONE) << error;
  ASSERT_EQ(set_up(), RES2CLIP_DONE) << error;
  res2clip_finding* finding = nullptr;
  res2clip_image empty{}, odd = images[0], narrow = images[0];
  odd.format = 7;
  narrow.row_bytes = 3;
  for (const res2clip_image& image : {empty, odd, narrow}) {
    EXPECT_EQ(res2clip_inspect(product, &image, &finding, error, sizeof error), RES2CLIP_BAD_DATA);
    EXPECT_STRNE(error, "");
    EXPECT_EQ(finding, nullptr);
  }
  EXPECT_EQ(res2clip_inspect(product, images.data(), &finding, error, sizeof error), RES2CLIP_DONE) << error;
  res2clip_finding_free(finding);
}

TEST_F(CTest, NullIsWrongUse) {
  EXPECT_EQ(res2clip_pipeline_load(nullptr, nullptr, nullptr, &pipeline, error, sizeof error),
            RES2CLIP_WRONG_USE);
  EXPECT_STREQ(error, "archive is NULL");
  EXPECT_EQ(res2clip_bank_of_images(pipeline, nullptr, nullptr, 1, &bank, error, sizeof error),
            RES2CLIP_WRONG_USE);
  EXPECT_EQ(res2clip_bank_of_images(nullptr, images.data(), nullptr, 1, &bank, nullptr, 0),
            RES2CLIP_WRONG_USE);
  EXPECT_EQ(remember(0), RES2CLIP_WRONG_USE);
  EXPECT_EQ(set_up(), RES2CLIP_WRONG_USE);
  EXPECT_STREQ(error, "bank is NULL");
  const char* none = nullptr;
  EXPECT_EQ(res2clip_bank_of_files(pipeline, &none, 1, &bank, error, sizeof error), RES2CLIP_WRONG_USE);
  res2clip_finding_free(nullptr);
}

TEST_F(CTest, TextsAreCutToTheirPlace) {
  char small[8];
  std::memset(small, 'x', sizeof small);
  res2clip_pipeline* none = nullptr;
  EXPECT_EQ(res2clip_pipeline_load("nowhere.pt", nullptr, nullptr, &none, small, sizeof small),
            RES2CLIP_BAD_DATA);
  EXPECT_STREQ(small, "nowhere");
  EXPECT_EQ(res2clip_pipeline_load("\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4.pt", nullptr, nullptr, &none,
                                   small, sizeof small),
            RES2CLIP_BAD_DATA);
  EXPECT_STREQ(small, "\xC3\xA4\xC3\xA4\xC3\xA4") << "a character is not cut in two";
  EXPECT_EQ(none, nullptr);
}

TEST_F(CTest, SettingsAreCheckedAsThoseOfAFile) {
  res2clip_pipeline* none = nullptr;
  EXPECT_EQ(res2clip_pipeline_load(archive.c_str(), "scoring: {smoothing_sigma: -1}", nullptr, &none, error,
                                   sizeof error),
            RES2CLIP_WRONG_USE);
  EXPECT_THAT(error, HasSubstr("scoring.smoothing_sigma"));
}

TEST(CVersion, IsTheLibrarys) {
  EXPECT_EQ(version(), res2clip_version());
  EXPECT_STREQ(RES2CLIP_VERSION, res2clip_version());
}

}  // namespace
}  // namespace res2clip
