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
  EXPECT_THAT(with(R"({"test": {}})"), HasSubstr("no classes"));
  EXPECT_THAT(with("\xff\xfe{\0}"), HasSubstr("UTF-16"));
  EXPECT_THAT(with(std::string(100'000, '[')), HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(with(R"({"test": {"a": [{"img_path": "x.png", "cls_name": "b", "anomaly": 1}]}})"),
              HasSubstr("\"cls_name\" is 'b'"));
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

TEST(ReadMeta, NeedsThreeFieldsAndTheTestSplitAlone) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"x.png"});
  for (const std::string mask : {"", R"(, "mask_path": null)", R"(, "mask_path": "", "specie_name": null)"}) {
    write_file(folder / "meta.json",
               R"({"test": {"a": [{"img_path": "x.png", "cls_name": "a", "anomaly": 1)" + mask + "}]}}");
    const Sample sample = read_meta(folder / "meta.json", folder.path()).test.at("a").at(0);
    EXPECT_TRUE(sample.anomalous);
    EXPECT_TRUE(sample.mask.empty());
    EXPECT_EQ(sample.defect, "anomaly");
  }
}

TEST(ReadMeta, LeavesOutClassesWithTrainingImagesAlone) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"x.png"});
  write_file(
      folder / "meta.json",
      R"({"train": {"b": [{"img_path": "y.png", "anomaly": 0}], "a": [{"img_path": "gone.png", "anomaly": 0}]},
                 "test": {"a": [{"img_path": "x.png", "anomaly": 0}]}})");
  const Dataset dataset = load_dataset({Layout::meta, folder.path().string(), {}});
  EXPECT_THAT(dataset.categories, ElementsAre("a"));
  EXPECT_FALSE(dataset.train.contains("b"));
  EXPECT_THAT(dataset.remarks, ::testing::Contains("class 'b' has training images only: left out"));
}

TEST(ReadMeta, FindsNamesThatAreComposedOtherwise) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"gru\xcc\x88n/x.png"});
  write_file(folder / "meta.json",
             "{\"test\": {\"a\": [{\"img_path\": \"gr\xc3\xbcn/x.png\", \"anomaly\": 0}]}}");
  const Sample sample = read_meta(folder / "meta.json", folder.path()).test.at("a").at(0);
  EXPECT_EQ(sample.image, folder / "gru\xcc\x88n/x.png");
}

TEST(ReadMeta, FindsWhatWindowsWrote) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/x.png", "a/m.png"});
  write_file(folder / "meta.json",
             meta_with(R"({"img_path": "a\\x.png", "mask_path": "a\\m.png", "anomaly": 1})"));
  const Sample sample = read_meta(folder / "meta.json", folder.path()).test.at("a").at(0);
  EXPECT_EQ(sample.image, folder / "a/x.png");
  EXPECT_EQ(sample.mask, folder / "a/m.png");
  EXPECT_EQ(sample.name, "a/x.png");
}

TEST(ReadMeta, CountsMasksOfNormalImages) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"x.png", "m.png"});
  write_file(folder / "meta.json", meta_with(R"({"img_path": "x.png", "mask_path": "m.png", "anomaly": 0})"));
  const Dataset dataset = read_meta(folder / "meta.json", folder.path());
  EXPECT_TRUE(dataset.test.at("a").at(0).mask.empty());
  EXPECT_THAT(dataset.remarks, ElementsAre(HasSubstr("test.a: 1 normal images name a mask")));
}

TEST(ReadMeta, NamesNothingOutsideOfAFolder) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"root/x.png", "out/y.png"});
  const std::string out = (folder / "out/y.png").string();
  write_file(folder / "root/meta.json", R"({"test": {"a": [{"img_path": "../out/y.png", "anomaly": 0},
    {"img_path": ")" + out + R"(", "anomaly": 0}, {"img_path": "b/.././x.png", "anomaly": 0}]}})");
  std::filesystem::create_directory(folder / "root/b");
  const Dataset dataset = read_meta(folder / "root/meta.json", folder / "root");
  const auto& samples = dataset.test.at("a");
  for (const Sample& sample : samples) {
    EXPECT_TRUE(Path(sample.name).is_relative()) << sample.name;
    EXPECT_EQ(sample.name.find(".."), std::string::npos) << sample.name;
  }
  EXPECT_EQ(samples[0].name, "outside" + out);
  EXPECT_EQ(samples[1].name, "outside" + out);
  EXPECT_EQ(samples[2].name, "x.png");
  EXPECT_EQ(read_file(samples[0].image), read_file(samples[1].image));
  write_meta(dataset, folder / "root/again.json");
  EXPECT_EQ(read_file(read_meta(folder / "root/again.json", folder / "root").test.at("a")[0].image),
            "out/y.png");
}

TEST(MetaLayout, LooksAtTheClassesAskedForAlone) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"x.png"});
  write_file(folder / "meta.json", R"({"test": {"a": [{"img_path": "x.png", "anomaly": 0}], "b": 7}})");
  EXPECT_EQ(load_dataset({Layout::meta, folder.path().string(), {"a"}}).test.at("a").size(), 1U);
}

TEST(MetaLayout, TakesTheFileItself) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"x.png"});
  write_file(folder / "few.json", R"({"test": {"a": [{"img_path": "x.png", "anomaly": 0}]}})");
  const Dataset dataset = load_dataset({Layout::meta, (folder / "few.json").string(), {}});
  EXPECT_EQ(dataset.root, folder.path());
  EXPECT_EQ(dataset.test.at("a")[0].image, folder / "x.png");
}

TEST(MetaLayout, LeavesOutAbsentImagesIfAsked) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"x.png"});
  write_file(
      folder / "meta.json",
      R"({"test": {"a": [{"img_path": "x.png", "anomaly": 0}, {"img_path": "y.png", "anomaly": 0}]}})");
  DatasetOptions options{Layout::meta, folder.path().string(), {}};
  EXPECT_THAT(message_of([&] { load_dataset(options); }), HasSubstr("test.a[1]"));
  options.skip_broken = true;
  const Dataset dataset = load_dataset(options);
  EXPECT_EQ(dataset.test.at("a").size(), 1U);
  EXPECT_THAT(dataset.left_out, ElementsAre(HasSubstr("y.png is absent")));
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
