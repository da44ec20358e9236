#include "res2clip/data/examination.hpp"

#include <gmock/gmock.h>

#include "res2clip/data/layout.hpp"
#include "res2clip/data/training_record.hpp"
#include "res2clip/image/write.hpp"

#include "data/tree.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::message_of;
using testing::TemporaryFolder;
using testing::test_data;

at::Tensor image_of(std::int64_t height, std::int64_t width, int value = 90) {
  return at::full({height, width, 3}, value, at::kByte);
}

/// A mask with a marked square of 4 x 4, as an image.
at::Tensor mask_of(std::int64_t height, std::int64_t width) {
  at::Tensor mask = at::zeros({height, width, 3}, at::kByte);
  mask.slice(0, 2, 6).slice(1, 2, 6).fill_(255);
  return mask;
}

/// A class with two good test images, two defects and their masks, and three training images.
class Part {
 public:
  Part() {
    for (const char* name : {"train/good/0.png", "train/good/1.png", "train/good/2.png", "test/good/0.png",
                             "test/good/1.png", "test/bad/0.png", "test/bad/1.png"})
      write_png(at(name), image_of(12, 16, value_++));
    for (const char* name : {"0", "1"}) set_mask(name, mask_of(12, 16));
  }
  Path at(const std::string& name) const { return folder_ / ("part/" + name); }
  void set_mask(const std::string& name, const at::Tensor& mask) {
    write_png(at("ground_truth/bad/" + name + "_mask.png"), mask);
  }
  Dataset load(bool skip_broken = false) const {
    DatasetOptions options{Layout::folder, folder_.path().string(), {}};
    options.skip_broken = skip_broken;
    return load_dataset(options);
  }
  /// The data set after an examination.
  Dataset examined(bool skip_broken = false) const {
    Dataset dataset = load(skip_broken);
    examine_dataset(dataset, ReferenceChoice{"first", 1, 0}, skip_broken, *single_process());
    return dataset;
  }
  std::string complaint() const {
    return message_of([&] { examined(); });
  }
  void cut(const std::string& name) const { write_file(at(name), read_file(at(name)).substr(0, 60)); }

 private:
  TemporaryFolder folder_;
  int value_ = 90;
};

TEST(ExamineDataset, HasNothingToSayOfAWholeOne) {
  const Part part;
  EXPECT_THAT(part.examined().remarks, IsEmpty());
  EXPECT_THAT(part.examined(true).left_out, IsEmpty());
}

TEST(ExamineDataset, NamesAllBrokenFilesAtOnce) {
  const Part part;
  for (const char* name : {"train/good/0.png", "test/good/1.png", "ground_truth/bad/0_mask.png"})
    part.cut(name);
  EXPECT_THAT(part.complaint(),
              AllOf(HasSubstr("3 images cannot be used"), HasSubstr("train/good/0.png"),
                    HasSubstr("test/good/1.png"), HasSubstr("bad/0_mask.png"), HasSubstr("--skip-broken")));
}

TEST(ExamineDataset, GoesOnWithoutBrokenFilesIfAsked) {
  const Part part;
  for (const char* name : {"train/good/0.png", "test/good/1.png", "ground_truth/bad/0_mask.png"})
    part.cut(name);
  Dataset dataset = part.load(true);
  const References references =
      examine_dataset(dataset, ReferenceChoice{"first", 2, 0}, true, *single_process());
  EXPECT_THAT(references.at("part"), ElementsAre(part.at("train/good/1.png"), part.at("train/good/2.png")));
  EXPECT_EQ(dataset.test.at("part").size(), 2U);
  EXPECT_EQ(dataset.left_out.size(), 3U);
}

TEST(ExamineDataset, NeedsATestImageOfEachClass) {
  const Part part;
  for (const char* name : {"test/good/0.png", "test/good/1.png", "test/bad/0.png", "test/bad/1.png"})
    part.cut(name);
  EXPECT_THAT(message_of([&] { part.examined(true); }), HasSubstr("'part' has no test image left"));
}

TEST(ExamineDataset, MissesLinksThatLeadToNothing) {
  const Part part;
  std::filesystem::create_symlink("/nowhere/9.png", part.at("test/good/9.png"));
  EXPECT_THAT(part.complaint(), HasSubstr("9.png: is a link to /nowhere/9.png, which does not exist"));
  EXPECT_THAT(part.examined(true).left_out, ElementsAre(HasSubstr("9.png")));
}

TEST(ExamineDataset, RefusesAMaskOfAnotherAspect) {
  Part part;
  part.set_mask("1", mask_of(16, 12));
  EXPECT_THAT(part.complaint(),
              AllOf(HasSubstr("1_mask.png: the mask has 12 x 16 pixels"), HasSubstr("16 x 12")));
  EXPECT_EQ(part.examined(true).test.at("part").size(), 3U);
  part.set_mask("1", mask_of(24, 32));
  EXPECT_EQ(part.complaint(), "");
  part.set_mask("1", mask_of(6, 8));
  EXPECT_EQ(part.complaint(), "");
}

TEST(ExamineDataset, RemarksOnMasksThatMayBeMistakes) {
  Part part;
  part.set_mask("0", at::zeros({12, 16, 3}, at::kByte));
  EXPECT_THAT(part.examined().remarks,
              ElementsAre(AllOf(HasSubstr("part: 1 of 2 masks are empty"), HasSubstr("count as good"),
                                HasSubstr("0_mask.png"))));
  part.set_mask("0", image_of(12, 16, 255));
  EXPECT_THAT(part.examined().remarks, ElementsAre(HasSubstr("1 of 2 masks mark every pixel")));
  part.set_mask("0", 255 - mask_of(12, 16));
  EXPECT_THAT(part.examined().remarks, ElementsAre(HasSubstr("1 of 2 masks mark more than half")));
  at::Tensor ringing = mask_of(12, 16);
  ringing.select(0, 7).slice(0, 2, 6).fill_(3);
  part.set_mask("0", ringing);
  part.set_mask("1", ringing);
  EXPECT_THAT(part.examined().remarks,
              ElementsAre(HasSubstr("2 of 2 masks hold values other than 0 and one more")));
}

TEST(ExamineDataset, TakesMasksOfAnyOneValue) {
  Part part;
  part.set_mask("0", mask_of(12, 16).clamp(0, 1));
  part.set_mask("1", mask_of(12, 16).clamp(0, 3));
  EXPECT_THAT(part.examined().remarks, IsEmpty());
}

TEST(ReadWholeMask, JoinsTheMasksOfAFolder) {
  const TemporaryFolder folder;
  at::Tensor one = at::zeros({4, 6, 3}, at::kByte), other = one.clone();
  one[1][1].fill_(255);
  other[2][2].fill_(236);
  write_png(folder / "m/000.png", one);
  write_png(folder / "m/001.png", other);
  const at::Tensor whole = read_whole_mask(folder / "m");
  EXPECT_EQ(whole.gt(0).sum().item<int>(), 2);
  EXPECT_EQ(whole[2][2].item<int>(), 236);
  write_png(folder / "m/002.png", at::zeros({6, 4, 3}, at::kByte));
  EXPECT_THAT(message_of([&] { read_whole_mask(folder / "m"); }), HasSubstr("002.png: has another size"));
  std::filesystem::create_directory(folder / "empty");
  EXPECT_THAT(message_of([&] { read_whole_mask(folder / "empty"); }), HasSubstr("without masks"));
}

TEST(LeaveOutUnusable, LooksAtImagesAsTheyWillBeRead) {
  const Path wide = test_data("images/mono12.png");
  std::vector<Path> images{wide};
  EXPECT_THAT(message_of([&] { leave_out_unusable(images, false); }),
              AllOf(HasSubstr("mono12.png"), HasSubstr("image.wide")));
  EXPECT_TRUE(leave_out_unusable(images, false, {.wide = wide_samples("divide:16")}).empty());
  EXPECT_THAT(message_of([&] {
                leave_out_unusable(images, false, {.wide = wide_samples("divide:16"), .max_pixels = 10});
              }),
              HasSubstr("image.max_pixels"));
}

TEST(Examine, TakesAMaskThatIsTurnedAsItsImageIfThatIsTurnedByTheSetting) {
  const TemporaryFolder folder;
  const Path image = test_data("images/exif8.jpg");  // 12 x 9 as stored, 9 x 12 upright
  write_png(folder / "stored.png", mask_of(9, 12));
  write_png(folder / "upright.png", mask_of(12, 9));
  const auto fault = [&](const char* mask, const ReadOptions& reading) {
    return examine({image, folder / mask, {}, "part", "bad", true}, Examination::header, reading).fault;
  };
  EXPECT_EQ(fault("stored.png", {}), "");
  EXPECT_THAT(fault("upright.png", {}), HasSubstr("image.exif_rotation"));
  EXPECT_EQ(fault("upright.png", {.exif_rotation = true}), "");
  EXPECT_THAT(fault("stored.png", {.exif_rotation = true}), HasSubstr("stored.png"));
}

TEST(LeaveOutUnusable, NamesAllOrTakesThemOut) {
  const Part part;
  part.cut("train/good/0.png");
  part.cut("train/good/1.png");
  std::vector<Path> images{part.at("train/good/0.png"), part.at("train/good/1.png"),
                           part.at("train/good/2.png")};
  EXPECT_THAT(message_of([&] { leave_out_unusable(images, false); }), HasSubstr("2 images cannot be used"));
  EXPECT_EQ(leave_out_unusable(images, true).size(), 2U);
  EXPECT_THAT(images, ElementsAre(part.at("train/good/2.png")));
  part.cut("train/good/2.png");
  EXPECT_THAT(message_of([&] { leave_out_unusable(images, true); }), HasSubstr("2.png"));
}

TEST(TrainingRecord, TellsTestImagesThatWereTrainedOn) {
  const Part part;
  const TemporaryFolder run;
  Dataset dataset = part.load();
  remark_on_training(dataset, run / "checkpoint.pth");
  EXPECT_THAT(dataset.remarks, ElementsAre(HasSubstr("no training_data.json beside it")));
  dataset.remarks.clear();
  Dataset trained = part.load();
  trained.test.at("part").pop_back();
  write_training_record(training_record(trained), run.path());
  EXPECT_THAT(read_training_record(run.path())->categories, ElementsAre("part"));
  remark_on_training(dataset, run / "checkpoint.pth");
  EXPECT_THAT(dataset.remarks, ElementsAre(HasSubstr("3 of 4 test images are among those that")));
  write_file(run / "training_data.json", R"({"format": 9})");
  EXPECT_THAT(message_of([&] { read_training_record(run.path()); }),
              HasSubstr("training_data.json: is not a record"));
}

}  // namespace
}  // namespace res2clip
