#include "res2clip/features/batch_reader.hpp"

#include <gmock/gmock.h>

#include "res2clip/core/files.hpp"
#include "res2clip/image/remarks.hpp"

#include "data/tree.hpp"
#include "features/images.hpp"
#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;
using testing::rethrowing;
using testing::TemporaryFolder;
using testing::test_data;

TEST(BatchReader, GivesTheBitsOfThePlainFormForAnyNumberOfThreads) {
  const TemporaryFolder folder;
  std::vector<Path> images = testing::write_greys(folder, 5);
  for (std::size_t i = 0; i < images.size(); ++i)
    write_png(images[i], at::randint(256, {30 + static_cast<int>(i), 40, 3}, at::kByte));
  for (const bool convert_first : {true, false}) {
    const ImageOptions options{.size = 14, .convert_before_resize = convert_first};
    const at::Tensor expected = prepare_images(images, options);
    for (const std::size_t threads : {1, 2, 7}) {
      BatchReader reader({.image = options, .threads = threads});
      EXPECT_TRUE(reader.read(images).input.equal(expected)) << threads;
    }
  }
}

TEST(BatchReader, TellsIdentityAndPixelsOfTheBytesThatWereDecoded) {
  const TemporaryFolder folder;
  const std::vector<Path> images = testing::write_greys(folder, 2);
  BatchReader reader({.image = {.size = 4}, .identities = true, .pixels = true});
  const ImageBatch batch = reader.read(images);
  EXPECT_EQ(batch.images[1].identity, sha256_of_file(images[1]));
  EXPECT_TRUE(batch.images[1].pixels.equal(at::full({6, 5, 3}, 11, at::kByte)));
  EXPECT_EQ(batch.images[1].height, 6);
  EXPECT_EQ(batch.images[1].width, 5);
  BatchReader plain({.image = {.size = 4}});
  const ImageBatch without = plain.read(images);
  EXPECT_EQ(without.images[0].identity, "");
  EXPECT_FALSE(without.images[0].pixels.defined());
}

TEST(BatchReader, LeavesOutAnImageThatCannotBeReadAndSaysWhy) {
  const TemporaryFolder folder;
  std::vector<Path> images = testing::write_greys(folder, 3);
  const at::Tensor whole = prepare_images(images, {.size = 4});
  write_file(images[1], "no image");
  BatchReader reader({.image = {.size = 4}});
  const ImageBatch batch = reader.read(images);
  EXPECT_FALSE(batch.images[0].failure);
  EXPECT_THAT(rethrowing(batch.images[1].failure), Fails(ErrorKind::data, HasSubstr("1.png")));
  EXPECT_TRUE(batch.input[1].equal(at::zeros({3, 4, 4})));
  EXPECT_TRUE(batch.whole_inputs().equal(at::stack({whole[0], whole[2]})));
  EXPECT_THAT([&] { batch.require_whole(); }, Fails(ErrorKind::data, HasSubstr("1.png")));
}

TEST(BatchReader, ReadsWideImagesByTheSettingAndTellsWhatIsOddAboutFiles) {
  const std::vector<Path> images{test_data("images/mono12.png"), test_data("images/animated.gif")};
  const ImageOptions options{.size = 4, .reading = {.wide = wide_samples("divide:16")}};
  const auto remarks = std::make_shared<ImageRemarks>();
  BatchReader reader({.image = options, .remarks = remarks});
  EXPECT_TRUE(reader.read(images).input.equal(prepare_images(images, options)));
  EXPECT_THAT(remarks->lines({}), ElementsAre(HasSubstr("animated.gif")));
  BatchReader without({.image = {.size = 4}});
  const ImageBatch refused = without.read(images);
  EXPECT_THAT(rethrowing(refused.images[0].failure),
              Fails(ErrorKind::data, AllOf(HasSubstr("mono12.png"), HasSubstr("image.wide"))));
  EXPECT_FALSE(refused.images[1].failure);
}

TEST(BatchReader, ReadsSeveralBatchesAtOnce) {
  const TemporaryFolder folder;
  const std::vector<Path> images = testing::write_greys(folder, 4);
  BatchReader reader({.image = {.size = 4}, .threads = 2});
  const std::span<const Path> all(images);
  PendingBatch first = reader.start(all.first(2)), second = reader.start(all.last(2));
  EXPECT_TRUE(second.wait().input.equal(prepare_images(all.last(2), {.size = 4})));
  EXPECT_TRUE(first.wait().input.equal(prepare_images(all.first(2), {.size = 4})));
}

}  // namespace
}  // namespace res2clip
