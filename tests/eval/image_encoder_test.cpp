#include "res2clip/eval/image_encoder.hpp"

#include <atomic>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"

#include "support/fails.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;

/// "Images" that hold the numbers their paths end in; "features" that are those images.
struct Numbers {
  std::atomic<int> prepared{0};

  ImageEncoder encoder(bool background) {
    return {[this](std::span<const Path> paths) {
              ++prepared;
              std::vector<double> numbers;
              for (const auto& path : paths) {
                if (path == "broken") throw data_error("broken: cannot be read");
                numbers.push_back(std::stod(path.string()));
              }
              return at::tensor(numbers);
            },
            [](const at::Tensor& images) {
              Features features;
              features.global = images;
              return features;
            },
            background};
  }
};

std::vector<Sample> samples_of(const std::vector<std::string>& paths) {
  std::vector<Sample> samples(paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) samples[i].image = paths[i];
  return samples;
}

TEST(ImageEncoder, GivesEveryBatchItsOwnImagesInTheForegroundAndInTheBackground) {
  const auto samples = samples_of({"1", "2", "3", "4", "5"});
  const std::span<const Sample> all(samples);
  for (const bool background : {false, true}) {
    Numbers numbers;
    auto encoder = numbers.encoder(background);
    encoder.announce(all.subspan(2, 2));  // as the evaluator does: one ahead, the first batch never announced
    EXPECT_EQ(encoder.encode(all.first(2)).global[0].item<double>(), 1.0);
    encoder.announce(all.subspan(4, 1));
    EXPECT_EQ(encoder.encode(all.subspan(2, 2)).global[1].item<double>(), 4.0);
    EXPECT_EQ(encoder.encode(all.subspan(4, 1)).global[0].item<double>(), 5.0);
    EXPECT_EQ(numbers.prepared, 3) << "an image was read twice";
  }
}

TEST(ImageEncoder, ABatchThatIsAnnouncedMayBeSkipped) {
  const auto samples = samples_of({"1", "2", "3"});
  const std::span<const Sample> all(samples);
  Numbers numbers;
  auto encoder = numbers.encoder(true);
  encoder.announce(all.subspan(0, 1));
  encoder.announce(all.subspan(1, 1));
  EXPECT_EQ(encoder.encode(all.subspan(1, 1)).global[0].item<double>(), 2.0);
  EXPECT_EQ(encoder.encode(all.subspan(2, 1)).global[0].item<double>(), 3.0);
}

TEST(ImageEncoder, AnImageThatCannotBeReadIsAnErrorWhenItsTurnComes) {
  const auto samples = samples_of({"1", "broken"});
  const std::span<const Sample> all(samples);
  Numbers numbers;
  auto encoder = numbers.encoder(true);
  encoder.announce(all.subspan(1, 1));
  EXPECT_NO_THROW(encoder.encode(all.first(1)));
  EXPECT_THAT([&] { encoder.encode(all.subspan(1, 1)); },
              Fails(ErrorKind::data, HasSubstr("broken: cannot be read")));
}

}  // namespace
}  // namespace res2clip
