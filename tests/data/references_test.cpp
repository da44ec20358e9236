#include "res2clip/data/references.hpp"

#include <gmock/gmock.h>

#include "res2clip/core/files.hpp"

#include "data/tree.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::make_files;
using testing::message_of;
using testing::TemporaryFolder;

TEST(ReadReferences, ResolvesPathsBelowTheDataRootAndAbsoluteOnes) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a/0.png", "elsewhere/1.png"});
  const Path absolute = folder / "elsewhere/1.png";
  write_file(folder / "refs.json", R"({"a": ["0.png", ")" + absolute.string() + R"("]})");
  const References references = read_references(folder / "refs.json", folder / "a");
  EXPECT_THAT(references.at("a"), ElementsAre(folder / "a/0.png", absolute));
}

TEST(ReadReferences, ResolvesPathsBelowTheWorkingDirectory) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"work/data/0.png"});
  write_file(folder / "refs.json", R"({"a": ["data/0.png"]})");
  const Path before = std::filesystem::current_path();
  std::filesystem::current_path(folder / "work");
  const References references = read_references(folder / "refs.json", folder / "nowhere");
  std::filesystem::current_path(before);
  EXPECT_THAT(references.at("a"), ElementsAre(Path("data/0.png")));
}

TEST(ReadReferences, FindsATailBelowTheDataRoot) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"mvtec/carpet/train/good/148.png", "mvtec/148.png"});
  write_file(folder / "refs.json", R"({"carpet": ["./data/MVTec/carpet/train/good/148.png"]})");
  EXPECT_THAT(read_references(folder / "refs.json", folder / "mvtec").at("carpet"),
              ElementsAre(folder / "mvtec/carpet/train/good/148.png"));
  write_file(folder / "refs.json", R"({"carpet": ["elsewhere/148.png"]})");
  EXPECT_THAT(message_of([&] { read_references(folder / "refs.json", folder / "mvtec"); }),
              HasSubstr("elsewhere/148.png is absent"));
}

TEST(ReadReferences, LooksAtTheClassesAskedForAlone) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"0.png"});
  write_file(folder / "refs.json", R"({"a": ["0.png"], "b": ["gone.png"]})");
  EXPECT_EQ(read_references(folder / "refs.json", folder.path(), {"a"}).size(), 1U);
}

TEST(ReadReferences, NamesWhatIsWrong) {
  const TemporaryFolder folder;
  const auto with = [&](const std::string& text) {
    write_file(folder / "refs.json", text);
    return message_of([&] { read_references(folder / "refs.json", folder.path()); });
  };
  EXPECT_THAT(with("{"), HasSubstr("refs.json"));
  EXPECT_THAT(with("[]"), HasSubstr("class"));
  EXPECT_THAT(with(R"({"a": 1})"), HasSubstr("\"a\" is not a list"));
  EXPECT_THAT(with(R"({"a": [1]})"), HasSubstr("\"a\""));
  EXPECT_THAT(with(R"({"a": ["gone.png"]})"), HasSubstr("gone.png"));
  EXPECT_THAT(message_of([&] { read_references(folder / "absent.json", folder.path()); }),
              HasSubstr("absent.json"));
}

TEST(TakeReferences, TakesTheFirstAndRefusesTooFew) {
  const References references{{"a", {"0", "1", "2"}}, {"b", {"3"}}};
  EXPECT_THAT(take_references(references, {"a"}, 2).at("a"), ElementsAre(Path("0"), Path("1")));
  EXPECT_THAT(message_of([&] { take_references(references, {"a", "b"}, 2); }), HasSubstr("class 'b' has 1"));
  EXPECT_THAT(message_of([&] { take_references(references, {"c"}, 1); }), HasSubstr("class 'c' has 0"));
  EXPECT_THAT(message_of([&] { take_references(references, {"A"}, 1); }), HasSubstr("(but 'a' is listed)"));
}

/// A class with training images 0.png .. count-1.png.
void add_class(Dataset& dataset, const std::string& category, int count) {
  dataset.categories.push_back(category);
  for (int i = 0; i < count; ++i) {
    const std::string name = category + "/" + std::to_string(i) + ".png";
    dataset.train[category].push_back({dataset.root / name, {}, name, category, "good", false});
  }
}

TEST(ChooseReferences, DependsOnSeedAndClassAlone) {
  Dataset one, several;
  one.root = several.root = "root";
  add_class(one, "a", 20);
  add_class(several, "b", 5);
  add_class(several, "a", 20);
  std::reverse(several.train["a"].begin(), several.train["a"].end());
  const References chosen = choose_references(one, 4, 111);
  EXPECT_EQ(chosen.at("a").size(), 4u);
  EXPECT_EQ(chosen.at("a"), choose_references(several, 4, 111).at("a"));
  EXPECT_NE(chosen.at("a"), choose_references(one, 4, 112).at("a"));
}

TEST(ChooseReferences, DrawsWithoutReplacementAndFewerShotsAreAPrefix) {
  Dataset dataset;
  add_class(dataset, "a", 6);
  std::vector<Path> all = choose_references(dataset, 6, 7).at("a");
  const std::vector<Path> two = choose_references(dataset, 2, 7).at("a");
  EXPECT_THAT(two, ElementsAre(all[0], all[1]));
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
}

TEST(ChooseReferences, RefusesAClassWithTooFewTrainingImages) {
  Dataset dataset;
  add_class(dataset, "a", 2);
  dataset.categories.push_back("b");
  EXPECT_THAT(message_of([&] { choose_references(dataset, 3, 1); }), HasSubstr("'a' has 2"));
  EXPECT_THAT(message_of([&] { choose_references(dataset, 1, 1); }),
              AllOf(HasSubstr("'b' has 0"), HasSubstr("--good")));
}

/// A data set whose classes have one training image each, named as the published lists name them.
Dataset named_as_published() {
  Dataset dataset;
  dataset.root = "root";
  for (const auto& [category, image] :
       {std::pair("carpet", "carpet/train/good/148.png"),
        std::pair("candle", "candle/Data/Images/Normal/0281.JPG"), std::pair("02", "02/train/ok/0154.png")}) {
    dataset.categories.push_back(category);
    dataset.train[category].push_back(
        {Path("root") / (std::string(category) + "/train/0.png"), {}, "0", category, "good", false});
    dataset.train[category].push_back({Path("root") / image, {}, image, category, "good", false});
  }
  return dataset;
}

TEST(PublishedReferences, AreThoseOfTheAuthors) {
  const Dataset dataset = named_as_published();
  const References references = references_for(dataset, {"published", 1, 0});
  EXPECT_THAT(references.at("carpet"), ElementsAre(Path("root/carpet/train/good/148.png")));
  EXPECT_THAT(references.at("candle"), ElementsAre(Path("root/candle/Data/Images/Normal/0281.JPG")));
  EXPECT_THAT(references.at("02"), ElementsAre(Path("root/02/train/ok/0154.png")));
  EXPECT_THAT(message_of([&] {
                references_for(dataset, {"published", 2, 0});
              }),
              HasSubstr("has 1 references listed"));
}

TEST(PublishedReferences, SayWhichClassOrImageIsMissing) {
  Dataset dataset = named_as_published();
  dataset.train["02"].pop_back();
  EXPECT_THAT(message_of([&] { published_references(dataset); }),
              HasSubstr("'02' has no training image 0154.png"));
  dataset.categories = {"own"};
  EXPECT_THAT(message_of([&] { published_references(dataset); }), HasSubstr("'own' is none of them"));
}

TEST(ReferencesFor, FirstTakesTheFirstTrainingImages) {
  Dataset dataset;
  dataset.root = "root";
  add_class(dataset, "a", 5);
  EXPECT_THAT(references_for(dataset, {"first", 2, 0}).at("a"),
              ElementsAre(Path("root/a/0.png"), Path("root/a/1.png")));
  EXPECT_THAT(references_for(dataset, {"first", 2, 0}, {"root/a/0.png"}).at("a"),
              ElementsAre(Path("root/a/1.png"), Path("root/a/2.png")));
}

TEST(RemarkOnReferences, SaysThatTheyAreTestImagesAndRefusesDefects) {
  Dataset dataset;
  dataset.test["a"] = {{"a/0.png", {}, "0", "a", "good", false}, {"a/1.png", {}, "1", "a", "cut", true}};
  remark_on_references(dataset, {{"a", {"a/../a/0.png", "b/0.png"}}});
  EXPECT_THAT(dataset.remarks, ElementsAre(HasSubstr("a: 1 of 2 references are also test images")));
  EXPECT_THAT(message_of([&] {
                remark_on_references(dataset, {{"a", {"a/1.png"}}});
              }),
              HasSubstr("a/1.png: is a reference of class 'a' and an anomalous test image"));
}

TEST(RemarkOnReferences, CountsThoseListedTwiceAndRefusesMasks) {
  Dataset dataset;
  dataset.test["a"] = {{"a/1.png", "a/mask/1.png", "1", "a", "cut", true}};
  remark_on_references(dataset, {{"a", {"b/0.png", "b/1.png", "b/../b/0.png"}}});
  EXPECT_THAT(dataset.remarks, ElementsAre(HasSubstr("a: 1 of 3 references are listed a second time")));
  EXPECT_THAT(message_of([&] {
                remark_on_references(dataset, {{"a", {"a/mask/1.png"}}});
              }),
              HasSubstr("a/mask/1.png: is a reference of class 'a' and the mask of a test image"));
}

TEST(RemarkOnReferences, CountsCopiesOfTestImages) {
  const TemporaryFolder folder;
  write_file(folder / "test/0.png", std::string(100'000, 'a') + "b");
  write_file(folder / "train/7.png", std::string(100'000, 'a') + "b");
  write_file(folder / "train/8.png", std::string(100'000, 'a') + "c");
  Dataset dataset;
  dataset.test["a"] = {{folder / "test/0.png", {}, "0", "a", "good", false}};
  remark_on_references(dataset, {{"a", {folder / "train/8.png"}}});
  EXPECT_THAT(dataset.remarks, ::testing::IsEmpty());
  remark_on_references(dataset, {{"a", {folder / "train/7.png", folder / "train/8.png"}}});
  EXPECT_THAT(dataset.remarks, ElementsAre(HasSubstr("a: 1 of 2 references are byte for byte the same")));
}

TEST(ReferencesJson, ReadsBackAsTheSameReferences) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"root/a/0.png", "other/1.png"});
  const References references{{"a", {folder / "root/a/0.png", folder / "other/1.png"}}};
  const std::string text = references_json(references, folder / "root");
  EXPECT_THAT(text, HasSubstr("\"a/0.png\""));
  write_file(folder / "refs.json", text);
  EXPECT_EQ(read_references(folder / "refs.json", folder / "root"), references);
}

}  // namespace
}  // namespace res2clip
