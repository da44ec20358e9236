#include "res2clip/model/reference_bank.hpp"

#include <cstring>
#include <limits>
#include <utility>

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

at::Tensor unit_rows(const std::vector<std::int64_t>& shape) {
  const at::Tensor rows = at::randn(shape);
  return rows / rows.norm(2, {-1}, true);
}

ReferenceBank small_bank() {
  Features normals;
  normals.global = unit_rows({2, 8});
  normals.grid = {2, 3};
  normals.patches = {{6, unit_rows({2, 6, 8})}, {24, unit_rows({2, 6, 8})}, {12, unit_rows({2, 6, 8})}};
  ReferenceBank bank = make_bank(normals, {6, 24});
  bank.origin = {std::string(64, '0'), {{"image.size", "518"}}, {"good/000.png", "good/a \"b\"\n\xff.png"}};
  return bank;
}

/// What a bank's file holds, with another last number and a checksum to match.
std::string bytes_with_last_number(const ReferenceBank& bank, float number) {
  std::string bytes = bytes_of_bank(bank);
  std::memcpy(bytes.data() + bytes.size() - sizeof number, &number, sizeof number);
  const std::string key = "\"sha256\":\"";
  const std::size_t place = bytes.find(key) + key.size();
  bytes.replace(place, 64, std::string(64, '0'));
  return bytes.replace(place, 64, sha256(bytes));
}

auto loading(const Path& path) {
  return [path] { load_bank(path); };
}

TEST(ReferenceBank, HoldsTheShotsOneAfterTheOther) {
  Features normals;
  normals.global = unit_rows({3, 8});
  normals.grid = {2, 2};
  normals.patches[5] = unit_rows({3, 4, 8});
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

TEST(ReferenceBank, KeepsItsCalibrationAndKnowsItsChecksum) {
  const TemporaryFolder folder;
  ReferenceBank bank = small_bank();
  save_bank(bank, folder / "plain.bank");
  EXPECT_FALSE(load_bank(folder / "plain.bank").calibration);
  bank.calibration.emplace();
  bank.calibration->threshold = 1.0 / 3;
  bank.calibration->references = {{0, 0.25, 0.5}, {1, 1.0 / 3, 0.75}};
  save_bank(bank, folder / "calibrated.bank");
  const ReferenceBank again = load_bank(folder / "calibrated.bank");
  ASSERT_TRUE(again.calibration);
  EXPECT_EQ(to_text(*again.calibration), to_text(*bank.calibration));
  EXPECT_EQ(again.checksum.size(), 64U);
  EXPECT_NE(again.checksum, load_bank(folder / "plain.bank").checksum);
}

TEST(ReferenceBank, GivesOneShotAndTheOthers) {
  const ReferenceBank bank = small_bank();
  const Features one = shot_of(bank, 1);
  const ReferenceBank others = without_shot(bank, 1);
  EXPECT_TENSORS_NEAR(one.global[0], bank.global[1], 0.0);
  EXPECT_TENSORS_NEAR(one.patches.at(24)[0], bank.patches.at(24).narrow(0, 6, 6), 0.0);
  EXPECT_EQ(others.shots(), 1);
  EXPECT_TENSORS_NEAR(others.patches.at(6), bank.patches.at(6).narrow(0, 0, 6), 0.0);
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

TEST(ReferenceBank, OfNumbersThatAreNotFiniteIsNotSaved) {
  const TemporaryFolder folder;
  for (const float number :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    ReferenceBank bank = small_bank();
    bank.patches.at(24)[3][5] = number;
    EXPECT_THAT([&] { save_bank(bank, folder / "spoiled.bank"); },
                Fails(ErrorKind::data, HasSubstr("of layer 24 hold numbers that are not finite")));
    EXPECT_FALSE(std::filesystem::exists(folder / "spoiled.bank"));
    write_file(folder / "foreign.bank", bytes_with_last_number(small_bank(), number));
    EXPECT_THAT(loading(folder / "foreign.bank"),
                Fails(ErrorKind::data, AllOf(HasSubstr("foreign.bank"), HasSubstr("not finite"))));
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

TEST(ReferenceBank, IsTheSameAsBytesInMemoryAndInAFile) {
  const TemporaryFolder folder;
  const ReferenceBank bank = small_bank();
  save_bank(bank, folder / "normal.bank");
  const std::string bytes = bytes_of_bank(bank);
  EXPECT_EQ(bytes, read_file(folder / "normal.bank"));
  EXPECT_TENSORS_NEAR(bank_of_bytes(bytes, "memory").patches.at(24), bank.patches.at(24), 0.0);
  EXPECT_THAT([&] { bank_of_bytes(bytes.substr(0, bytes.size() - 1), "memory"); },
              Fails(ErrorKind::data, HasSubstr("memory: is not a complete reference bank")));
}

TEST(ReferenceBank, TakesReferencesOfOthersAndLeavesOwnOut) {
  const ReferenceBank one = small_bank();
  ReferenceBank two = small_bank();
  two.origin.references = {"c.png", "d.png"};
  const ReferenceBank all = concatenate({one, two});
  EXPECT_EQ(all.shots(), 4);
  EXPECT_EQ(all.origin.references[2], "c.png");
  EXPECT_TENSORS_NEAR(all.patches.at(6).narrow(0, 12, 12), two.patches.at(6), 0.0);
  const ReferenceBank part = selected(all, std::vector<std::int64_t>{3, 0});
  EXPECT_EQ(part.origin.references, (std::vector<std::string>{"d.png", one.origin.references[0]}));
  EXPECT_EQ(part.origin.backbone, one.origin.backbone);
  EXPECT_TENSORS_NEAR(part.global[0], two.global[1], 0.0);
  EXPECT_TENSORS_NEAR(part.patches.at(24).narrow(0, 6, 6), one.patches.at(24).narrow(0, 0, 6), 0.0);
}

TEST(ReferenceBank, IsNotPutTogetherFromWhatDoesNotFit) {
  const ReferenceBank bank = small_bank();
  const auto refused = [&](const ReferenceBank& other, const char* why) {
    EXPECT_THAT([&] { concatenate({bank, other}); }, Fails(ErrorKind::data, HasSubstr(why)));
  };
  ReferenceBank other = bank;
  other.origin.settings["image.size"] = "336";
  refused(other, "image.size 336");
  other = bank;
  other.patches.erase(24);
  refused(other, "different grids, layers");
  other = bank;
  other.global = other.global.clone();
  other.global[0][0] = std::nan("");
  refused(other, "not finite");
  EXPECT_THAT([] { concatenate(std::vector<ReferenceBank>{}); },
              Fails(ErrorKind::data, HasSubstr("no reference banks")));
  for (const std::vector<std::int64_t>& shots : {std::vector<std::int64_t>{}, {2}, {-1}})
    EXPECT_THAT([&] { selected(bank, shots); }, Fails(ErrorKind::data, ::testing::_));
}

TEST(ReferenceBank, WithoutAnOriginIsToldFromOneOfAnotherBackbone) {
  ReferenceBank bank = small_bank();
  const BankOrigin origin = std::exchange(bank.origin, {});
  EXPECT_THAT([&] { require_origin(bank, origin, "a bank"); },
              Fails(ErrorKind::data, HasSubstr("does not say which backbone")));
}

}  // namespace
}  // namespace res2clip
