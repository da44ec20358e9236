#include "res2clip/pipeline/pipeline.hpp"

#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/features/stored_features.hpp"

#include "clip/tiny_backbone.hpp"
#include "pipeline/weave.hpp"
#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// With images of one class.
class PipelineTest : public TinyClipTest {
 protected:
  const std::vector<Path> normals = weave_images("train/good"), queries = weave_images("test/cut");
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

/// Views of images that are kept.
struct Frames {
  explicit Frames(const std::vector<Path>& files) {
    for (const Path& file : files) pixels.push_back(read_image(file));
    for (const at::Tensor& rgb : pixels)
      views.push_back({rgb.const_data_ptr<std::uint8_t>(), rgb.size(1), rgb.size(0)});
  }
  std::vector<at::Tensor> pixels;
  std::vector<ImageView> views;
};

TEST_F(PipelineTest, ImagesInMemoryGiveTheBitsOfTheirFiles) {
  settings.compute.batch_size = 3;
  const Pipeline pipeline = Pipeline::load(folder / "tiny.pt", settings);
  const Frames good(normals), inspected(queries);
  const std::vector<std::string> names(normals.size(), "frame");
  const ReferenceBank bank = pipeline.remember(good.views, names);
  const Detection of_files = pipeline.detect(queries, pipeline.remember(normals));
  const Detection of_memory = pipeline.detect(inspected.views, bank);
  EXPECT_TRUE(of_memory.map.equal(of_files.map));
  EXPECT_TRUE(of_memory.score.equal(of_files.score));
  EXPECT_TRUE(pipeline.detect(inspected.views[1], bank).score[0].equal(of_files.score[1]));
  EXPECT_TRUE(pipeline.prepare(inspected.views).equal(pipeline.prepare(queries)));
}

TEST_F(PipelineTest, ABankMadeInMemoryIsOpenedAgain) {
  const Pipeline pipeline = Pipeline::load(folder / "tiny.pt", settings);
  const Frames good(normals);
  const ReferenceBank bank = pipeline.remember(pipeline.encode(pipeline.prepare(normals)));
  EXPECT_EQ(bank.origin.backbone, pipeline.backbone().checksum());
  save_bank(bank, folder / "memory.bank");
  const Detection expected = pipeline.detect(queries, bank);
  EXPECT_TRUE(
      pipeline.detect(queries, pipeline.open_bank(folder / "memory.bank")).score.equal(expected.score));
  const ReferenceBank again = pipeline.open_bank(bytes_of_bank(bank), "bytes");
  EXPECT_TRUE(pipeline.detect(queries, again).score.equal(expected.score));
  EXPECT_TRUE(pipeline.detect({queries[0]}, pipeline.remember({normals[0]})).score.defined());
  EXPECT_THAT([&] { pipeline.remember(good.views, std::vector<std::string>{"one"}); },
              Fails(ErrorKind::settings, HasSubstr("have 1 names")));
}

TEST_F(PipelineTest, DoesNotCompareWithABankOfAnotherBackbone) {
  const Pipeline pipeline = Pipeline::load(folder / "tiny.pt", settings);
  export_backbone(tiny_weights(), {.image_size = 70, .form = {.vv_blocks = 1}}, folder / "other.pt");
  const ReferenceBank other = Pipeline::load(folder / "other.pt", settings).remember(normals);
  EXPECT_THAT([&] { pipeline.detect(queries, other); },
              Fails(ErrorKind::data, HasSubstr("another backbone")));
  EXPECT_THAT([&] { pipeline.detect(Frames(queries).views, other); },
              Fails(ErrorKind::data, HasSubstr("another backbone")));
  const ReferenceBank nameless = pipeline.detector().remember(pipeline.encode(normals));
  EXPECT_THAT([&] { pipeline.detect(queries, nameless); },
              Fails(ErrorKind::data, HasSubstr("does not say which backbone")));
}

TEST_F(PipelineTest, TakesPreparedImagesOfItsOwnSizeAlone) {
  const Pipeline pipeline = Pipeline::load(folder / "tiny.pt", settings);
  const at::Tensor prepared = pipeline.prepare(queries);
  EXPECT_NO_THROW(pipeline.encode(prepared));
  for (const at::Tensor& wrong :
       {at::Tensor(), prepared[0], prepared.slice(2, 0, 56), prepared.slice(2, 0, 56).slice(3, 0, 56)})
    EXPECT_THAT([&] { pipeline.encode(wrong); }, Fails(ErrorKind::data, HasSubstr("[B, 3, 70, 70]")));
}

TEST_F(PipelineTest, SharesItsBackboneWithOtherSettings) {
  const Pipeline pipeline = Pipeline::load(folder / "tiny.pt", settings);
  Settings other = settings;
  other.retrieval.gamma = 0.5;
  const Pipeline shared = pipeline.with(other);
  EXPECT_EQ(&shared.backbone(), &pipeline.backbone());
  const Pipeline loaded = Pipeline::load(folder / "tiny.pt", other);
  EXPECT_TRUE(shared.detect(queries, shared.remember(normals))
                  .map.equal(loaded.detect(queries, loaded.remember(normals)).map));
  other.compute.precision = Precision::bf16;
  EXPECT_THAT([&] { pipeline.with(other); }, Fails(ErrorKind::settings, HasSubstr("compute.precision")));
}

TEST_F(PipelineTest, ChecksSettingsThatAProgramFilledIn) {
  const auto refused = [&](const auto& change, const char* key) {
    Settings changed = settings;
    change(changed);
    EXPECT_THAT([&] { Pipeline::load(folder / "tiny.pt", changed); },
                Fails(ErrorKind::settings, HasSubstr(key)));
  };
  refused([](Settings& s) { s.compute.batch_size = 0; }, "compute.batch_size is 0");
  refused([](Settings& s) { s.retrieval.neighbours = -1; }, "retrieval.neighbours is -1");
  refused([](Settings& s) { s.image.size = -8; }, "image.size is -8");
}

TEST_F(PipelineTest, WhatAProgressCallbackThrowsGoesThroughAsItIs) {
  const Pipeline pipeline = Pipeline::load(folder / "tiny.pt", settings);
  EXPECT_THROW(pipeline.remember(normals, [](auto, auto, const auto&) { throw std::out_of_range("own"); }),
               std::out_of_range);
}

}  // namespace
}  // namespace res2clip
