#include "res2clip/model/reference_bank.hpp"

#include <limits>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "support/fails.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using testing::Fails;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

ReferenceBank small_bank() {
  Features normals;
  normals.global = at::randn({2, 8});
  normals.grid = {2, 3};
  normals.patches = {{6, at::randn({2, 6, 8})}, {24, at::randn({2, 6, 8})}, {12, at::randn({2, 6, 8})}};
  ReferenceBank bank = make_bank(normals, {6, 24});
  bank.origin = {std::string(64, '0'), {{"image.size", "518"}}, {"good/000.png", "good/a \"b\"\n\xff.png"}};
  return bank;
}

auto loading(const Path& path) {
  return [path] { load_bank(path); };
}

TEST(ReferenceBank, HoldsTheShotsOneAfterTheOther) {
  Features normals;
  normals.global = at::randn({3, 8});
  normals.grid = {2, 2};
  normals.patches[5] = at::randn({3, 4, 8});
  const ReferenceBank bank = make_bank(normals, {5});
  EXPECT_EQ(bank.shots(), 3);
  EXPECT_TENSORS_NEAR(bank.patches.at(5).narrow(0, 4, 4), normals.patches[5][1], 0.0);
  EXPECT_THAT([&] { make_bank(normals, {6}); }, Fails(ErrorKind::data, HasSubstr("lack layer 6")));
}

TEST(ReferenceBank, IsTheSameAfterAFile) {
  const TemporaryFolder folder;
  const ReferenceBank bank = small_bank();
  save_bank(bank, folder / "normal.bank");
  const ReferenceBank again = load_bank(folder / "normal.bank");
  EXPECT_TENSORS_NEAR(again.global, bank.global, 0.0);
  ASSERT_EQ(again.patches.size(), 2u);
  for (const int layer : {6, 24}) EXPECT_TENSORS_NEAR(again.patches.at(layer), bank.patches.at(layer), 0.0);
  EXPECT_EQ(again.grid, bank.grid);
  EXPECT_EQ(again.origin.backbone, bank.origin.backbone);
  EXPECT_EQ(again.origin.settings, bank.origin.settings);
  EXPECT_EQ(again.origin.references[0], bank.origin.references[0]);
  EXPECT_EQ(again.origin.references.size(), 2u);
}

TEST(ReferenceBank, IsWrittenAsTheSameBytesEachTime) {
  const TemporaryFolder folder;
  const ReferenceBank bank = small_bank();
  save_bank(bank, folder / "a");
  save_bank(bank, folder / "b");
  EXPECT_EQ(read_file(folder / "a"), read_file(folder / "b"));
}

TEST(ReferenceBank, IsRefusedWhereAnyBitChanged) {
  const TemporaryFolder folder;
  save_bank(small_bank(), folder / "whole");
  const std::string whole = read_file(folder / "whole");
  for (std::size_t place = 0; place < whole.size(); place += 7) {
    std::string changed = whole;
    changed[place] = static_cast<char>(changed[place] ^ (1 << (place % 8)));
    write_file(folder / "changed", changed);
    EXPECT_THAT(loading(folder / "changed"),
                Fails(ErrorKind::data, HasSubstr("not a complete reference bank")))
        << "byte " << place;
  }
}

TEST(ReferenceBank, IsRefusedWhereItIsCutOffOrForeign) {
  const TemporaryFolder folder;
  save_bank(small_bank(), folder / "whole");
  const std::string whole = read_file(folder / "whole");
  for (std::size_t length = 0; length < whole.size(); length += 5) {
    write_file(folder / "cut", whole.substr(0, length));
    EXPECT_THAT(loading(folder / "cut"), Fails(ErrorKind::data, HasSubstr("not a complete reference bank")))
        << length << " bytes";
  }
  write_file(folder / "foreign", "\x89PNG this is an image, not a bank");
  EXPECT_THAT(loading(folder / "foreign"), Fails(ErrorKind::data, HasSubstr("foreign")));
  EXPECT_THAT(loading(folder / "absent"), Fails(ErrorKind::data, HasSubstr("cannot be opened")));
}

TEST(ReferenceBank, OfNumbersThatAreNotFiniteIsRefused) {
  const TemporaryFolder folder;
  for (const float number :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    ReferenceBank bank = small_bank();
    bank.patches.at(24)[3][5] = number;
    save_bank(bank, folder / "spoiled.bank");
    EXPECT_THAT(loading(folder / "spoiled.bank"),
                Fails(ErrorKind::data, AllOf(HasSubstr("spoiled.bank"), HasSubstr("not finite"))));
  }
}

TEST(ReferenceBank, SaysWhatDiffersFromWhatItWasMadeWith) {
  const ReferenceBank bank = small_bank();
  require_origin(bank, bank.origin, "normal.bank");
  const auto checking = [&bank](const BankOrigin& expected) {
    return [&bank, expected] { require_origin(bank, expected, "normal.bank"); };
  };
  EXPECT_THAT(checking({std::string(64, 'a'), bank.origin.settings, {}}),
              Fails(ErrorKind::data, HasSubstr("backbone")));
  EXPECT_THAT(
      checking({bank.origin.backbone, {{"image.size", "336"}}, {}}),
      Fails(ErrorKind::data, AllOf(HasSubstr("image.size 518"), HasSubstr("336"), HasSubstr("normal.bank"))));
  EXPECT_THAT(checking({bank.origin.backbone, {{"image.new", "1"}}, {}}),
              Fails(ErrorKind::data, HasSubstr("not recorded")));
}

}  // namespace
}  // namespace res2clip
