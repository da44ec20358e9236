#include "res2clip/features/stored_features.hpp"

#include <gmock/gmock.h>
#include <thread>

#include "data/tree.hpp"
#include "features/images.hpp"
#include "support/fails.hpp"
#include "support/threads_as_processes.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::Fails;
using testing::GreyBackbone;
using ::testing::HasSubstr;
using testing::rethrowing;
using testing::TemporaryFolder;

StoreDescription description(std::vector<int> layers = {1, 2}) {
  return {.dataset = "greys",
          .backbone = "grey",
          .image_size = 4,
          .layers = std::move(layers),
          .embed = 3,
          .grid = testing::kSmallGrid,
          .stored_as = StoredAs::float32,
          .encoding = "fp32"};
}

class StoredFeaturesTest : public ::testing::Test {
 protected:
  FeatureStore store(std::vector<int> layers = {1, 2}) const {
    return {folder / "store", description(std::move(layers))};
  }

  void damage_first_record() const {
    std::string records = read_file(folder / "store/features.bin");
    records[5] = static_cast<char>(records[5] ^ 1);
    write_file(folder / "store/features.bin", records);
  }

  TemporaryFolder folder;
  std::vector<Path> images = testing::write_greys(folder, 5);
  GreyBackbone backbone;
  EncodedFeatures encoded = backbone.encoded(2);
  Features expected = encoded.of(images);
  std::unique_ptr<Communicator> alone = single_process();
};

TEST_F(StoredFeaturesTest, EncodeWhatTheStoreLacksAndNothingElse) {
  backbone.encoded_images = 0;
  StoredFeatures stored(store(), encoded, at::kCPU);
  const std::span<const Path> all(images);
  EXPECT_TRUE(stored.of(all.first(3)).global.equal(expected.global.slice(0, 0, 3)));
  EXPECT_EQ(backbone.encoded_images, 3);
  EXPECT_TRUE(stored.of(all).global.equal(expected.global));
  EXPECT_EQ(backbone.encoded_images, 5);
  StoredFeatures again(store(), encoded, at::kCPU);
  EXPECT_TRUE(again.of(all).patches.at(2).equal(expected.patches.at(2)));
  EXPECT_EQ(backbone.encoded_images, 5);
}

TEST_F(StoredFeaturesTest, AreTheSameForImagesThatWereAnnounced) {
  StoredFeatures stored(store(), encoded, at::kCPU);
  const std::span<const Path> all(images);
  for (const int round : {1, 2}) {  // the first finds nothing in the store, the second all
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (i + 1 < images.size()) stored.soon(all.subspan(i + 1, 1));
      if (i + 2 < images.size()) stored.soon(all.subspan(i + 2, 1));
      const auto at = static_cast<std::int64_t>(i);
      EXPECT_TRUE(stored.of(all.subspan(i, 1)).global.equal(expected.global.slice(0, at, at + 1))) << round;
    }
  }
}

TEST_F(StoredFeaturesTest, EncodeDamagedRecordsAgainAnnouncedOrNot) {
  for (const bool announced : {false, true}) {
    EXPECT_TRUE(StoredFeatures(store(), encoded, at::kCPU).of(images).global.equal(expected.global));
    damage_first_record();
    backbone.encoded_images = 0;
    StoredFeatures stored(store(), encoded, at::kCPU);
    if (announced) stored.soon(images);
    EXPECT_TRUE(stored.of(images).global.equal(expected.global));
    EXPECT_EQ(backbone.encoded_images, 1);
    std::filesystem::remove_all(folder / "store");
  }
}

TEST_F(StoredFeaturesTest, HoldEqualImagesOnce) {
  testing::write_grey(folder / "twin.png", 10);
  backbone.encoded_images = 0;
  StoredFeatures stored(store(), encoded, at::kCPU);
  const Features found = stored.of(std::vector<Path>{images[0], folder / "twin.png"});
  EXPECT_TRUE(found.global[0].equal(found.global[1]));
  EXPECT_EQ(backbone.encoded_images, 1);
}

TEST_F(StoredFeaturesTest, NeverStoreAnImageThatWasReplacedAfterItWasIdentified) {
  StoredFeatures stored(store(), encoded, at::kCPU);
  stored.soon(images);                  // identifies them
  testing::write_grey(images[4], 200);  // before they are encoded
  EXPECT_THAT(
      [&] { stored.of(images); },
      Fails(ErrorKind::data, AllOf(HasSubstr("4.png"), HasSubstr("was changed while it was in use"))));
  testing::write_grey(images[4], 14);
  StoredFeatures later(store(), encoded, at::kCPU);
  EXPECT_TRUE(later.of(images).global.equal(expected.global));
}

TEST_F(StoredFeaturesTest, ServeAnyLayersThatTheStoreHolds) {
  StoredFeatures(store(), encoded, at::kCPU).of(std::span(images).first(3));
  EncodedFeatures second = backbone.encoded(2, {2});
  StoredFeatures stored(store({2}), second, at::kCPU);
  backbone.encoded_images = 0;
  const Features found = stored.of(images);  // two of them are new, and stored with all layers
  EXPECT_EQ(backbone.encoded_images, 2);
  EXPECT_EQ(found.patches.size(), 1U);
  EXPECT_TRUE(found.patches.at(2).equal(expected.patches.at(2)));
  const Features both = StoredFeatures(store(), encoded, at::kCPU).of(images);
  EXPECT_EQ(backbone.encoded_images, 2);
  EXPECT_TRUE(both.patches.at(1).equal(expected.patches.at(1)));
  EXPECT_THAT(
      [&] {
        store({2, 3});
      },
      Fails(ErrorKind::data, HasSubstr("layers is [1,2] there and [2,3] here")));
}

TEST_F(StoredFeaturesTest, AreFilledOnceAndSayHowFarTheyAre) {
  StoredFeatures stored(store(), encoded, at::kCPU);
  stored.of(std::span(images).first(1));
  std::vector<std::int64_t> done;
  EXPECT_EQ(stored.fill(images, *alone,
                        [&](std::int64_t count, std::int64_t total, const std::string&) {
                          EXPECT_EQ(total, 4);
                          done.push_back(count);
                        }),
            4);
  EXPECT_THAT(done, ElementsAre(0, 2));
  EXPECT_EQ(stored.fill(images, *alone), 0);
  EXPECT_TRUE(stored.of(images).global.equal(expected.global));
}

TEST_F(StoredFeaturesTest, NameAllFilesThatCannotBeReadBeforeAnythingIsEncoded) {
  write_file(images[1], "no image");
  std::filesystem::remove(images[3]);
  backbone.encoded_images = 0;
  StoredFeatures stored(store(), encoded, at::kCPU);
  EXPECT_THAT([&] { stored.fill(images, *alone); },
              Fails(ErrorKind::data,
                    AllOf(HasSubstr("2 images cannot be read"), HasSubstr("1.png: is text, not an image"),
                          HasSubstr("3.png: cannot be opened"))));
  EXPECT_EQ(backbone.encoded_images, 0);
}

TEST_F(StoredFeaturesTest, KeepWhatWasEncodedBeforeAnInterruption) {
  int asked = 0;
  StoredFeatures stored(store(), encoded, at::kCPU);
  EXPECT_THAT([&] { stored.fill(images, *alone, {}, [&] { return ++asked == 2; }); },
              Fails(ErrorKind::runtime, HasSubstr("interrupted; what is encoded stays")));
  EXPECT_EQ(StoredFeatures(store(), encoded, at::kCPU).fill(images, *alone), 3);
}

/// Several processes that fill their stores, each with handles and a backbone of its own; returns what each
/// threw.
std::vector<std::exception_ptr> fill_together(int size, const std::function<Path(int)>& store_of,
                                              const std::vector<Path>& images,
                                              std::vector<std::int64_t>& encoded, int stopping = -1) {
  testing::Meeting meeting(size);
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(size));
  encoded.assign(static_cast<std::size_t>(size), 0);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      const auto own = static_cast<std::size_t>(rank);
      testing::ThreadAsProcess process(rank, meeting);
      GreyBackbone backbone;
      EncodedFeatures source = backbone.encoded(1);
      StoredFeatures stored(FeatureStore(store_of(rank), description()), source, at::kCPU);
      try {
        stored.fill(images, process, {}, [&] { return rank == stopping; });
      } catch (...) {
        failures[own] = std::current_exception();
      }
      encoded[own] = backbone.encoded_images;
    });
  for (std::thread& thread : threads) thread.join();
  return failures;
}

TEST_F(StoredFeaturesTest, AreFilledByAllProcessesOfAJobTogether) {
  std::vector<std::int64_t> counts;
  const auto failures = fill_together(
      2, [&](int) { return folder / "store"; }, images, counts);
  EXPECT_THAT(failures, ElementsAre(nullptr, nullptr));
  EXPECT_THAT(counts, ElementsAre(3, 2));
  backbone.encoded_images = 0;
  StoredFeatures stored(store(), encoded, at::kCPU);
  EXPECT_TRUE(stored.of(images).global.equal(expected.global));
  EXPECT_EQ(backbone.encoded_images, 0);
}

TEST_F(StoredFeaturesTest, NeedOneStoreForAllProcesses) {
  std::vector<std::int64_t> counts;
  const auto failures = fill_together(
      2, [&](int rank) { return folder / ("store" + std::to_string(rank)); }, images, counts);
  for (const auto& failure : failures)
    EXPECT_THAT(rethrowing(failure),
                Fails(ErrorKind::runtime, HasSubstr("is not the same folder for all processes of this job")));
}

TEST_F(StoredFeaturesTest, StopEverywhereWhereOneProcessIsInterrupted) {
  std::vector<std::int64_t> counts;
  const auto failures = fill_together(
      2, [&](int) { return folder / "store"; }, images, counts, /*stopping=*/1);
  for (const auto& failure : failures)
    EXPECT_THAT(rethrowing(failure), Fails(ErrorKind::runtime, HasSubstr("interrupted")));
}

TEST_F(StoredFeaturesTest, RefuseABrokenFileOnAllProcesses) {
  write_file(images[1], "no image");
  std::vector<std::int64_t> counts;
  const auto failures = fill_together(
      2, [&](int) { return folder / "store"; }, images, counts);
  for (const auto& failure : failures)
    EXPECT_THAT(rethrowing(failure), Fails(ErrorKind::data, HasSubstr("1.png: is text, not an image")));
  EXPECT_THAT(counts, ElementsAre(0, 0));
}

}  // namespace
}  // namespace res2clip
