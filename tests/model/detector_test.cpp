#include "res2clip/model/detector.hpp"

#include <new>

#include <ATen/Parallel.h>
#include <ATen/ops/equal.h>
#include <c10/core/CPUAllocator.h>

#include "res2clip/core/error.hpp"
#include "res2clip/model/smoothing.hpp"

#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;

constexpr std::int64_t kWidth = 32;
const std::vector<int> kLayers = {6, 12, 18, 24};

at::Tensor unit(const at::Tensor& vectors) {
  return vectors / vectors.norm(2, {-1}, true);
}

/// Unit features of images of 5 x 4 patches that have something in common, as real ones do.
Features random_features(std::int64_t batch, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  Features features;
  features.grid = {5, 4};
  features.global = unit(at::randn({batch, kWidth}, generator) + 1.0);
  for (const int layer : kLayers)
    features.patches[layer] = unit(at::randn({batch, 20, kWidth}, generator) + 1.0);
  return features;
}

TextAnchors random_anchors() {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(5);
  return text_anchors(at::randn({3, kWidth}, generator), at::randn({2, kWidth}, generator), TextOptions{});
}

ModelCard small_card() {
  ModelCard card;
  card.sizes.vision_layers = 24;
  card.sizes.patch_size = 7;
  return card;
}

Detector detector(const DetectorOptions& options = {}) {
  return {random_anchors(), small_card(), options};
}

Features image(const Features& features, std::int64_t index) {
  Features one;
  one.grid = features.grid;
  one.global = features.global.narrow(0, index, 1);
  for (const auto& [layer, patches] : features.patches) one.patches[layer] = patches.narrow(0, index, 1);
  return one;
}

std::vector<std::pair<std::string, at::Tensor>> figures(const Detection& found) {
  return {{"map", found.map},
          {"text map", found.text_map},
          {"visual map", found.visual_map},
          {"residual map", found.residual_map},
          {"score", found.score},
          {"text score", found.text_score},
          {"visual score", found.visual_score},
          {"residual score", found.residual_score}};
}

TEST(Detector, GivesAnImageTheSameBitsInAnyBatch) {
  const Detector judge = detector();
  const ReferenceBank bank = judge.remember(random_features(3, 1));
  const Features query = random_features(7, 2);
  const auto together = figures(judge.detect(query, bank));
  for (std::int64_t index = 0; index < 7; ++index) {
    const auto alone = figures(judge.detect(image(query, index), bank));
    for (std::size_t i = 0; i < alone.size(); ++i)
      EXPECT_TRUE(at::equal(alone[i].second[0], together[i].second[index]))
          << alone[i].first << " of image " << index;
  }
}

TEST(Detector, GivesTheSameBitsForAnyNumberOfThreads) {
  const Detector judge = detector();
  const ReferenceBank bank = judge.remember(random_features(2, 1));
  const Features query = random_features(4, 2);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = figures(judge.detect(query, bank));
  at::set_num_threads(3);
  const auto three = figures(judge.detect(query, bank));
  at::set_num_threads(threads);
  for (std::size_t i = 0; i < one.size(); ++i)
    EXPECT_TRUE(at::equal(one[i].second, three[i].second)) << one[i].first;
}

TEST(Detector, FindsItsOwnReferencesNormal) {
  DetectorOptions options;
  options.retrieval.gamma = 10.0;  // so that every patch matches its own place
  const Detector judge = detector(options);
  const Features normals = random_features(1, 1);
  const Detection same = judge.detect(normals, judge.remember(normals));
  const Detection other = judge.detect(random_features(1, 2), judge.remember(normals));
  EXPECT_LT(same.visual_score.item<double>(), 0.8 * other.visual_score.item<double>());
  EXPECT_NEAR(same.residual_global.item<double>(), 0.0, 1e-6);
}

// Tables 3 and 11, from the features: with one reference and a steep penalty every patch matches its own
// place.
TEST(Detector, AlignsAsTheSettingsSay) {
  const Features normals = random_features(1, 1), query = random_features(2, 2);
  const TextAnchors anchors = random_anchors();
  const auto cosines = [](const at::Tensor& rows, const at::Tensor& direction) {
    const at::Tensor wide = rows.to(at::kDouble), other = direction.to(at::kDouble);
    return ((wide * other).sum(-1) / (wide.norm(2, {-1}) * other.norm())).to(at::kFloat);
  };
  DetectorOptions options;
  options.retrieval.penalty = Penalty::local;  // a radial one leaves patches of one radius alike
  options.retrieval.gamma = 10.0;
  options.scoring.residual_alignment = ResidualAlignment::cosine;
  const std::pair<TextAnchorKind, at::Tensor> kinds[] = {{TextAnchorKind::residual, anchors.residual},
                                                         {TextAnchorKind::anomalous, anchors.anomalous},
                                                         {TextAnchorKind::normal, anchors.normal}};
  for (const auto& [kind, anchor] : kinds) {
    options.scoring.text_anchor = kind;
    const Detector judge = detector(options);
    const Detection found = judge.detect(query, judge.remember(normals));
    const auto text = [&, which = kind, to = anchor](const at::Tensor& rows) {
      return which == TextAnchorKind::normal ? 1.0 - cosines(rows, to) : cosines(rows, to);
    };
    EXPECT_TENSORS_NEAR(found.text_patches.at(24).flatten(1), text(query.patches.at(24)), 1e-6);
    EXPECT_TENSORS_NEAR(found.text_global, text(query.global), 1e-6);
    const at::Tensor residuals = query.patches.at(24) - normals.patches.at(24);
    EXPECT_TENSORS_NEAR(found.residual_patches.at(24).flatten(1),
                        cosines(residuals, anchors.residual).clamp_min(0), 1e-5);
    EXPECT_TENSORS_NEAR(found.residual_global_raw, cosines(query.global - normals.global, anchors.residual),
                        1e-5);
  }
}

// Zero-shot: what weights that leave the text branch alone give, whatever the references.
TEST(Detector, WithoutReferencesScoresByTheTextBranchAlone) {
  const Features query = random_features(3, 2);
  DetectorOptions text_alone;
  text_alone.scoring.training_free = {{1.0, 0.0, 0.0}, {1.0, 0.0, 0.0}};
  const Detector oracle = detector(text_alone);
  const Detection expected = oracle.detect(query, oracle.remember(random_features(2, 1)));
  const Detection found = detector().detect(query);
  EXPECT_TRUE(at::equal(found.text_score, expected.text_score));
  EXPECT_TRUE(at::equal(found.score, expected.score));
  EXPECT_TRUE(at::equal(found.map, expected.map));
  EXPECT_TRUE(at::equal(found.text_map, expected.text_map));
  EXPECT_TRUE(at::equal(found.score, found.text_score));
  EXPECT_GT(found.map.abs().max().item<double>(), 0.0);
  for (const at::Tensor& nothing :
       {found.visual_map, found.residual_map, found.visual_score, found.residual_score})
    EXPECT_EQ(nothing.abs().max().item<double>(), 0.0);
  Features other = query;
  other.patches.erase(24);
  EXPECT_THAT([&] { detector().detect(other); }, Fails(ErrorKind::data, HasSubstr("24")));
}

TEST(Detector, TellsHowFarMapsOfReferencesReachAmongThemselves) {
  const Detector judge = detector();
  const Features normals = random_features(3, 8);
  double highest = 0;
  for (const std::int64_t one : {0, 1, 2}) {
    const Features others = concatenate({image(normals, (one + 1) % 3), image(normals, (one + 2) % 3)});
    const Detection found = judge.detect(image(normals, one), judge.remember(others));
    highest = std::max(highest, found.map.max().item<double>());
  }
  const auto peak = judge.reference_peak(judge.remember(normals));
  ASSERT_TRUE(peak.has_value());
  EXPECT_NEAR(*peak, highest, 1e-6);  // the order of references decides the order of sums
  EXPECT_EQ(judge.reference_peak(judge.remember(image(normals, 0))), std::nullopt);
}

TEST(Detector, HasMapsOfTheImagesSize) {
  const Detector judge = detector();
  const Detection found = judge.detect(random_features(2, 1), judge.remember(random_features(1, 3)));
  EXPECT_EQ(found.map.sizes(), (std::vector<std::int64_t>{2, 35, 28}));
  EXPECT_EQ(found.score.sizes(), (std::vector<std::int64_t>{2}));
  EXPECT_EQ(found.visual_patches.size(), 4u);
  EXPECT_EQ(found.visual_patches.at(6).sizes(), (std::vector<std::int64_t>{2, 5, 4}));
}

TEST(Detector, TakesLayersAndWeightsOfItsMode) {
  DetectorOptions options;
  EXPECT_FALSE(detector(options).fine_tuned());
  EXPECT_EQ(detector(options).layers().residual, (std::vector<int>{24}));
  options.scoring.mode = Mode::fine_tuned;
  const Detector identity = detector(options);
  EXPECT_EQ(identity.layers().residual, kLayers);
  const Detection found = identity.detect(random_features(1, 1), identity.remember(random_features(1, 3)));
  EXPECT_NEAR(found.score.item<double>(),
              (found.text_score + found.visual_score + 0.1 * found.residual_score).item<double>(), 1e-6);
}

Detector adapted_detector(const Adapters& adapters, const DetectorOptions& options = {}) {
  return {random_anchors(), small_card(), options, adapters};
}

TEST(Detector, ComparesWithOneAnchorOnlyWithoutATextAdapter) {
  DetectorOptions options;
  options.scoring.text_anchor = TextAnchorKind::normal;
  EXPECT_THAT([&] { adapted_detector(fresh_adapters(kWidth, kLayers, kLayers, 1), options); },
              Fails(ErrorKind::settings, HasSubstr("scoring.text_anchor is normal")));
  EXPECT_NO_THROW(detector(options));
}

TEST(Detector, WithFreshAdaptersIsTheFineTunedModeWithoutAny) {
  const Features query = random_features(2, 1);
  const ReferenceBank bank = make_bank(random_features(1, 3), kLayers);
  DetectorOptions options;
  options.scoring.mode = Mode::fine_tuned;
  const auto without = detector(options).detect(query, bank);
  const auto with = adapted_detector(fresh_adapters(kWidth, kLayers, kLayers, 1)).detect(query, bank);
  EXPECT_TENSORS_NEAR(with.map, without.map, 1e-6);  // the residual's length is computed in two ways
  EXPECT_TENSORS_NEAR(with.score, without.score, 1e-6);
}

TEST(Detector, RefusesAdaptersThatDoNotFit) {
  DetectorOptions options;
  const std::vector<int> last = {24};
  EXPECT_THAT([&] { adapted_detector(fresh_adapters(kWidth, kLayers, last, 1)); },
              Fails(ErrorKind::data, HasSubstr("res_vis_local_adapters has no adapter of layer 6")));
  EXPECT_THAT([&] { adapted_detector(fresh_adapters(2 * kWidth, kLayers, kLayers, 1)); },
              Fails(ErrorKind::data, HasSubstr("features of width 64")));
  options.layers.residual_fine_tuned = {24};
  EXPECT_NO_THROW(adapted_detector(fresh_adapters(kWidth, kLayers, last, 1), options));
  options.scoring.mode = Mode::training_free;
  EXPECT_THAT([&] { adapted_detector(fresh_adapters(kWidth, kLayers, last, 1), options); },
              Fails(ErrorKind::settings, HasSubstr("training_free")));
}

TEST(Detector, NeedsABranchThatCounts) {
  for (const auto level : {&FusionWeights::image, &FusionWeights::pixel}) {
    DetectorOptions options;
    options.scoring.fine_tuned.*level = {0, 0, 0};
    EXPECT_NO_THROW(detector(options));  // not in force
    options.scoring.training_free.*level = {0, 0, 0};
    try {
      detector(options);
      ADD_FAILURE() << "no branch counts";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::settings);
      EXPECT_THAT(error.what(), ::testing::HasSubstr("all weights are 0"));
    }
    options.scoring.training_free.*level = {0, 1, 0};
    EXPECT_NO_THROW(detector(options));
  }
}

TEST(Detector, ClampsProjectionsOnlyWhereAsked) {
  DetectorOptions options;
  const Features query = random_features(4, 1);
  const Features normals = random_features(1, 3);
  const auto clamped = detector(options).detect(query, make_bank(normals, kLayers));
  options.scoring.clamp_projections = false;
  const auto free = detector(options).detect(query, make_bank(normals, kLayers));
  EXPECT_GE(clamped.residual_patches.at(24).min().item<double>(), 0.0);
  EXPECT_LT(free.residual_patches.at(24).min().item<double>(), 0.0);
  EXPECT_TRUE(at::equal(free.residual_patches.at(24).clamp_min(0), clamped.residual_patches.at(24)));
  EXPECT_TRUE(at::equal(free.residual_global, clamped.residual_global_raw));
  EXPECT_TRUE(at::equal(clamped.residual_global_raw.clamp_min(0), clamped.residual_global));
}

TEST(Detector, SmoothsOnlyWhereAsked) {
  DetectorOptions options;
  const Features query = random_features(2, 1);
  const Features normals = random_features(1, 3);
  const auto twice = detector(options).detect(query, make_bank(normals, kLayers));
  options.scoring.smooth_branch_maps = false;
  const auto fused = detector(options).detect(query, make_bank(normals, kLayers));
  options.scoring.smooth_fused_map = false;
  const auto never = detector(options).detect(query, make_bank(normals, kLayers));
  EXPECT_TENSORS_NEAR(never.text_map, upsample(never.text_patches.at(24), 35, 28), 0.0);
  EXPECT_TENSORS_NEAR(fused.map, gaussian_smooth(never.map, 5, 4.0), 0.0);
  EXPECT_TENSORS_NEAR(twice.map, gaussian_smooth(fused.map, 5, 4.0), 1e-6);  // smoothing is linear
}

TEST(Detector, RefusesFeaturesThatDoNotFit) {
  const Detector judge = detector();
  const Features query = random_features(1, 1);
  const ReferenceBank bank = judge.remember(query);
  EXPECT_NO_THROW(judge.detect(query, bank));
  Features shallow = query;
  shallow.patches.erase(24);
  EXPECT_THAT([&] { judge.detect(shallow, bank); },
              Fails(ErrorKind::data, HasSubstr("features lack layer 24")));
  EXPECT_THAT([&] { judge.remember(shallow); },
              Fails(ErrorKind::data, HasSubstr("normal images lack layer 24")));
  ReferenceBank lacking = bank;
  lacking.patches.erase(12);
  EXPECT_THAT([&] { judge.detect(query, lacking); },
              Fails(ErrorKind::data, HasSubstr("reference bank lacks layer 12")));
  Features wide = query;
  wide.grid = {4, 5};
  EXPECT_THAT([&] { judge.detect(wide, bank); }, Fails(ErrorKind::data, HasSubstr("patches, the query has")));
}

TEST(Detector, RefusesSettingsThatDoNotFit) {
  DetectorOptions options;
  options.scoring.smoothing_size = 4;
  EXPECT_THAT([&] { detector(options); }, Fails(ErrorKind::settings, HasSubstr("smoothing_size is 4")));
  options = {};
  options.layers.visual = {25};
  EXPECT_THAT([&] { detector(options); },
              Fails(ErrorKind::settings, HasSubstr("layers.visual names layer 25")));
}

/// Memory in which the next `failures` tensors of `large` bytes or more find no room, for as long as it
/// lives.
class TightMemory final : public c10::Allocator {
 public:
  TightMemory(std::size_t large, int failures) : large_(large), failures_(failures) {
    c10::SetCPUAllocator(this, kHighest);
  }
  ~TightMemory() override { c10::SetCPUAllocator(before_, kHighest); }
  TightMemory(const TightMemory&) = delete;
  TightMemory& operator=(const TightMemory&) = delete;

  c10::DataPtr allocate(std::size_t bytes) override {
    if (bytes >= large_ && failures_ > 0) {
      --failures_;
      throw std::bad_alloc();
    }
    return before_->allocate(bytes);
  }
  c10::DeleterFnPtr raw_deleter() const override { return before_->raw_deleter(); }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    before_->copy_data(to, from, bytes);
  }
  int failures_left() const { return failures_; }

 private:
  static constexpr std::uint8_t kHighest = 255;
  c10::Allocator* before_ = c10::GetCPUAllocator();
  std::size_t large_;
  int failures_;
};

TEST(Detector, PartsABatchForWhichMemoryDoesNotDo) {
  const Features query = random_features(7, 2);
  const Detector roomy = detector();
  const ReferenceBank bank = roomy.remember(random_features(3, 1));
  const Detection expected = roomy.detect(query, bank);

  const Detector judge = detector();
  Detection found;
  {
    const TightMemory memory(sizeof(float) * 20 * kWidth * 2, 2);  // two images' features of a layer
    found = judge.detect(query, bank);
    EXPECT_EQ(memory.failures_left(), 0) << "seven images were tried in vain, and three";
  }
  const auto all = figures(expected), parted = figures(found);
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_TRUE(at::equal(parted[i].second, all[i].second)) << all[i].first;
  for (const int layer : kLayers)
    EXPECT_TRUE(at::equal(found.visual_patches.at(layer), expected.visual_patches.at(layer))) << layer;
}

TEST(Detector, RefusesFeaturesThatAreNotWhatTheyShouldBe) {
  const Detector judge = detector();
  const Features query = random_features(2, 1);
  const ReferenceBank bank = judge.remember(query);
  const auto refused = [&](const auto& change, const char* why) {
    Features changed = query;
    for (auto& [layer, patches] : changed.patches) patches = patches.clone();
    changed.global = changed.global.clone();
    change(changed);
    EXPECT_THAT([&] { judge.detect(changed, bank); }, Fails(ErrorKind::data, HasSubstr(why)));
    EXPECT_THAT([&] { judge.remember(changed); }, Fails(ErrorKind::data, HasSubstr("")));
  };
  refused([](Features& f) { f.patches[12][1][3][5] = std::nan(""); },
          "of layer 12 hold numbers that are not finite");
  refused([](Features& f) { f.global[1][0] = HUGE_VAL; }, "not finite");
  refused([](Features& f) { f.patches[6] *= 3; }, "of layer 6 are not of unit length");
  refused([](Features& f) { f.patches[6] = f.patches[6].to(at::kDouble); }, "must be float32");
  refused([](Features& f) { f.patches[6] = f.patches[6].narrow(0, 0, 1); }, "must be float32 [2, 20, 32]");
  refused([](Features& f) { f.patches[18] = f.patches[18].flatten(0, 1); }, "must be float32 [2, 20, 32]");
  refused([](Features& f) { f.patches[24] = at::Tensor(); }, "an undefined tensor");
  refused([](Features& f) { f.global = at::Tensor(); }, "");
}

TEST(Detector, RefusesABankThatIsNotWhatItShouldBe) {
  const Detector judge = detector();
  const Features query = random_features(2, 1);
  const auto refused = [&](const auto& change, const char* why) {
    ReferenceBank bank = judge.remember(random_features(2, 3));
    for (auto& [layer, patches] : bank.patches) patches = patches.clone();
    bank.global = bank.global.clone();
    change(bank);
    EXPECT_THAT([&] { judge.detect(query, bank); }, Fails(ErrorKind::data, HasSubstr(why)));
  };
  refused([](ReferenceBank& b) { b.patches[12][7][5] = std::nan(""); },
          "of layer 12 hold numbers that are not finite");
  refused([](ReferenceBank& b) { b.global *= 2; }, "not of unit length");
  refused([](ReferenceBank& b) { b.global = b.global.narrow(0, 0, 0); }, "is empty");
  refused([](ReferenceBank& b) { b.patches[6] = b.patches[6].narrow(0, 0, 20); }, "must be float32 [40, 32]");
}

TEST(Detector, RefusesOptionsThatAFileCouldNotHold) {
  const auto refused = [](const auto& change, const char* key) {
    DetectorOptions options;
    change(options);
    EXPECT_THAT([&] { detector(options); }, Fails(ErrorKind::settings, HasSubstr(key)));
  };
  refused([](DetectorOptions& o) { o.retrieval.neighbours = 0; }, "retrieval.neighbours is 0");
  refused([](DetectorOptions& o) { o.retrieval.gamma = std::nan(""); }, "retrieval.gamma is nan");
  refused([](DetectorOptions& o) { o.scoring.smoothing_sigma = 0; }, "scoring.smoothing_sigma is 0");
  refused([](DetectorOptions& o) { o.scoring.top_fraction = -1; }, "scoring.top_fraction is -1");
  TextAnchors anchors = random_anchors();
  anchors.residual = anchors.residual * std::nan("");
  EXPECT_THAT([&] { Detector(anchors, small_card(), {}); }, Fails(ErrorKind::data, HasSubstr("not finite")));
}

}  // namespace
}  // namespace res2clip
