// Folders as people have them: other names, other depths, other data sets' layouts.
#include <gmock/gmock.h>

#include "res2clip/data/layout.hpp"

#include "data/tree.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::make_files;
using testing::message_of;
using ::testing::Not;
using testing::TemporaryFolder;

Dataset load(const Path& root, std::vector<std::string> classes = {}, bool skip_broken = false) {
  DatasetOptions options{Layout::folder, root.string(), std::move(classes)};
  options.skip_broken = skip_broken;
  return load_dataset(options);
}

/// "name defect mask" of each test image, paths below the root.
std::vector<std::string> test_images(const Dataset& dataset, const std::string& category) {
  std::vector<std::string> lines;
  for (const Sample& sample : dataset.test.at(category))
    lines.push_back(
        sample.name + " " + sample.defect + " " +
        (sample.mask.empty() ? "-" : sample.mask.lexically_relative(dataset.root).generic_string()));
  return lines;
}

std::vector<std::string> training_images(const Dataset& dataset, const std::string& category) {
  std::vector<std::string> names;
  for (const Sample& sample : dataset.train.at(category)) names.push_back(sample.name);
  return names;
}

TEST(Folders, OfNormalImagesHaveAnyOfThreeNamesInAnyCase) {
  for (const std::string good : {"good", "OK", "Ok", "Normal", "GOOD"}) {
    const TemporaryFolder folder;
    make_files(folder.path(), {"a/train/" + good + "/0.png", "a/test/" + good + "/1.png", "a/test/NG/2.png"});
    const Dataset dataset = load(folder.path());
    EXPECT_THAT(training_images(dataset, "a"), ElementsAre("a/train/" + good + "/0.png")) << good;
    const auto test = dataset.test.at("a");
    ASSERT_EQ(test.size(), 2U);
    for (const Sample& sample : test) EXPECT_EQ(sample.anomalous, sample.name == "a/test/NG/2.png") << good;
  }
}

TEST(Folders, OfNormalImagesHaveTheNamesThatAreGiven) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/train/Gut/0.png", "a/test/Gut/1.png", "a/test/normal/2.png"});
  DatasetOptions options{Layout::folder, folder.path().string(), {}};
  options.good = {"gut"};
  const Dataset dataset = load_dataset(options);
  EXPECT_THAT(training_images(dataset, "a"), ElementsAre("a/train/Gut/0.png"));
  EXPECT_FALSE(dataset.test.at("a")[0].anomalous);
  EXPECT_TRUE(dataset.test.at("a")[1].anomalous);
  EXPECT_THAT(load(folder.path(), {}).remarks, Contains(HasSubstr("1 image in train/Gut not used")));
}

TEST(Folders, SplitsAndMasksHaveTheirNamesInAnyCase) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/Train/good/0.png", "a/TEST/good/1.png", "a/TEST/Bad/2.png",
                             "a/Ground_Truth/bad/2_mask.png"});
  const Dataset dataset = load(folder.path());
  EXPECT_THAT(training_images(dataset, "a"), ElementsAre("a/Train/good/0.png"));
  EXPECT_THAT(test_images(dataset, "a"),
              ElementsAre("a/TEST/Bad/2.png Bad a/Ground_Truth/bad/2_mask.png", "a/TEST/good/1.png good -"));
}

TEST(Folders, OfSplitsMayBeCalledTrainingAndTesting) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/training/good/0.png", "a/testing/good/1.png", "a/testing/bad/2.png",
                             "a/Ground Truth/bad/2.png"});
  const Dataset dataset = load(folder.path());
  EXPECT_THAT(training_images(dataset, "a"), ElementsAre("a/training/good/0.png"));
  EXPECT_THAT(test_images(dataset, "a"),
              ElementsAre("a/testing/bad/2.png bad a/Ground Truth/bad/2.png", "a/testing/good/1.png good -"));
}

TEST(Folders, BelowAKindBelongToIt) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/train/good/cam1/0.png", "a/train/good/cam2/0.png", "a/test/good/cam1/1.png",
                             "a/test/bad/scratch/2.png", "a/test/bad/dent/2.png",
                             "a/ground_truth/bad/scratch/2_mask.png", "a/ground_truth/bad/2_mask.png"});
  const Dataset dataset = load(folder.path());
  EXPECT_THAT(training_images(dataset, "a"),
              ElementsAre("a/train/good/cam1/0.png", "a/train/good/cam2/0.png"));
  EXPECT_THAT(test_images(dataset, "a"),
              ElementsAre("a/test/bad/dent/2.png bad/dent a/ground_truth/bad/2_mask.png",
                          "a/test/bad/scratch/2.png bad/scratch a/ground_truth/bad/scratch/2_mask.png",
                          "a/test/good/cam1/1.png good -"));
}

TEST(Folders, OfNormalImagesAmongDefectsAreRefused) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/test/cam1/good/1.png", "a/test/cam1/NG/2.png"});
  EXPECT_THAT(message_of([&] { load(folder.path()); }),
              HasSubstr("a/test/cam1/good: a folder of normal images"));
}

TEST(Folders, MayHoldATestSplitAlone) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"brain/test/good/0.png", "brain/test/tumour/1.png"});
  const Dataset dataset = load(folder.path());
  EXPECT_THAT(dataset.train.at("brain"), IsEmpty());
  EXPECT_EQ(dataset.test.at("brain").size(), 2U);
  EXPECT_THAT(dataset.remarks,
              Contains(HasSubstr("brain: 1 of 1 anomalous images have no mask: their pixels count as good")));
}

TEST(Folders, OneTooDeepAreFoundAndSaid) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"MPDD/tubes/train/good/0.png", "MPDD/tubes/test/good/1.png",
                             "__MACOSX/MPDD/tubes/train/good/._0.png"});
  const Dataset dataset = load(folder.path());
  EXPECT_EQ(dataset.root, folder / "MPDD");
  EXPECT_THAT(training_images(dataset, "tubes"), ElementsAre("tubes/train/good/0.png"));
  EXPECT_THAT(dataset.remarks,
              Contains("the classes are in " + (folder / "MPDD").string() + ", which is read"));
  make_files(folder.path(), {"other/a/test/good/1.png"});
  EXPECT_THAT(message_of([&] { load(folder.path()); }),
              HasSubstr((folder / "MPDD").string() + " or " + (folder / "other").string()));
  make_files(folder.path(), {"x/train/deep/er/1.png"});
  EXPECT_THAT(message_of([&] { load(folder / "x/train"); }), HasSubstr("name the folder above this one"));
}

TEST(Folders, OfOtherClassesAreNotLookedAt) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/test/good/0.png", "b/test/bad/0.png", "b/ground_truth/bad/1_mask.png",
                             "c/train/good/0.png"});
  std::filesystem::create_directories(folder / "c/test");
  EXPECT_THAT(load(folder.path(), {"a"}).categories, ElementsAre("a"));
  EXPECT_THAT(message_of([&] { load(folder.path(), {"b"}); }), HasSubstr("no such mask"));
  EXPECT_THAT(message_of([&] { load(folder.path(), {"c"}); }), HasSubstr("'c' has no test images"));
}

TEST(Folders, ThatAreNotReadAreCounted) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/train/good/0.png", "a/train/bad/0.png", "a/test/good/0.png", "a/test/9.png",
                             "a/validation/good/0.png", "a/test/good/0.heic", "a/test/good/.DS_Store"});
  const auto remarks = load(folder.path()).remarks;
  EXPECT_THAT(remarks, Contains(HasSubstr("a: 1 image in train/bad not used")));
  EXPECT_THAT(remarks, Contains(HasSubstr("a: 1 image in test not read")));
  EXPECT_THAT(remarks, Contains(HasSubstr("a: 1 image in validation not read")));
  EXPECT_THAT(remarks, Contains(HasSubstr("1 other file (suffix .heic 1) not read")));
}

TEST(Folders, WithoutNormalOrAnomalousTestImagesAreRemarkedOn) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/test/Gut/0.png", "b/test/good/0.png"});
  const auto remarks = load(folder.path()).remarks;
  EXPECT_THAT(remarks, Contains(HasSubstr("a: no test image is normal")));
  EXPECT_THAT(remarks, Contains(HasSubstr("b: no test image is anomalous")));
}

TEST(Folders, HoldLinksToNowhereAsImagesThatAreMissed) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/test/good/0.png"});
  std::filesystem::create_symlink("/nowhere/x.png", folder / "a/test/good/9.png");
  EXPECT_EQ(load(folder.path()).test.at("a").size(), 2U);
}

TEST(LocoFolders, HaveAFolderOfMasksOfEachImage) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"bag/train/good/0.png", "bag/test/good/1.png", "bag/test/logical/000.png",
                             "bag/test/logical/001.png", "bag/ground_truth/logical/000/000.png",
                             "bag/ground_truth/logical/000/001.png", "bag/ground_truth/logical/001/000.png"});
  const Dataset dataset = load(folder.path());
  const Sample& first = dataset.test.at("bag")[1];
  EXPECT_EQ(first.mask, folder / "bag/ground_truth/logical/000");
  EXPECT_THAT(mask_files(first), ElementsAre(folder / "bag/ground_truth/logical/000/000.png",
                                             folder / "bag/ground_truth/logical/000/001.png"));
  EXPECT_THAT(message_of([&] { write_meta(dataset, folder / "meta.json"); }),
              HasSubstr("has 2 masks of one image"));
  std::filesystem::remove(folder / "bag/ground_truth/logical/000/001.png");
  write_meta(dataset, folder / "meta.json");
  const Dataset again = load_dataset({Layout::meta, folder.path().string(), {}});
  EXPECT_EQ(again.test.at("bag")[1].mask, folder / "bag/ground_truth/logical/000/000.png");
}

TEST(MvtecAd2Folders, HaveAPublicTestSplitWithItsMasks) {
  const TemporaryFolder folder;
  make_files(folder.path(),
             {"can/train/good/0_regular.png", "can/validation/good/1_regular.png",
              "can/test_public/good/2_regular.png", "can/test_public/bad/3_regular.png",
              "can/test_public/ground_truth/bad/3_regular_mask.png", "can/test_private/4_regular.png"});
  const Dataset dataset = load(folder.path());
  EXPECT_THAT(
      test_images(dataset, "can"),
      ElementsAre("can/test_public/bad/3_regular.png bad can/test_public/ground_truth/bad/3_regular_mask.png",
                  "can/test_public/good/2_regular.png good -"));
  EXPECT_THAT(dataset.remarks, Contains(HasSubstr("can: 1 image in test_private not read")));
}

TEST(FlatFolders, HoldNormalAndAbnormalImagesAndMasks) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"normal/0.png", "normal/1.png", "normal/2.png", "abnormal/0.png", "mask/0.png"});
  const Dataset dataset = load(folder.path());
  const std::string category = folder.path().filename().string();
  EXPECT_THAT(training_images(dataset, category), ElementsAre("normal/1.png", "normal/2.png"));
  EXPECT_THAT(test_images(dataset, category),
              ElementsAre("normal/0.png good -", "abnormal/0.png abnormal mask/0.png"));
  EXPECT_THAT(dataset.remarks,
              Contains(HasSubstr("1 of 3 images in normal (every fifth by name) are test images")));
}

TEST(FlatFolders, TakeTheNormalTestImagesThatThereAre) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/OK/0.png", "a/OK/1.png", "a/OK_test/2.png", "a/NG/dent/0.png", "b/OK/0.png",
                             "b/NG/1.png", "a/ground_truth/NG/dent/0_mask.png"});
  const Dataset dataset = load(folder.path());
  EXPECT_THAT(dataset.categories, ElementsAre("a", "b"));
  EXPECT_EQ(dataset.train.at("a").size(), 2U);
  EXPECT_THAT(
      test_images(dataset, "a"),
      ElementsAre("a/OK_test/2.png good -", "a/NG/dent/0.png NG/dent a/ground_truth/NG/dent/0_mask.png"));
  EXPECT_EQ(dataset.train.at("b").size(), 1U);
}

TEST(FlatFolders, RefuseMasksBesideImages) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"OK/0.jpg", "NG/1.jpg", "NG/1.png"});
  EXPECT_THAT(message_of([&] { load(folder.path()); }), HasSubstr("may be its mask"));
}

constexpr const char* kPlug = R"({"meta": {"prefix": "plug/", "normal_class": "OK", "pre_transform": []},
  "train": [{"category": "plug", "anomaly_class": "OK", "image_path": "OK/S1/0.jpg", "mask_path": null}],
  "test": [{"category": "plug", "anomaly_class": "OK", "image_path": "OK/S2/1.jpg", "mask_path": null},
           {"category": "plug", "anomaly_class": "HS", "image_path": "NG/HS/S1/2.jpg", "mask_path": "NG/HS/S1/2.png"}]})";

TEST(RealIad, FollowsItsLists) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"realiad/plug/OK/S1/0.jpg", "realiad/plug/OK/S2/1.jpg",
                             "realiad/plug/NG/HS/S1/2.jpg", "realiad/plug/NG/HS/S1/2.png"});
  std::string other = kPlug;
  other.replace(other.find("plug/"), 5, "toy/");
  write_file(folder / "realiad_jsons/plug.json", kPlug);
  write_file(folder / "realiad_jsons/toy.json", other);
  for (const Path& root : {folder.path(), folder / "realiad"}) {
    const Dataset dataset = load_dataset({Layout::real_iad, root.string(), {}});
    const std::string below = root == folder.path() ? "realiad/plug/" : "plug/";
    EXPECT_THAT(dataset.categories, ElementsAre("plug"));
    EXPECT_THAT(training_images(dataset, "plug"), ElementsAre(below + "OK/S1/0.jpg"));
    EXPECT_THAT(
        test_images(dataset, "plug"),
        ElementsAre(below + "OK/S2/1.jpg good -", below + "NG/HS/S1/2.jpg HS " + below + "NG/HS/S1/2.png"));
    EXPECT_THAT(dataset.remarks,
                Contains(HasSubstr("1 of the classes that realiad_jsons lists are not below")));
  }
  EXPECT_THAT(message_of([&] {
                load_dataset({Layout::real_iad, (folder / "realiad/plug").string(), {}});
              }),
              HasSubstr("no lists of Real-IAD"));
}

struct MaskName {
  const char* image;
  const char* mask;
};

TEST(MaskNames, AreTakenInTheirManySpellings) {
  for (const MaskName& name : {MaskName{"1.png", "1_mask.png"},
                               {"1.png", "1_Mask.png"},
                               {"1.png", "1_MASK.PNG"},
                               {"1.png", "1-mask.bmp"},
                               {"1.JPG", "1_label.jpg"},
                               {"1.bmp", "1_gt.png"},
                               {"1.png", "1.bmp"},
                               {"teil_gr\xc3\xbcn.png", "teil_gru\xcc\x88n_mask.png"},
                               {"teil_gru\xcc\x88n.png", "teil_gr\xc3\xbcn.png"}}) {
    const TemporaryFolder folder;
    make_files(folder.path(),
               {std::string("a/test/bad/") + name.image, std::string("a/ground_truth/bad/") + name.mask});
    const Dataset dataset = load(folder.path());
    EXPECT_EQ(dataset.test.at("a")[0].mask, folder / (std::string("a/ground_truth/bad/") + name.mask))
        << name.mask;
  }
}

TEST(MaskNames, OfTheOnlyKindMayLieDirectlyAmongTheMasks) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/test/bad/1.png", "a/test/good/2.png", "a/ground_truth/1_mask.png"});
  EXPECT_THAT(test_images(load(folder.path()), "a"),
              ElementsAre("a/test/bad/1.png bad a/ground_truth/1_mask.png", "a/test/good/2.png good -"));
}

TEST(MaskNames, ThatFitNoImageAreNamedAndCounted) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/test/bad/1.png", "a/test/bad/2.png", "a/test/good/0.png",
                             "a/ground_truth/bad/1_x.png", "a/ground_truth/bad/2.png"});
  EXPECT_THAT(message_of([&] { load(folder.path()); }), HasSubstr("the folder holds masks like 1_x.png"));
  const Dataset dataset = load(folder.path(), {}, /*skip_broken=*/true);
  EXPECT_EQ(dataset.test.at("a").size(), 2U);
  EXPECT_THAT(dataset.left_out, ElementsAre(HasSubstr("a/ground_truth/bad/1_mask.png: no such mask")));
  EXPECT_THAT(dataset.remarks,
              Contains(HasSubstr("a: masks in ground_truth/bad that belong to no image: 1")));
}

TEST(MaskNames, OfSeveralImagesAreRemarkedOn) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"normal/0.png", "normal/1.png", "dent/7.png", "cut/7.png", "mask/7.png"});
  EXPECT_THAT(load(folder.path()).remarks,
              Contains(HasSubstr("images whose mask is another image's too: 1")));
}

TEST(MaskNames, OfSeveralMasksOfAnImageSayWhichIsRead) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/test/bad/1.png", "a/test/good/0.png", "a/ground_truth/bad/1.png",
                             "a/ground_truth/bad/1_mask.png"});
  const Dataset dataset = load(folder.path());
  EXPECT_THAT(test_images(dataset, "a"), Contains("a/test/bad/1.png bad a/ground_truth/bad/1_mask.png"));
  EXPECT_THAT(dataset.remarks,
              Contains(HasSubstr("images with more than one mask in ground_truth/bad: 1 (one is read: first "
                                 "1_mask.png, not 1.png)")));
  EXPECT_THAT(dataset.remarks, Not(Contains(HasSubstr("belong to no image"))));
}

TEST(MaskNames, AmongTheImagesAreRefused) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/test/bad/1.png", "a/test/bad/1_mask.png", "a/test/good/0.png"});
  EXPECT_THAT(message_of([&] { load(folder.path()); }),
              HasSubstr("1_mask.png: is named as the mask of 1 beside it"));
}

TEST(MaskNames, OfKindsWithoutImagesAreCounted) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/test/bad/1.png", "a/test/good/0.png", "a/ground_truth/bad/1.png",
                             "a/ground_truth/bda/1.png"});
  EXPECT_THAT(
      load(folder.path()).remarks,
      Contains(HasSubstr("a: masks in ground_truth/bda, a folder that the test images do not have: 1")));
}

TEST(MaskNames, OfNormalImagesAreOfNoInterest) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/test/bad/1.png", "a/ground_truth/bad/1.png", "a/test/good/0.png",
                             "a/ground_truth/good/0_mask.png"});
  EXPECT_THAT(load(folder.path()).remarks, Not(Contains(HasSubstr("mask"))));
}

}  // namespace
}  // namespace res2clip
