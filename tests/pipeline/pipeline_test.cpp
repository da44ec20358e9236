#include "res2clip/pipeline/pipeline.hpp"

#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/features/stored_features.hpp"

#include "clip/tiny_backbone.hpp"
#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The tiny CLIP as a file, and images of one class.
class PipelineTest : public ::testing::Test {
 protected:
  PipelineTest() {
    settings.compute.device = "cpu";
    export_backbone(tiny_weights(), {.image_size = 70}, folder / "tiny.pt");
    const Path images = test_data("generated/images/weave");
    for (const auto& entry : std::filesystem::directory_iterator(images / "train/good"))
      normals.push_back(entry.path());
    for (const auto& entry : std::filesystem::directory_iterator(images / "test/cut"))
      queries.push_back(entry.path());
    std::sort(normals.begin(), normals.end());
    std::sort(queries.begin(), queries.end());
  }

  TemporaryFolder folder;
  Settings settings;
  std::vector<Path> normals, queries;
};

TEST_F(PipelineTest, TakesItsImageSizeFromTheArchive) {
  const Pipeline pipeline = Pipeline::load(folder / "tiny.pt", settings);
  EXPECT_EQ(pipeline.image_size(), 70);
  EXPECT_EQ(pipeline.prepare(queries).sizes(),
            (std::vector<std::int64_t>{static_cast<std::int64_t>(queries.size()), 3, 70, 70}));
}

TEST_F(PipelineTest, DetectsTheSameInEveryBatch) {
  settings.compute.batch_size = 1;
  const Pipeline one = Pipeline::load(folder / "tiny.pt", settings);
  settings.compute.batch_size = 8;
  const Pipeline many = Pipeline::load(folder / "tiny.pt", settings);
  const Detection first = one.detect(queries, one.remember(normals));
  const Detection second = many.detect(queries, many.remember(normals));
  EXPECT_TRUE(first.map.equal(second.map));
  EXPECT_TRUE(first.score.equal(second.score));
}

TEST_F(PipelineTest, ASavedBankGivesTheSameBits) {
  const Pipeline pipeline = Pipeline::load(folder / "tiny.pt", settings);
  const ReferenceBank bank = pipeline.remember(normals);
  save_bank(bank, folder / "good.bank");
  const Detection kept = pipeline.detect(queries, bank);
  const Detection loaded = pipeline.detect(queries, pipeline.open_bank(folder / "good.bank"));
  EXPECT_TRUE(kept.map.equal(loaded.map));
  EXPECT_TRUE(kept.score.equal(loaded.score));
}

TEST_F(PipelineTest, RefusesABankOfAnotherSize) {
  const Pipeline small = Pipeline::load(folder / "tiny.pt", settings);
  save_bank(small.remember(normals), folder / "good.bank");
  settings.image.size = 98;
  const Pipeline large = Pipeline::load(folder / "tiny.pt", settings);
  EXPECT_THAT([&] { large.open_bank(folder / "good.bank"); },
              Fails(ErrorKind::data, HasSubstr("image.size")));
}

TEST_F(PipelineTest, RefusesABankOfImagesThatWereReadOtherwise) {
  const Pipeline plain = Pipeline::load(folder / "tiny.pt", settings);
  save_bank(plain.remember(normals), folder / "plain.bank");
  settings.image.reading.wide = wide_samples("divide:16");
  const Pipeline wide = Pipeline::load(folder / "tiny.pt", settings);
  save_bank(wide.remember(normals), folder / "wide.bank");
  EXPECT_NO_THROW(wide.open_bank(folder / "wide.bank"));
  EXPECT_THAT([&] { wide.open_bank(folder / "plain.bank"); },
              Fails(ErrorKind::data, AllOf(HasSubstr("image.wide"), HasSubstr("divide:16"))));
  EXPECT_THAT([&] { plain.open_bank(folder / "wide.bank"); },
              Fails(ErrorKind::data, AllOf(HasSubstr("image.wide"), HasSubstr("divide:16"))));
  settings.image.reading = {.exif_rotation = true};
  EXPECT_THAT([&] { Pipeline::load(folder / "tiny.pt", settings).open_bank(folder / "plain.bank"); },
              Fails(ErrorKind::data, HasSubstr("image.exif_rotation")));
}

TEST_F(PipelineTest, AStoreIsOfImagesThatWereReadInOneWay) {
  const auto encoding = [&](const ReadOptions& reading) {
    Settings changed = settings;
    changed.image.reading = reading;
    const Pipeline pipeline = Pipeline::load(folder / "tiny.pt", changed);
    return describe_store("weave", pipeline.backbone(), pipeline.settings().image, StoredAs::float32, {1})
        .encoding;
  };
  EXPECT_EQ(encoding({}), "precision fp32, converted first");
  EXPECT_EQ(encoding({.wide = wide_samples("high_byte"), .exif_rotation = true}),
            "precision fp32, converted first, image.exif_rotation=true, image.wide=high_byte");
}

TEST_F(PipelineTest, RemarksOnReferencesAndImagesTogether) {
  const Pipeline pipeline = Pipeline::load(folder / "tiny.pt", settings);
  const ReferenceBank bank = pipeline.remember(normals);
  EXPECT_TRUE(pipeline.remarks().empty());
  pipeline.detect(std::vector{test_data("images/exif3.jpg")}, bank);
  EXPECT_THAT(pipeline.remarks(), ElementsAre(HasSubstr("EXIF orientations differ: 1 of")));
}

TEST_F(PipelineTest, RefusesSizesThatAreNoMultipleOfThePatch) {
  settings.image.size = 72;
  EXPECT_THAT([&] { Pipeline::load(folder / "tiny.pt", settings); },
              Fails(ErrorKind::settings, HasSubstr("multiple of 14")));
}

TEST_F(PipelineTest, HoldsWhatTheArchiveWasExportedWith) {
  export_backbone(tiny_weights(), {.image_size = 70, .form = {.vv_blocks = 1, .patch_ln_post = false}},
                  folder / "other.pt");
  const Settings fitted = Pipeline::load(folder / "other.pt", settings).settings();
  EXPECT_EQ(fitted.encoder.vv_blocks, 1);
  EXPECT_FALSE(fitted.encoder.patch_ln_post);
  EXPECT_TRUE(fitted.encoder.patch_projection);
  EXPECT_EQ(Pipeline::load(folder / "other.pt", fitted).settings().encoder.vv_blocks, 1);
}

TEST_F(PipelineTest, RefusesSettingsOfAnotherExport) {
  const auto vv_blocks = Pipeline::load(folder / "tiny.pt", settings).backbone().card().encoder.vv_blocks;
  settings.encoder.vv_blocks = vv_blocks + 1;
  const auto load = [&] { Pipeline::load(folder / "tiny.pt", settings); };
  EXPECT_THAT(load, Fails(ErrorKind::settings,
                          HasSubstr("has " + std::to_string(vv_blocks) +
                                    " V-V blocks, the settings ask for " + std::to_string(vv_blocks + 1))));
  settings.profile = Profile::paper;
  EXPECT_THAT(load,
              Fails(ErrorKind::settings, HasSubstr("--set export.vv_blocks=" + std::to_string(vv_blocks))));
  settings.encoder.vv_blocks = vv_blocks;
  settings.encoder.global_ln_post = true;
  EXPECT_THAT(load, Fails(ErrorKind::settings, HasSubstr("export.global_ln_post=false")));
}

TEST_F(PipelineTest, TellsHowFarTheReferencesAre) {
  settings.compute.batch_size = 1;
  const Pipeline pipeline = Pipeline::load(folder / "tiny.pt", settings);
  std::vector<std::int64_t> done;
  pipeline.remember(normals, [&](std::int64_t count, std::int64_t total, const std::string&) {
    EXPECT_EQ(total, static_cast<std::int64_t>(normals.size()));
    done.push_back(count);
  });
  std::vector<std::int64_t> expected;
  for (std::size_t i = 0; i <= normals.size(); ++i) expected.push_back(static_cast<std::int64_t>(i));
  EXPECT_EQ(done, expected);
}

TEST_F(PipelineTest, NamesTheImageThatCannotBeRead) {
  write_file(folder / "broken.png", "not an image");
  const Pipeline pipeline = Pipeline::load(folder / "tiny.pt", settings);
  const std::vector<Path> images = {queries[0], folder / "broken.png"};
  EXPECT_THAT([&] { pipeline.encode(images); }, Fails(ErrorKind::data, HasSubstr("broken.png")));
}

TEST_F(PipelineTest, NeedsAtLeastOneReference) {
  const Pipeline pipeline = Pipeline::load(folder / "tiny.pt", settings);
  EXPECT_THAT([&] { pipeline.remember({}); }, Fails(ErrorKind::settings, HasSubstr("reference")));
}

}  // namespace
}  // namespace res2clip
