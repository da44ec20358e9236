#include "res2clip/data/layout.hpp"

#include <gmock/gmock.h>

#include "res2clip/core/files.hpp"

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

DatasetOptions options(Layout layout, const Path& root, std::vector<std::string> classes = {}) {
  return {layout, root.string(), std::move(classes)};
}

std::vector<std::string> names(const std::vector<Sample>& samples) {
  std::vector<std::string> result;
  for (const Sample& sample : samples) result.push_back(sample.name);
  return result;
}

const std::vector<std::string> kScrew{"screw/train/good/001.png",
                                      "screw/train/good/000.PNG",
                                      "screw/train/good/notes.md",
                                      "screw/train/good/.hidden.png",
                                      "screw/test/good/000.png",
                                      "screw/test/bent/003.png",
                                      "screw/test/bent/002.jpg",
                                      "screw/ground_truth/bent/002_mask.png",
                                      "screw/ground_truth/bent/003_mask.png"};

TEST(MvtecLayout, ListsClassesDefectsAndImagesByName) {
  const TemporaryFolder folder;
  make_files(folder.path(), kScrew);
  make_files(folder.path(),
             {"bolt/train/good/0.png", "bolt/test/good/1.png", "license.txt", "empty/readme.txt"});
  const Dataset dataset = load_dataset(options(Layout::mvtec, folder.path()));
  EXPECT_EQ(dataset.name, "mvtec");
  EXPECT_THAT(dataset.categories, ElementsAre("bolt", "screw"));
  EXPECT_THAT(names(dataset.train.at("screw")),
              ElementsAre("screw/train/good/000.PNG", "screw/train/good/001.png"));
  EXPECT_THAT(names(dataset.test.at("screw")),
              ElementsAre("screw/test/bent/002.jpg", "screw/test/bent/003.png", "screw/test/good/000.png"));
  const Sample& bent = dataset.test.at("screw")[0];
  EXPECT_EQ(bent.image, folder / "screw/test/bent/002.jpg");
  EXPECT_EQ(bent.mask, folder / "screw/ground_truth/bent/002_mask.png");
  EXPECT_EQ(bent.defect, "bent");
  EXPECT_EQ(bent.category, "screw");
  EXPECT_TRUE(bent.anomalous);
  EXPECT_FALSE(dataset.test.at("screw")[2].anomalous);
  EXPECT_TRUE(dataset.test.at("screw")[2].mask.empty());
}

TEST(MvtecLayout, TakesStemMaskBeforeStemAndTheFirstOfEqualStems) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"screw/train/good/0.png", "screw/test/bent/1.png", "screw/test/bent/2.png",
                             "screw/ground_truth/bent/1.png", "screw/ground_truth/bent/1_mask.png",
                             "screw/ground_truth/bent/2.bmp", "screw/ground_truth/bent/2.png"});
  const auto test = load_dataset(options(Layout::mvtec, folder.path())).test.at("screw");
  EXPECT_EQ(test[0].mask, folder / "screw/ground_truth/bent/1_mask.png");
  EXPECT_EQ(test[1].mask, folder / "screw/ground_truth/bent/2.bmp");
}

TEST(MvtecLayout, TakesTheFolderOfASingleClass) {
  const TemporaryFolder folder;
  make_files(folder.path(), kScrew);
  for (const Path& root : {folder / "screw", folder / "screw/"}) {
    const Dataset dataset = load_dataset(options(Layout::mvtec, root));
    EXPECT_THAT(dataset.categories, ElementsAre("screw"));
    EXPECT_EQ(dataset.test.at("screw")[0].name, "test/bent/002.jpg");
  }
}

TEST(MvtecLayout, WithoutGroundTruthOfADefectHasNoMasks) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/train/good/0.png", "a/test/bad/0.png"});
  const Dataset dataset = load_dataset(options(Layout::folder, folder.path()));
  EXPECT_TRUE(dataset.test.at("a")[0].anomalous);
  EXPECT_TRUE(dataset.test.at("a")[0].mask.empty());
}

TEST(MvtecLayout, RefusesAMissingMaskAmongOthers) {
  const TemporaryFolder folder;
  make_files(folder.path(), kScrew);
  std::filesystem::remove(folder / "screw/ground_truth/bent/003_mask.png");
  EXPECT_THAT(message_of([&] { load_dataset(options(Layout::mvtec, folder.path())); }),
              HasSubstr("ground_truth/bent/003_mask.png"));
}

TEST(BtadLayout, ReadsOkAndKoWithMasksOfAnySuffix) {
  const TemporaryFolder folder;
  make_files(folder.path(),
             {"01/train/ok/0.bmp", "01/test/ok/1.bmp", "01/test/ko/2.bmp", "01/ground_truth/ko/2.png",
              "03/train/ok/0.bmp", "03/test/ko/5.bmp", "03/ground_truth/ko/5.bmp"});
  const Dataset dataset = load_dataset(options(Layout::btad, folder.path()));
  EXPECT_EQ(dataset.train.at("01")[0].defect, "good");
  EXPECT_EQ(dataset.test.at("01")[0].mask, folder / "01/ground_truth/ko/2.png");
  EXPECT_FALSE(dataset.test.at("01")[1].anomalous);
  EXPECT_EQ(dataset.test.at("03")[0].mask, folder / "03/ground_truth/ko/5.bmp");
}

const std::vector<std::string> kCandle{
    "candle/Data/Images/Normal/0000.JPG", "candle/Data/Images/Normal/0001.JPG",
    "candle/Data/Images/Anomaly/000.JPG", "candle/Data/Masks/Anomaly/000.png"};

TEST(VisaLayout, FollowsItsSplitFile) {
  const TemporaryFolder folder;
  make_files(folder.path(), kCandle);
  write_file(folder / "split_csv/1cls.csv",
             "object,split,label,image,mask\r\n"
             "candle,train,normal,candle/Data/Images/Normal/0001.JPG,\r\n"
             "candle,test,normal,candle/Data/Images/Normal/0000.JPG,\r\n"
             "candle,test,anomaly,candle/Data/Images/Anomaly/000.JPG,candle/Data/Masks/Anomaly/000.png\r\n");
  const Dataset dataset = load_dataset(options(Layout::visa, folder.path()));
  EXPECT_THAT(names(dataset.train.at("candle")), ElementsAre("candle/Data/Images/Normal/0001.JPG"));
  EXPECT_THAT(names(dataset.test.at("candle")),
              ElementsAre("candle/Data/Images/Anomaly/000.JPG", "candle/Data/Images/Normal/0000.JPG"));
  EXPECT_EQ(dataset.test.at("candle")[0].mask, folder / "candle/Data/Masks/Anomaly/000.png");
}

TEST(VisaLayout, NamesTheLineThatIsWrong) {
  const TemporaryFolder folder;
  make_files(folder.path(), kCandle);
  const auto with = [&](const std::string& line) {
    write_file(folder / "split_csv/1cls.csv", "object,split,label,image,mask\n" + line + "\n");
    return message_of([&] { load_dataset(options(Layout::visa, folder.path())); });
  };
  EXPECT_THAT(with("candle,train"), HasSubstr("line 2"));
  EXPECT_THAT(with("candle,test,normal,candle/absent.JPG,"), HasSubstr("absent.JPG"));
  EXPECT_THAT(with("candle,test,normal,../candle/Data/Images/Normal/0000.JPG,"),
              HasSubstr("does not lie in the folder"));
  EXPECT_THAT(with("candle,test,normal,cashew/Data/Images/Normal/0000.JPG,"),
              HasSubstr("does not lie in the folder"));
  EXPECT_THAT(with("candle,train,normal,candle/Data/Images/Anomaly/000.JPG,"), HasSubstr("cannot be normal"));
  EXPECT_THAT(with("candle,train,anomaly,candle/Data/Images/Anomaly/000.JPG,"),
              HasSubstr("cannot be anomaly"));
  EXPECT_THAT(with("candle,train,normal,candle/Data/Images/Normal/0000.JPG,\n"
                   "candle,test,normal,candle/Data/Images/Normal/0000.JPG,"),
              HasSubstr("line 3: lists candle/Data/Images/Normal/0000.JPG again, after"));
  write_file(folder / "split_csv/1cls.csv", "candle,test,normal,candle/Data/Images/Normal/0000.JPG,\n");
  EXPECT_THAT(message_of([&] { load_dataset(options(Layout::visa, folder.path())); }), HasSubstr("headings"));
  std::filesystem::remove_all(folder / "split_csv");
  EXPECT_THAT(message_of([&] { load_dataset(options(Layout::visa, folder.path())); }), HasSubstr("1cls.csv"));
}

TEST(VisaLayout, MayLackTrainingImagesUntilTheyAreNeeded) {
  const TemporaryFolder folder;
  make_files(folder.path(), kCandle);
  write_file(folder / "split_csv/1cls.csv",
             "object,split,label,image,mask\n"
             "candle,test,normal,candle/Data/Images/Normal/0000.JPG,\n"
             "candle,train,normal,candle/Data/Images/Normal/0007.JPG,\n");
  Dataset dataset = load_dataset(options(Layout::visa, folder.path()));
  EXPECT_THAT(message_of([&] { require_training_images(dataset, false); }), HasSubstr("0007.JPG is absent"));
  require_training_images(dataset, true);
  EXPECT_TRUE(dataset.train.at("candle").empty());
  EXPECT_THAT(dataset.left_out, ElementsAre(HasSubstr("0007.JPG is absent")));
}

TEST(VisaLayout, LooksAtTheClassesAskedForAlone) {
  const TemporaryFolder folder;
  make_files(folder.path(), kCandle);
  write_file(folder / "split_csv/1cls.csv",
             "object,split,label,image,mask\n"
             "candle,test,normal,candle/Data/Images/Normal/0000.JPG,\n"
             "capsules,test,normal,capsules/Data/Images/Normal/0000.JPG,\n");
  EXPECT_EQ(load_dataset(options(Layout::visa, folder.path(), {"candle"})).test.at("candle").size(), 1U);
  EXPECT_THAT(
      message_of([&] { load_dataset(options(Layout::visa, folder.path())); }),
      HasSubstr("line 3: " + (folder / "capsules/Data/Images/Normal/0000.JPG").string() + " is absent"));
}

TEST(VisaLayout, TakesTheConvertedFoldersToo) {
  const TemporaryFolder folder;
  make_files(folder.path(),
             {"candle/train/good/0.JPG", "candle/test/bad/1.JPG", "candle/ground_truth/bad/1.png"});
  EXPECT_EQ(load_dataset(options(Layout::visa, folder.path())).test.at("candle")[0].mask,
            folder / "candle/ground_truth/bad/1.png");
}

TEST(LoadDataset, SaysWhatIsWrongWithAFolder) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of([&] { load_dataset(options(Layout::mvtec, folder / "absent")); }),
              HasSubstr("no such folder"));
  EXPECT_THAT(message_of([&] { load_dataset(options(Layout::mvtec, folder.path())); }),
              HasSubstr("no class found"));
  EXPECT_THAT(message_of([&] { load_dataset(options(Layout::mvtec, "")); }), HasSubstr("--data"));
  make_files(folder.path(), {"a/train/good/0.png"});
  EXPECT_THAT(message_of([&] { load_dataset(options(Layout::mvtec, folder.path())); }),
              HasSubstr("'a' has no test images"));
}

TEST(LoadDataset, KeepsOnlyTheClassesAskedFor) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/test/good/0.png", "b/test/good/0.png"});
  const Dataset dataset = load_dataset(options(Layout::folder, folder.path(), {"b"}));
  EXPECT_THAT(dataset.categories, ElementsAre("b"));
  EXPECT_FALSE(dataset.test.contains("a"));
  EXPECT_THAT(message_of([&] { load_dataset(options(Layout::folder, folder.path(), {"c"})); }),
              HasSubstr("a or b"));
}

/// The meta.json that the release was run with lists the same samples in the same order.
void expect_equal_to_meta(const Path& meta, const Path& root) {
  const Dataset listed = read_meta(meta, root);
  const Dataset found = load_dataset(options(Layout::mvtec, root, listed.categories));
  for (const std::string& category : listed.categories) {
    EXPECT_EQ(found.train.at(category), listed.train.at(category));
    EXPECT_EQ(found.test.at(category), listed.test.at(category));
  }
}

TEST(MvtecLayout, EqualsTheReleasedRunsMetaFile) {
  expect_equal_to_meta(testing::test_data("generated/e2e_meta.json"), testing::test_data("generated/images"));
}

TEST(MvtecLayout, EqualsTheReleasedRunsMetaFileOnPhotographs) {
  const auto fixtures = testing::full_fixtures();
  if (!fixtures) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  expect_equal_to_meta(*fixtures / "e2e_leather_meta.json", *fixtures / "../data");
}

}  // namespace
}  // namespace res2clip
