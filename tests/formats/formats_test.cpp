// Files that released versions wrote (tests/data/formats). A version reads them, or refuses them with an
// error that says what to do: then the test of that file says so, and the table in CONTRIBUTING.md too.
#include <cstdlib>

#include <ATen/Parallel.h>

#include "res2clip/clip/backbone.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/torch_files/pickle_writer.hpp"

#include "formats/stored.hpp"
#include "support/adapter_tensors.hpp"
#include "support/fails.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using testing::Fails;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using testing::tensors_of;

Path stored(const std::string& name) {
  return testing::test_data("formats/0.1.0/" + name);
}

at::Tensor numbers(const nlohmann::json& json) {
  return at::tensor(json.get<std::vector<double>>());
}

/// A copy that may be written.
Path copy_of(const std::string& name, const TemporaryFolder& folder) {
  std::filesystem::copy(stored(name), folder / name, std::filesystem::copy_options::recursive);
  return folder / name;
}

TEST(Archives, OfVersion010GiveTheFeaturesThatTheyGaveThen) {
  const TemporaryFolder folder;
  const std::string unpack =
      "gzip -dc '" + stored("archive.pt.gz").string() + "' > '" + (folder / "archive.pt").string() + "'";
  ASSERT_EQ(std::system(unpack.c_str()), 0);
  const Backbone backbone = Backbone::load(folder / "archive.pt", {.device = "cpu"});
  const auto expected = testing::read_json(stored("archive.json"));
  // Banks and stores know their backbone by it.
  EXPECT_EQ(backbone.checksum(), expected["checksum"].get<std::string>());
  EXPECT_EQ(backbone.card().origin.name, "smallest");
  EXPECT_EQ(backbone.card().image_size, 16);
  EXPECT_EQ(backbone.card().encoder.vv_blocks, 1);
  const std::vector<int> layers{1};
  for (const Features& features : {backbone.encode(testing::stored_pixels(), layers),
                                   backbone.encode_plain(testing::stored_pixels(), layers)}) {
    EXPECT_EQ(features.grid, (Grid{2, 2}));
    // Unit vectors on another processor: the tolerance of the goldens of the backbone.
    EXPECT_TENSORS_NEAR(features.global.flatten(), numbers(expected["global"]), 3e-6);
    EXPECT_TENSORS_NEAR(features.patches.at(1).flatten(), numbers(expected["patches"]), 3e-6);
  }
}

TEST(Banks, OfVersion010AreRead) {
  const ReferenceBank bank = load_bank(stored("normal.bank"));
  const ReferenceBank expected = testing::stored_bank();
  EXPECT_TENSORS_NEAR(bank.global, expected.global, 0.0);
  ASSERT_EQ(bank.patches.size(), 2u);
  for (const auto& [layer, patches] : expected.patches)
    EXPECT_TENSORS_NEAR(bank.patches.at(layer), patches, 0.0);
  EXPECT_EQ(bank.grid, expected.grid);
  EXPECT_EQ(bank.origin.backbone, expected.origin.backbone);
  EXPECT_EQ(bank.origin.settings, expected.origin.settings);
  EXPECT_EQ(bank.origin.references, expected.origin.references);
}

TEST(Banks, OfALaterFormatAreRefusedWithARemedy) {
  const TemporaryFolder folder;
  std::string bytes = read_file(stored("normal.bank"));
  const auto place = bytes.find("reference bank 1");
  ASSERT_NE(place, std::string::npos);
  bytes[place + 15] = '3';
  write_file(folder / "later.bank", bytes);
  EXPECT_THAT([&] { load_bank(folder / "later.bank"); },
              Fails(ErrorKind::data, AllOf(HasSubstr("later.bank"), HasSubstr("make it again"))));
}

TEST(Stores, OfVersion010AreRead) {
  for (const auto stored_as : {StoredAs::float32, StoredAs::float16}) {
    const TemporaryFolder folder;
    const Path path = copy_of("store-" + std::string(name_of(stored_as)), folder);
    FeatureStore store(path, testing::stored_description(stored_as));
    EXPECT_TRUE(store.missing(testing::kStoredIdentities).empty());
    const Features features = store.read(testing::kStoredIdentities);
    const Features expected = testing::stored_features();
    EXPECT_TENSORS_NEAR(features.global, expected.global, 0.0);
    for (const auto& [layer, patches] : expected.patches)
      EXPECT_TENSORS_NEAR(features.patches.at(layer), patches, 0.0);
  }
}

TEST(Stores, OfALaterFormatAreRefusedWithARemedy) {
  const TemporaryFolder folder;
  const Path path = copy_of("store-float32", folder);
  auto description = testing::read_json(path / "store.json");
  description["format"] = description["format"].get<int>() + 1;
  write_file(path / "store.json", description.dump());
  EXPECT_THAT(
      [&] { FeatureStore store(path, testing::stored_description(StoredAs::float32)); },
      Fails(ErrorKind::data, AllOf(HasSubstr("format is 2 there and 1 here"), HasSubstr("another folder"))));
}

TEST(Trainings, ThatVersion010BeganEndWithTheWeightsThatItGave) {
  at::set_num_threads(1);
  const TemporaryFolder folder;
  const Path output = copy_of("stopped", folder);
  const TrainingOutcome outcome = testing::train_stored(output, /*resume=*/true);
  EXPECT_TRUE(outcome.finished);
  const auto expected = tensors_of(read_checkpoint(stored("checkpoint.pth")));
  for (const auto& [name, weights] : tensors_of(outcome.adapters))
    EXPECT_TENSORS_NEAR(weights, expected.at(name), 2e-5) << name;  // another processor rounds in another way
}

TEST(Trainings, ThatALaterFormatHoldsAreRefusedWithARemedy) {
  const TemporaryFolder folder;
  const Path output = copy_of("stopped", folder);
  auto content = std::make_shared<PickleValue::Dict>();
  content->emplace_back(PickleValue(std::string("format")), PickleValue(std::int64_t{99}));
  write_torch_pickle(output / "state.pt", PickleValue(content));
  EXPECT_THAT([&] { testing::train_stored(output, /*resume=*/true); },
              Fails(ErrorKind::data, AllOf(HasSubstr("has format 99"), HasSubstr("without --resume"))));
}

TEST(Checkpoints, OfVersion010AreRead) {
  const Adapters adapters = read_checkpoint(stored("checkpoint.pth"));
  EXPECT_NO_THROW(require_fit(adapters, testing::SyntheticData::kWidth, testing::SyntheticData::kLayers,
                             testing::SyntheticData::kLayers, "checkpoint.pth"));
  const auto weights = tensors_of(adapters);
  // Trained, all of them: a fresh adapter's last weights are zero.
  for (const std::string name : {"vis_adapters.1.up.weight", "res_vis_local_adapters.2.up.weight",
                                 "res_vis_global_adapter.fc2.weight", "text_adapter.fc2.weight"})
    EXPECT_GT(weights.at(name).abs().max().item<float>(), 1e-3) << name;
}

}  // namespace
}  // namespace res2clip
