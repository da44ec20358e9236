#include <fstream>
#include <gmock/gmock.h>
#include <limits>

#include "res2clip/core/files.hpp"
#include "res2clip/features/feature_store.hpp"

#include "features/stores.hpp"
#include "support/fails.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::description;
using ::testing::ElementsAre;
using testing::expect_stored;
using testing::Fails;
using testing::features;
using ::testing::HasSubstr;
using testing::identities;
using testing::identity;
using ::testing::SizeIs;
using testing::TemporaryFolder;

/// Cuts the last `bytes` off a file.
void cut(const Path& file, std::uintmax_t bytes) {
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - bytes);
}

TEST(FeatureStoreDamage, GoesOnFromATornIndex) {
  const TemporaryFolder folder;
  {
    FeatureStore store(folder.path(), description());
    store.put(identities(0, 3), features(0, 3));
  }
  cut(folder / "index.log", 5);
  FeatureStore store(folder.path(), description());
  EXPECT_THAT(store.missing(identities(0, 3)), ElementsAre(identity(2)));
  store.put(identities(2, 2), features(2, 2));
  expect_stored(store, identities(0, 4), features(0, 4));
  EXPECT_EQ(FeatureStore(folder.path(), description()).size(), 4);
}

TEST(FeatureStoreDamage, GoesOnFromATornRecord) {
  const TemporaryFolder folder;
  {
    FeatureStore store(folder.path(), description());
    store.put(identities(0, 3), features(0, 3));
  }
  cut(folder / "features.bin", 5);
  FeatureStore store(folder.path(), description());
  EXPECT_THAT(store.missing(identities(0, 3)), ElementsAre(identity(2)));
  store.put(identities(2, 1), features(2, 1));
  expect_stored(store, identities(0, 3), features(0, 3));
}

TEST(FeatureStoreDamage, IgnoresAnEntryThatWasDamaged) {
  const TemporaryFolder folder;
  {
    FeatureStore store(folder.path(), description());
    store.put(identities(0, 3), features(0, 3));
  }
  std::string entries = read_file(folder / "index.log");
  entries[entries.size() / 2] = static_cast<char>(entries[entries.size() / 2] ^ 4);
  write_file(folder / "index.log", entries);
  FeatureStore store(folder.path(), description());
  EXPECT_THAT(store.missing(identities(0, 3)), ElementsAre(identity(1)));
}

TEST(FeatureStoreDamage, NoticesADamagedRecordWhenItIsRead) {
  const TemporaryFolder folder;
  {
    FeatureStore store(folder.path(), description());
    store.put(identities(0, 2), features(0, 2));
  }
  std::string records = read_file(folder / "features.bin");
  records[100] = static_cast<char>(records[100] ^ 1);
  write_file(folder / "features.bin", records);
  const FeatureStore store(folder.path(), description());
  EXPECT_THAT([&] { store.read(identities(0, 1)); }, Fails(ErrorKind::data, HasSubstr("damaged")));
  expect_stored(store, identities(1, 1), features(1, 1));
}

// Files of a store lie open to others while they are in use.
void overwrite(const Path& file, std::size_t place, std::string_view bytes) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(static_cast<std::streamoff>(place));
  stream << bytes;
}

TEST(FeatureStoreDamage, NoticesARecordThatWasChangedAfterItsFirstUse) {
  const TemporaryFolder folder;
  FeatureStore store(folder.path(), description());
  store.put(identities(0, 2), features(0, 2));
  expect_stored(store, identities(0, 2), features(0, 2));
  overwrite(folder / "features.bin", 100, "?!");
  EXPECT_THAT([&] { store.read(identities(0, 1)); }, Fails(ErrorKind::data, HasSubstr("damaged")));
}

TEST(FeatureStoreDamage, ThatBecomesShorterDuringARunIsADataError) {
  const TemporaryFolder folder;
  FeatureStore store(folder.path(), description());
  store.put(identities(0, 2), features(0, 2));
  expect_stored(store, identities(0, 2), features(0, 2));
  std::filesystem::resize_file(folder / "features.bin", 10);
  EXPECT_THAT([&] { store.read(identities(1, 1)); }, Fails(ErrorKind::data, HasSubstr("damaged")));
  FeatureStore again(folder.path(), description());
  EXPECT_THAT(again.missing(identities(0, 2)), SizeIs(2));  // and is filled again
}

TEST(FeatureStoreDamage, TakesRecordsAgainWhoseNumbersAreNotFinite) {
  for (const auto stored_as : {StoredAs::float32, StoredAs::float16}) {
    const TemporaryFolder folder;
    FeatureStore store(folder.path(), description(stored_as));
    Features spoiled = features(0, 2);
    spoiled.patches[12][1][3][5] = std::numeric_limits<float>::quiet_NaN();
    store.put(identities(0, 2), spoiled);
    EXPECT_THAT([&] { store.read(identities(1, 1)); }, Fails(ErrorKind::data, HasSubstr("damaged")));
    EXPECT_THAT(store.forget_damaged(identities(0, 2)), ElementsAre(identity(1)));
  }
}

TEST(FeatureStoreDamage, TakesADamagedRecordAgain) {
  const TemporaryFolder folder;
  {
    FeatureStore store(folder.path(), description());
    store.put(identities(0, 3), features(0, 3));
  }
  std::string records = read_file(folder / "features.bin");
  records[100] = static_cast<char>(records[100] ^ 1);
  write_file(folder / "features.bin", records);
  FeatureStore store(folder.path(), description());
  EXPECT_THAT(store.forget_damaged(identities(0, 3)), ElementsAre(identity(0)));
  EXPECT_THAT(store.missing(identities(0, 3)), ElementsAre(identity(0)));
  store.put(identities(0, 1), features(0, 1));
  expect_stored(store, identities(0, 3), features(0, 3));
  expect_stored(FeatureStore(folder.path(), description()), identities(0, 3), features(0, 3));
}

}  // namespace
}  // namespace res2clip
