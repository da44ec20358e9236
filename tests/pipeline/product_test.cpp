#include "res2clip/pipeline/product.hpp"

#include <cmath>
#include <thread>

#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/read.hpp"
#include "res2clip/image/region_mask.hpp"

#include "clip/tiny_backbone.hpp"
#include "pipeline/weave.hpp"
#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The tiny CLIP, the images of one class, and a bank that holds six of them.
class ProductTest : public TinyClipTest {
 protected:
  ProductTest() {
    for (const char* part : {"test/cut", "test/good", "train/good"})
      for (const Path& image : weave_images(part)) all.push_back(image);
    pipeline.emplace(Pipeline::load(folder / "tiny.pt", settings));
    while (good.size() < 6) good.push_back(all[good.size() % all.size()]);
  }

  Product calibrated() const { return {*pipeline, pipeline->calibrated(pipeline->remember(good), 0.05)}; }

  std::optional<Pipeline> pipeline;
  std::vector<Path> all, good;
};

TEST_F(ProductTest, LooksWhereItsBankSays) {
  const std::vector<std::string> left{"0,0,50%,100%"};
  const at::Tensor inside = region_mask(left, {}, {100, 100}, 70, 70);
  const Product product(*pipeline, pipeline->calibrated(within(pipeline->remember(good), inside), 0.05));
  EXPECT_TRUE(product.measure().inside.equal(inside));
  const Detection plain = pipeline->detect(all, product.bank());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const at::Tensor pixels = read_image(all[i]);
    const Finding finding = product.inspect(all[i]);
    EXPECT_EQ(finding.score, plain.score[static_cast<std::int64_t>(i)].item<double>());
    EXPECT_LE(finding.region.box.x + finding.region.box.width, (pixels.size(1) + 1) / 2);
    EXPECT_EQ(finding.region.mask.slice(1, 35).sum().item<int>(), 0);
    EXPECT_EQ(finding.map.slice(1, 35).max().item<double>(),
              finding.map.slice(1, 0, 35).min().item<double>());
  }
}

TEST_F(ProductTest, CutsImagesIntoTheTilesOfItsBank) {
  const Tiling tiling{{2, 1}, image_size(good[0])};
  const Product product(*pipeline, pipeline->calibrated(pipeline->remember(good, tiling), 0.05));
  const Detection plain = pipeline->detect(all, product.bank());
  EXPECT_EQ(plain.map.sizes(), at::IntArrayRef({static_cast<std::int64_t>(all.size()), 70 + 52, 70}));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const at::Tensor rgb = read_image(all[i]);
    const Finding file = product.inspect(all[i]);
    const Finding memory =
        product.inspect(ImageView{rgb.const_data_ptr<std::uint8_t>(), rgb.size(1), rgb.size(0)});
    for (const Finding& finding : {file, memory}) {
      EXPECT_EQ(finding.score, plain.score[static_cast<std::int64_t>(i)].item<double>());
      EXPECT_TRUE(finding.map.equal(plain.map[static_cast<std::int64_t>(i)]));
      EXPECT_LE(finding.region.box.y + finding.region.box.height, rgb.size(0));
    }
    EXPECT_EQ(product.overlay(rgb, file, "x").size(2), 3);
  }
  // Several images at once get what each gets alone.
  settings.compute.batch_size = 8;
  const Pipeline many = Pipeline::load(folder / "tiny.pt", settings);
  EXPECT_TRUE(many.detect(all, many.remember(good, tiling)).score.equal(plain.score));
  EXPECT_TRUE(many.detect(all, many.remember(good, Tiling{}))
                  .map.equal(pipeline->detect(all, pipeline->remember(good)).map));
  const Tiling narrow{{2, 1}, {200, 100}};
  EXPECT_THAT([&] { pipeline->remember(good, narrow); },
              Fails(ErrorKind::data, HasSubstr("tiles need images of the references' aspect")));
}

TEST_F(ProductTest, GivesTheScoresOfThePipelineAndJudgesThemByTheBank) {
  const Product product = calibrated();
  const Detection plain = pipeline->detect(all, product.bank());
  const double threshold = product.bank().calibration->threshold;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Finding finding = product.inspect(all[i]);
    const auto row = static_cast<std::int64_t>(i);
    EXPECT_EQ(finding.score, plain.score[row].item<double>());
    EXPECT_EQ(finding.text, plain.text_score[row].item<double>());
    EXPECT_EQ(finding.visual, plain.visual_score[row].item<double>());
    EXPECT_EQ(finding.residual, plain.residual_score[row].item<double>());
    EXPECT_TRUE(finding.map.equal(plain.map[row]));
    ASSERT_TRUE(finding.judgement);
    if (finding.judgement->verdict != Verdict::unknown) {
      EXPECT_EQ(finding.judgement->verdict == Verdict::anomalous, finding.score > threshold);
    }
    EXPECT_EQ(finding.stands_out, finding.judgement->verdict == Verdict::anomalous);
  }
}

TEST_F(ProductTest, AFrameInMemoryAndItsFileGiveOneFinding) {
  const Product product = calibrated();
  const at::Tensor rgb = decode_image(read_image_file(all[0]), all[0]).rgb;
  const ImageView view{rgb.const_data_ptr<std::uint8_t>(), rgb.size(1), rgb.size(0)};
  const Finding memory = product.inspect(view), file = product.inspect(all[0]);
  EXPECT_EQ(memory.score, file.score);
  EXPECT_TRUE(memory.map.equal(file.map));
  EXPECT_EQ(memory.region.box, file.region.box);
  EXPECT_EQ(memory.judgement->reason, file.judgement->reason);
  EXPECT_TRUE(product.overlay(view, memory, "x").equal(product.overlay(rgb, file, "x")));
}

TEST_F(ProductTest, IsForAnyNumberOfThreadsAtOnce) {
  const Product product = calibrated();
  const Finding alone = product.inspect(all[0]);
  std::vector<Finding> found(4);
  std::vector<std::thread> threads;
  for (Finding& one : found) threads.emplace_back([&] { one = product.inspect(all[0]); });
  for (std::thread& thread : threads) thread.join();
  for (const Finding& one : found) EXPECT_TRUE(one.score == alone.score && one.map.equal(alone.map));
}

TEST_F(ProductTest, JudgesByAThresholdThatIsGivenAndNotAtAllWithoutOne) {
  const ReferenceBank bank = pipeline->remember(good);
  const Product plain(*pipeline, bank);
  EXPECT_FALSE(plain.inspect(all[0]).judgement);
  const double score = plain.inspect(all[0]).score;
  EXPECT_EQ(Product(*pipeline, bank, score - 0.01).inspect(all[0]).judgement->verdict, Verdict::anomalous);
  EXPECT_EQ(Product(*pipeline, bank, score).inspect(all[0]).judgement->verdict, Verdict::good);
  EXPECT_THAT([&] { Product(*pipeline, bank, std::nan("")); },
              Fails(ErrorKind::settings, HasSubstr("the threshold is not a finite number")));
}

TEST_F(ProductTest, WithoutAVerdictALineIsDrawnWhereThePeakIsAboveWhatNormalImagesReach) {
  const ReferenceBank bank = pipeline->remember(good);
  const double peak = Product(*pipeline, bank).inspect(all[0]).region.peak;
  settings.overlay.calm = peak - 0.01;
  EXPECT_TRUE(Product(pipeline->with(settings), bank).inspect(all[0]).stands_out);
  settings.overlay.calm = peak;
  EXPECT_FALSE(Product(pipeline->with(settings), bank).inspect(all[0]).stands_out);
  EXPECT_EQ(Product(*pipeline, bank).calm(), pipeline->detector().reference_peak(bank).value());
  EXPECT_EQ(Product(*pipeline, pipeline->remember({good[0]})).calm(), kCalmUnknown);
}

TEST_F(ProductTest, DoesNotUseACalibrationOfOtherSettings) {
  const Product own = calibrated();
  EXPECT_TRUE(own.changed().empty());
  settings.retrieval.gamma *= 2;
  const Product other(pipeline->with(settings), own.bank());
  EXPECT_THAT(other.changed(), ElementsAre("retrieval"));
  EXPECT_FALSE(other.measure().threshold);
  EXPECT_FALSE(other.inspect(all[0]).judgement);
}

TEST_F(ProductTest, EachImageOfAListHasAFindingOrAFailureOfItsOwn) {
  const Product product = calibrated();
  std::vector<Path> images = all;
  images.insert(images.begin() + 1, folder / "absent.png");
  std::size_t next = 0;
  std::int64_t last = 0;
  EachOptions options;
  options.pixels = true;
  options.progress = [&](std::int64_t done, std::int64_t, const std::string&) { last = done; };
  const auto take = [&](const InspectedFile& file) {
    EXPECT_EQ(file.index, next++);
    EXPECT_EQ(file.failure.has_value(), file.index == 1);
    if (file.failure) return;
    EXPECT_EQ(file.finding.score, product.inspect(images[file.index]).score);
    EXPECT_EQ(file.pixels.size(2), 3);
  };
  EXPECT_EQ(product.inspect_each(images, take, options), images.size());
  EXPECT_EQ(last, static_cast<std::int64_t>(images.size()));
  EXPECT_THAT([&] { product.inspect(folder / "absent.png"); },
              Fails(ErrorKind::data, HasSubstr("absent.png: cannot be opened: No such file or directory")));
}

TEST_F(ProductTest, RefusesWhatIsNoImageAndTheBankOfAnotherPipeline) {
  const Product product = calibrated();
  EXPECT_THAT([&] { product.inspect(ImageView{}); }, Fails(ErrorKind::data, HasSubstr("")));
  settings.image.size = 98;
  EXPECT_THAT([&] { Product(pipeline->with(settings), product.bank()); },
              Fails(ErrorKind::data, HasSubstr("image.size")));
}

}  // namespace
}  // namespace res2clip
