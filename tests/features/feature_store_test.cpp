#include "res2clip/features/feature_store.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <ATen/ATen.h>

#include "res2clip/core/files.hpp"

#include "data/tree.hpp"
#include "features/stores.hpp"
#include "support/fails.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using testing::description;
using ::testing::ElementsAre;
using testing::expect_stored;
using testing::Fails;
using testing::features;
using ::testing::HasSubstr;
using testing::identities;
using testing::identity;
using testing::TemporaryFolder;

TEST(FeatureStore, GivesBackWhatWasPutInAnyOrderAndBatch) {
  const TemporaryFolder folder;
  {
    FeatureStore store(folder / "cache", description());
    store.put(identities(0, 3), features(0, 3));
    store.put(identities(3, 2), features(3, 2));
    EXPECT_EQ(store.size(), 5);
    expect_stored(store, identities(0, 5), features(0, 5));
  }
  FeatureStore again(folder / "cache", description());
  EXPECT_EQ(again.size(), 5);
  expect_stored(again, {identity(4), identity(1)},
                {at::stack({features(4, 1).global[0], features(1, 1).global[0]}),
                 {{6, at::cat({features(4, 1).patches[6], features(1, 1).patches[6]})},
                  {12, at::cat({features(4, 1).patches[12], features(1, 1).patches[12]})}},
                 {2, 3}});
}

TEST(FeatureStore, AsFloat16IsHalfAsLargeAndWithinHalfAUnitOfItsLastPlace) {
  const TemporaryFolder folder;
  FeatureStore store(folder.path(), description(StoredAs::float16));
  store.put(identities(0, 3), features(0, 3));
  expect_stored(store, identities(0, 3), features(0, 3), 2.5e-4);  // 2^-11 / 2 for values up to 1
  StoreDescription large = description();
  large.embed = 768;
  large.grid = {37, 37};
  const auto full = predicted_bytes(large, 10);
  large.stored_as = StoredAs::float16;
  EXPECT_NEAR(static_cast<double>(full) / static_cast<double>(predicted_bytes(large, 10)), 2.0, 0.01);
}

TEST(FeatureStore, PredictsTheSizeOfItsFile) {
  const TemporaryFolder folder;
  FeatureStore store(folder.path(), description());
  store.put(identities(0, 7), features(0, 7));
  EXPECT_EQ(std::filesystem::file_size(folder / "features.bin"), predicted_bytes(description(), 7));
}

/// MVTec AD's 1,725 test images at 518 px and four layers.
TEST(FeatureStore, PredictsTheKnownSizeOfMvtecsTestSet) {
  StoreDescription mvtec = description();
  mvtec.layers = {6, 12, 18, 24};
  mvtec.embed = 768;
  mvtec.grid = {37, 37};
  EXPECT_NEAR(static_cast<double>(predicted_bytes(mvtec, 1725)) / 1e9, 29.0, 0.1);
}

TEST(FeatureStore, NamesWhatIsMissingOnceAndKeepsWhatIsThere) {
  const TemporaryFolder folder;
  FeatureStore store(folder.path(), description());
  store.put(identities(1, 1), features(1, 1));
  EXPECT_THAT(store.missing(std::vector{identity(2), identity(1), identity(0), identity(2)}),
              ElementsAre(identity(2), identity(0)));
  store.put(identities(0, 3), features(5, 3));  // image 1 is there: its features stay
  expect_stored(store, {identity(1)}, features(1, 1));
  EXPECT_EQ(std::filesystem::file_size(folder / "features.bin"), predicted_bytes(description(), 3));
}

TEST(FeatureStore, SeesWhatAnotherHandleWrote) {
  const TemporaryFolder folder;
  FeatureStore one(folder.path(), description()), two(folder.path(), description());
  one.put(identities(0, 2), features(0, 2));
  two.put(identities(1, 2), features(1, 2));
  EXPECT_TRUE(one.missing(identities(0, 3)).empty());
  expect_stored(one, identities(0, 3), features(0, 3));
  expect_stored(two, identities(0, 3), features(0, 3));
}

TEST(FeatureStore, NamesEachFieldThatDiffers) {
  const TemporaryFolder folder;
  { FeatureStore store(folder.path(), description()); }
  const auto opening = [&](auto change) {
    StoreDescription other = description();
    change(other);
    return [&folder, other] { FeatureStore store(folder.path(), other); };
  };
  EXPECT_THAT(opening([](auto& other) { other.dataset = "nuts"; }),
              Fails(ErrorKind::data, HasSubstr("dataset is \"screws\" there and \"nuts\" here")));
  EXPECT_THAT(opening([](auto& other) { other.backbone = "def"; }),
              Fails(ErrorKind::data, HasSubstr("backbone")));
  EXPECT_THAT(opening([](auto& other) {
                other.layers = {6, 24};
              }),
              Fails(ErrorKind::data, HasSubstr("layers is [6,12] there and [6,24] here")));
  EXPECT_THAT(opening([](auto& other) { other.grid = {3, 2}; }), Fails(ErrorKind::data, HasSubstr("grid")));
  EXPECT_THAT(opening([](auto& other) { other.stored_as = StoredAs::float16; }),
              Fails(ErrorKind::data, HasSubstr("stored_as")));
  EXPECT_THAT(opening([](auto& other) { other.encoding = "tf32"; }),
              Fails(ErrorKind::data, HasSubstr("encoding")));
  EXPECT_THAT(
      opening([](auto& other) { other.image_size = 56, other.embed = 32; }),
      Fails(ErrorKind::data, AllOf(HasSubstr("image_size is 28 there and 56 here"), HasSubstr("embed"))));
  EXPECT_NO_THROW(opening([](auto& other) { other.layers = {12, 6}; })());
}

TEST(FeatureStore, RefusesAFolderOfSomethingElse) {
  const TemporaryFolder folder;
  for (const std::string text : {"", "[1]", "{\"format\": 99}", "nonsense"}) {
    write_file(folder / "store.json", text);
    EXPECT_THAT([&] { FeatureStore store(folder.path(), description()); },
                Fails(ErrorKind::data, HasSubstr("another folder")));
  }
  write_file(folder / "mine/index.log", "a log of somebody");
  EXPECT_THAT([&] { FeatureStore store(folder / "mine", description()); },
              Fails(ErrorKind::data, HasSubstr("no store.json")));
  EXPECT_EQ(read_file(folder / "mine/index.log"), "a log of somebody");
  write_file(folder / "file", "x");
  EXPECT_THAT([&] { FeatureStore store(folder / "file/below", description()); },
              Fails(ErrorKind::runtime, HasSubstr("cannot be made")));
}

TEST(FeatureStore, LooksForFreeSpaceBeforeItStarts) {
  const TemporaryFolder folder;
  const FeatureStore store(folder.path(), description());
  const std::uint64_t needed = predicted_bytes(description(), 10);
  EXPECT_NO_THROW(store.require_space(10, [&](const Path&) { return needed; }));
  EXPECT_THAT([&] { store.require_space(10, [&](const Path&) { return needed - 1; }); },
              Fails(ErrorKind::runtime, AllOf(HasSubstr("10 images"), HasSubstr("float16"))));
  EXPECT_GT(free_bytes(folder.path()), 0u);
}

/// Runs `action` in a process that may not write what others may not; returns its exit code.
int as_nobody(const std::function<int()>& action) {
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0 && ::setuid(kNobody) != 0) ::_exit(100);
    try {
      ::_exit(action());
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      ::_exit(101);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(FeatureStore, CanBeReadWhereItMayNotBeWritten) {
  const TemporaryFolder folder;
  {
    FeatureStore store(folder.path(), description());
    store.put(identities(0, 3), features(0, 3));
  }
  using std::filesystem::perms;
  const perms readable = perms::owner_read | perms::group_read | perms::others_read;
  const perms enterable = readable | perms::owner_exec | perms::group_exec | perms::others_exec;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    std::filesystem::permissions(entry.path(), readable);
  std::filesystem::permissions(folder.path(), enterable);
  const Features wanted = features(0, 4);
  EXPECT_EQ(
      as_nobody([&] {
        FeatureStore store(folder.path(), description());
        if (store.missing(identities(0, 4)) != identities(3, 1)) return 1;
        const Features read = store.read(identities(0, 3));
        if (!read.global.equal(wanted.global.slice(0, 0, 3))) return 2;
        const auto putting = [&] {
          store.put(identities(3, 1),
                    {wanted.global.slice(0, 3, 4),
                     {{6, wanted.patches.at(6).slice(0, 3, 4)}, {12, wanted.patches.at(12).slice(0, 3, 4)}},
                     {2, 3}});
        };
        return ::testing::Value(putting, Fails(ErrorKind::runtime, HasSubstr("may only be read"))) ? 0 : 3;
      }),
      0);
  std::filesystem::permissions(folder.path(), enterable | perms::owner_write);
}

/// Writers are killed at random moments; whatever the store then claims to hold is whole, and the next one
/// goes on.
TEST(FeatureStore, SurvivesKillsAtAnyMoment) {
  const TemporaryFolder folder;
  constexpr int kImages = 300, kKills = 25;
  const Features all = features(0, kImages);
  const auto names = identities(0, kImages);
  const auto slice_of = [&](int i) {
    return Features{all.global.slice(0, i, i + 1),
                    {{6, all.patches.at(6).slice(0, i, i + 1)}, {12, all.patches.at(12).slice(0, i, i + 1)}},
                    {2, 3}};
  };
  std::int64_t before = 0;
  for (int kill = 0; kill < kKills; ++kill) {
    const pid_t writer = ::fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) {
      FeatureStore store(folder.path(), description());
      for (int i = 0; i < kImages; ++i)
        if (!store.contains(names[static_cast<std::size_t>(i)]))
          store.put({&names[static_cast<std::size_t>(i)], 1}, slice_of(i));
      ::_exit(0);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500 + 1777 * (kill % 7)));
    ::kill(writer, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(writer, &status, 0), writer);
    FeatureStore store(folder.path(), description());
    EXPECT_GE(store.size(), before);
    before = store.size();
    for (int i = 0; i < kImages; ++i)
      if (store.contains(names[static_cast<std::size_t>(i)]))
        expect_stored(store, {names[static_cast<std::size_t>(i)]}, slice_of(i));
  }
  EXPECT_GT(before, 0);
  FeatureStore store(folder.path(), description());
  store.put(names, all);
  expect_stored(store, names, all);
}

}  // namespace
}  // namespace res2clip
