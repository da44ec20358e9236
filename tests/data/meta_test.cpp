#include <gmock/gmock.h>

#include "res2clip/core/files.hpp"
#include "res2clip/data/layout.hpp"

#include "data/tree.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::make_files;
using testing::message_of;
using testing::TemporaryFolder;

TEST(WriteMeta, ReadsBackAsTheSameDataset) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/train/good/0.png", "a/test/bad/1.png", "a/ground_truth/bad/1_mask.png",
                             "a/test/worse/1.png", "a/test/good/2.png", "b c/test/good/\xc3\xa9.png"});
  const Dataset dataset = load_dataset({Layout::folder, folder.path().string(), {}});
  write_meta(dataset, folder / "meta.json");
  const Dataset again = load_dataset({Layout::meta, folder.path().string(), {}});
  EXPECT_EQ(again.name, "meta");
  EXPECT_EQ(again.categories, dataset.categories);
  for (const std::string& category : dataset.categories) {
    EXPECT_EQ(again.test.at(category), dataset.test.at(category));
    const auto found = dataset.train.find(category);
    EXPECT_EQ(again.train.at(category), found == dataset.train.end() ? std::vector<Sample>{} : found->second);
  }
}

TEST(WriteMeta, GivesTheReleasedFormat) {
  const Path root = testing::test_data("generated/images");
  const TemporaryFolder folder;
  write_meta(load_dataset({Layout::mvtec, root.string(), {}}), folder / "meta.json");
  EXPECT_EQ(testing::read_json(folder / "meta.json"),
            testing::read_json(testing::test_data("generated/e2e_meta.json")));
}

TEST(WriteMeta, RefusesNamesThatAreNotUtf8) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/test/good/\xff.png"});
  const Dataset dataset = load_dataset({Layout::folder, folder.path().string(), {}});
  EXPECT_THAT(message_of([&] { write_meta(dataset, folder / "meta.json"); }), HasSubstr("UTF-8"));
}

TEST(ReadMeta, KeepsTheFilesOwnOrderOfClasses) {
  const Dataset dataset =
      read_meta(testing::test_data("generated/e2e_meta.json"), testing::test_data("generated/images"));
  EXPECT_THAT(dataset.categories, ElementsAre("weave", "coin"));
}

/// One test item of class "a", with changes.
std::string meta_with(const std::string& item) {
  return R"({"train": {}, "test": {"a": [)" + item + "]}}";
}

TEST(ReadMeta, TakesAnEmptyMaskPathOrAFolderAsNoMask) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"x.png", "masks/y.png"});
  for (const std::string mask : {"", "masks", "."}) {
    write_file(folder / "meta.json", meta_with(R"({"img_path": "x.png", "mask_path": ")" + mask +
                                               R"(", "cls_name": "a", "specie_name": "bad", "anomaly": 1})"));
    const Dataset dataset = read_meta(folder / "meta.json", folder.path());
    EXPECT_TRUE(dataset.test.at("a")[0].anomalous);
    EXPECT_TRUE(dataset.test.at("a")[0].mask.empty());
  }
}

TEST(ReadMeta, NamesTheItemThatIsWrong) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"x.png"});
  const auto with = [&](const std::string& text) {
    write_file(folder / "meta.json", text);
    return message_of([&] { read_meta(folder / "meta.json", folder.path()); });
  };
  EXPECT_THAT(with("{\n\"train\": {,}"), HasSubstr("line 2"));
  EXPECT_THAT(with("[]"), HasSubstr("\"train\""));
  EXPECT_THAT(with(R"({"train": {}})"), HasSubstr("\"test\""));
  EXPECT_THAT(with(R"({"train": {}, "test": {}})"), HasSubstr("no classes"));
  EXPECT_THAT(with(R"({"train": {}, "test": {"a": 3}})"), HasSubstr("test.a is not a list"));
  EXPECT_THAT(with(meta_with("7")), HasSubstr("test.a[0]"));
  EXPECT_THAT(with(meta_with(R"({"img_path": 5})")), HasSubstr("\"img_path\" is not text"));
  EXPECT_THAT(
      with(meta_with(R"({"img_path": "x.png", "mask_path": "", "specie_name": "bad", "anomaly": 2})")),
      HasSubstr("\"anomaly\""));
  EXPECT_THAT(
      with(meta_with(R"({"img_path": "y.png", "mask_path": "", "specie_name": "bad", "anomaly": 1})")),
      HasSubstr("y.png is absent"));
  EXPECT_THAT(
      with(meta_with(R"({"img_path": "x.png", "mask_path": "m.png", "specie_name": "bad", "anomaly": 1})")),
      HasSubstr("m.png is absent"));
}

TEST(MetaLayout, NamesTheFileThatIsNotThere) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of([&] {
                load_dataset({Layout::meta, folder.path().string(), {}});
              }),
              HasSubstr("meta.json"));
}

}  // namespace
}  // namespace res2clip
