#include "res2clip/features/encoded_features.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <thread>

#include "data/tree.hpp"
#include "features/images.hpp"
#include "support/fails.hpp"

namespace res2clip {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using testing::GreyBackbone;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

std::vector<double> greys(const Features& features) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < features.batch(); ++i)
    values.push_back((features.global[i][0].item<double>() * 0.26862954 + 0.48145466) * 255);
  return values;
}

auto near_greys(std::initializer_list<double> expected) {
  return ::testing::Pointwise(::testing::DoubleNear(1e-3), std::vector<double>(expected));
}

/// An image that can be read only once: the other end of a pipe. Ends when it has been read.
std::thread picture_from_pipe(const Path& path, int grey) {
  const TemporaryFolder folder;
  testing::write_grey(folder / "a.png", grey);
  EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  return std::thread(
      [path, bytes = read_file(folder / "a.png")] { std::ofstream(path, std::ios::binary) << bytes; });
}

TEST(EncodedFeatures, AreThoseOfTheImagesInTheirOrderInBatches) {
  const TemporaryFolder folder;
  const std::vector<Path> images = testing::write_greys(folder, 5);
  GreyBackbone backbone;
  EncodedFeatures encoded = backbone.encoded(2);
  EXPECT_THAT(greys(encoded.of(std::vector{images[4], images[0], images[3], images[1], images[2]})),
              near_greys({14, 10, 13, 11, 12}));
  EXPECT_THAT(backbone.batches, ElementsAre(2, 2, 1));
}

TEST(EncodedFeatures, ReadAnnouncedImagesWhileOthersAreEncodedAndReadThemOnce) {
  const TemporaryFolder folder;
  const std::vector<Path> images = testing::write_greys(folder, 2);
  const std::vector<Path> later{folder / "pipe"};
  std::thread writer = picture_from_pipe(later.front(), 77);
  GreyBackbone backbone;
  EncodedFeatures encoded = backbone.encoded(2);
  encoded.soon(std::vector<Path>(later));  // the caller's list may go away
  writer.join();                           // its bytes were read, though nobody has asked for them
  EXPECT_THAT(greys(encoded.of(images)), near_greys({10, 11}));
  EXPECT_THAT(greys(encoded.of(later)), near_greys({77}));
}

TEST(EncodedFeatures, KnowAnnouncedImagesByTheirPaths) {
  const TemporaryFolder folder;
  const std::vector<Path> images = testing::write_greys(folder, 4);
  GreyBackbone backbone;
  EncodedFeatures encoded = backbone.encoded(2);
  std::vector<Path> list{images[0], images[1]};
  encoded.soon(list);
  list = {images[2], images[3]};  // the same memory, other images
  EXPECT_THAT(greys(encoded.of(list)), near_greys({12, 13}));
}

TEST(EncodedFeatures, AnAnnouncedBatchMayBeSkipped) {
  const TemporaryFolder folder;
  const std::vector<Path> images = testing::write_greys(folder, 3);
  GreyBackbone backbone;
  EncodedFeatures encoded = backbone.encoded(1);
  const std::span<const Path> all(images);
  encoded.soon(all.subspan(0, 1));
  encoded.soon(all.subspan(1, 1));
  EXPECT_THAT(greys(encoded.of(all.subspan(1, 1))), near_greys({11}));
  EXPECT_THAT(greys(encoded.of(all.subspan(2, 1))), near_greys({12}));
}

TEST(EncodedFeatures, AnImageThatCannotBeReadIsAnErrorWhenItsTurnComes) {
  const TemporaryFolder folder;
  const std::vector<Path> images = testing::write_greys(folder, 2);
  write_file(images[1], "no image");
  GreyBackbone backbone;
  EncodedFeatures encoded = backbone.encoded(1);
  const std::span<const Path> all(images);
  encoded.soon(all);
  EXPECT_THAT(greys(encoded.of(all.first(1))), near_greys({10}));
  EXPECT_THAT([&] { encoded.of(all.last(1)); }, Fails(ErrorKind::data, HasSubstr("1.png")));
  EXPECT_EQ(backbone.encoded_images, 1);
}

}  // namespace
}  // namespace res2clip
