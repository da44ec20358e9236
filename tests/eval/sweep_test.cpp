#include "res2clip/eval/sweep.hpp"

#include <gmock/gmock.h>

#include "res2clip/core/files.hpp"
#include "res2clip/eval/class_record.hpp"

#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::HasSubstr;

EvaluationResult result_of(double value) {
  ClassResult one;
  one.category = "leather, brown";
  one.references = {"leather/train/good/000.png"};
  for (auto& figure : one.metrics.figures) figure = Figure::of(value);
  one.metrics[Metric::aupro] = Figure::none("no anomalous pixel in any mask");
  one.metrics.images = 2;
  one.metrics.anomalous_images = 1;
  one.images = {{"leather/test/\xe9.png", true, 0.1f, 1e-30f, 3.0f, -0.0f, "m/\xe9.png"},
                {"b.png", false, 1, 2, 3, 4, ""}};
  one.seconds = 0.1;
  EvaluationResult result;
  result.mean = mean_over_classes(std::vector{one.metrics});
  result.classes.push_back(std::move(one));
  return result;
}

TEST(ClassRecord, GivesBackEveryBit) {
  const testing::TemporaryFolder folder;
  const Path file = folder.path() / "run/0.cbor";
  const ClassResult written = result_of(1.0 / 3.0).classes.front();
  write_class_record(file, written, "gamma=0.01\n");
  const auto read = read_class_record(file, "gamma=0.01\n");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->category, written.category);
  EXPECT_EQ(read->references, written.references);
  EXPECT_EQ(read->metrics[Metric::image_ap].value, 1.0 / 3.0);
  EXPECT_EQ(read->metrics[Metric::aupro].reason, "no anomalous pixel in any mask");
  EXPECT_EQ(read->metrics.images, 2);
  EXPECT_EQ(read->metrics.anomalous_images, 1);
  ASSERT_EQ(read->images.size(), 2U);
  EXPECT_EQ(read->images[0].name, "leather/test/\xe9.png");
  EXPECT_EQ(read->images[0].score, 0.1f);
  EXPECT_EQ(read->images[0].text, 1e-30f);
  EXPECT_TRUE(read->images[0].anomalous);
}

TEST(ClassRecord, OfAnotherEvaluationOrDamagedCountsAsAbsent) {
  const testing::TemporaryFolder folder;
  const Path file = folder.path() / "0.cbor";
  EXPECT_FALSE(read_class_record(file, "a"));
  write_class_record(file, result_of(0.5).classes.front(), "a");
  EXPECT_FALSE(read_class_record(file, "b"));
  const std::string bytes = read_file(file);
  for (std::size_t kept = 0; kept < bytes.size(); kept += 7) {
    write_file(file, bytes.substr(0, kept));
    EXPECT_FALSE(read_class_record(file, "a")) << kept;
  }
}

TEST(SweepCsv, HasARowForEachRunAndClass) {
  auto first = result_of(0.5);
  const auto second = result_of(0.25);
  first.paper.row = published_ablation({"Table 3", "cosine"}, "btad", false);
  const std::vector<std::string> keys = {"retrieval.gamma", "layers.visual"};
  const std::vector<SweptRun> runs = {{"a", {"0.01", "[6,12]"}, &first}, {"b", {"0.02", "[]"}, &second}};
  EXPECT_EQ(sweep_csv(keys, runs),
            "run,retrieval.gamma,layers.visual,class,I-AUROC,I-AP,I-F1,P-AUROC,P-AP,P-F1,AUPRO,paper,"
            "I-AUROC difference,I-AP difference,I-F1 difference,P-AUROC difference,P-AP difference,"
            "P-F1 difference,AUPRO difference\n"
            "a,0.01,\"[6,12]\",\"leather, brown\",0.5,0.5,0.5,0.5,0.5,0.5,,,,,,,,,\n"
            "a,0.01,\"[6,12]\",mean,0.5,0.5,0.5,0.5,0.5,0.5,,\"Table 3, cosine\",-37.099999999999994,,,,"
            "13.399999999999999,,\n"
            "b,0.02,[],\"leather, brown\",0.25,0.25,0.25,0.25,0.25,0.25,,,,,,,,,\n"
            "b,0.02,[],mean,0.25,0.25,0.25,0.25,0.25,0.25,,,,,,,,,\n");
}

TEST(SweepTable, TakesSeedsTogether) {
  auto first = result_of(0.5), second = result_of(0.6), other = result_of(0.7);
  for (EvaluationResult* result : {&first, &second, &other}) result->paper.why_not = "these are toys";
  const std::vector<std::string> keys = {"run.seed", "retrieval.gamma"};
  const std::vector<SweptRun> runs = {{"seed=1,gamma=0.01", {"1", "0.01"}, &first},
                                      {"seed=1,gamma=0.02", {"1", "0.02"}, &other},
                                      {"seed=2,gamma=0.01", {"2", "0.01"}, &second}};
  EXPECT_EQ(sweep_table(keys, runs),
            "run                  I-AUROC     I-AP     I-F1  P-AUROC     P-AP     P-F1    AUPRO\n"
            "----------------------------------------------------------------------------------\n"
            "gamma=0.01, 2 seeds     55.0     55.0     55.0     55.0     55.0     55.0        -\n"
            "  +-                     7.1      7.1      7.1      7.1      7.1      7.1        -\n"
            "seed=1,gamma=0.02       70.0     70.0     70.0     70.0     70.0     70.0        -\n"
            "not compared with the paper: these are toys\n");
}

}  // namespace
}  // namespace res2clip
