#include "res2clip/train/loss_curves.hpp"

#include <regex>

#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kLog =
    R"({"epoch":0,"step":0,"phase":"visual","loss":{"vis":2.0,"text":1.0},"terms":{"text_cos_reg":0.5},"lr":{"vis":0.0},"grad_norm":{"vis":1.5}})"
    "\n"
    R"({"epoch":0,"step":1,"phase":"visual","loss":{"vis":1.0,"text":0.5},"terms":{"text_cos_reg":0.25},"lr":{"vis":0.001},"grad_norm":{"vis":1.0}})"
    "\n";

/// The lines of the chart with this title, each as "x,y x,y ".
std::vector<std::string> lines_of(const std::string& html, const std::string& title) {
  const std::size_t begin = html.find("<h2>" + title + "</h2>");
  EXPECT_NE(begin, std::string::npos) << title;
  const std::string chart = html.substr(begin, html.find("</svg>", begin) - begin);
  const std::regex line("<polyline [^>]*points='([^']*)'");
  std::vector<std::string> lines;
  for (std::sregex_iterator found(chart.begin(), chart.end(), line), end; found != end; ++found)
    lines.push_back((*found)[1]);
  return lines;
}

// A chart has its first step at x = 60, its last at 750, zero at y = 216 and its highest value at 10.
TEST(LossCurves, DrawEveryLossTermRateAndNormAtItsPlace) {
  const std::string html = loss_curves_html(kLog);
  EXPECT_THAT(lines_of(html, "Losses by step"), ElementsAre("60,113 750,164.5 ", "60,10 750,113 "));
  EXPECT_THAT(lines_of(html, "Text branch"), ElementsAre("60,10 750,113 "));
  EXPECT_THAT(lines_of(html, "Learning rates"), ElementsAre("60,216 750,10 "));
  EXPECT_THAT(lines_of(html, "Gradient norms before clipping"), ElementsAre("60,10 750,78.67 "));
  EXPECT_THAT(html, AllOf(HasSubstr("text_cos_reg</span>"), HasSubstr("vis</span>"), HasSubstr("</html>")));
}

TEST(LossCurves, LeaveAGapWhereABranchPauses) {
  std::string log;
  for (const int step : {0, 1, 3, 4})
    log += R"({"step":)" + std::to_string(step) + R"(,"loss":{"text":1.0}})" + "\n";
  EXPECT_THAT(lines_of(loss_curves_html(log), "Losses by step"),
              ElementsAre("60,10 232.5,10 ", "577.5,10 750,10 "));
}

TEST(LossCurves, NeedNothingFromElsewhere) {
  const std::string html = loss_curves_html(kLog);
  EXPECT_THAT(html, Not(HasSubstr("src=")));
  EXPECT_THAT(html, Not(HasSubstr("href=")));
}

TEST(LossCurves, SkipLinesThatAreNoSteps) {
  EXPECT_EQ(loss_curves_html(kLog), loss_curves_html("garbage\n" + kLog + "{\"step\": 2, \"lo"));
}

TEST(LossCurves, TakeNamesOfALogAsText) {
  const std::string page = loss_curves_html(R"({"step": 0, "loss": {"<script>alert(1)</script>": 1.0}})");
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;"), std::string::npos);
}

TEST(LossCurves, OfAnEmptyLogAreAPageAllTheSame) {
  EXPECT_THAT(loss_curves_html(""), HasSubstr("</html>"));
}

TEST(LossCurves, AreWrittenBesideTheLog) {
  const testing::TemporaryFolder folder;
  write_file(folder / "log.jsonl", kLog);
  write_loss_curves(folder / "log.jsonl", folder / "curves.html");
  EXPECT_EQ(read_file(folder / "curves.html"), loss_curves_html(kLog));
}

}  // namespace
}  // namespace res2clip
