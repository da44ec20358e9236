#include "res2clip/model/layers.hpp"

#include "support/fails.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;
using Blocks = std::vector<int>;

TEST(Layers, OfTwentyFourBlocksAreTheReleasedOnes) {
  const Layers training_free = resolve_layers({}, 24, false);
  EXPECT_EQ(training_free.text, (Blocks{24}));
  EXPECT_EQ(training_free.visual, (Blocks{6, 12, 18, 24}));
  EXPECT_EQ(training_free.residual, (Blocks{24}));
  EXPECT_EQ(resolve_layers({}, 24, true).residual, (Blocks{6, 12, 18, 24}));
}

TEST(Layers, OfAnotherDepthAreItsQuarters) {
  EXPECT_EQ(quarters(12), (Blocks{3, 6, 9, 12}));
  EXPECT_EQ(quarters(6), (Blocks{2, 3, 5, 6}));
  EXPECT_EQ(quarters(2), (Blocks{1, 2}));
  EXPECT_EQ(quarters(1), (Blocks{1}));
}

TEST(Layers, AreEncodedOnceHoweverManyBranchesReadThem) {
  LayerOptions options;
  options.text = {20};
  options.visual = {24, 6};
  options.residual_training_free = {12, 6};
  const Layers layers = resolve_layers(options, 24, false);
  EXPECT_EQ(layers.visual, (Blocks{6, 24}));
  EXPECT_EQ(layers.matched(), (Blocks{6, 12, 24}));
  EXPECT_EQ(layers.needed(), (Blocks{6, 12, 20, 24}));
}

TEST(Layers, BeyondTheDepthOrNamedTwiceAreRefused) {
  LayerOptions options;
  options.visual = {6, 25};
  EXPECT_THAT([&] { resolve_layers(options, 24, false); },
              Fails(ErrorKind::settings, HasSubstr("layers.visual names layer 25")));
  options.visual = {6, 6};
  EXPECT_THAT([&] { resolve_layers(options, 24, false); },
              Fails(ErrorKind::settings, HasSubstr("layers.visual names layer 6 twice")));
}

}  // namespace
}  // namespace res2clip
