#include "res2clip/train/loss_curves.hpp"

#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kLog =
    R"({"epoch":0,"step":0,"phase":"visual","loss":{"vis":2.0,"text":1.0},"terms":{"text_cos_reg":0.5},"lr":{"vis":0.0},"grad_norm":{"vis":1.5}})"
    "\n"
    R"({"epoch":0,"step":1,"phase":"visual","loss":{"vis":1.0,"text":0.5},"terms":{"text_cos_reg":0.25},"lr":{"vis":0.001},"grad_norm":{"vis":1.0}})"
    "\n";

TEST(LossCurves, DrawEveryLossAndRate) {
  const std::string html = loss_curves_html(kLog);
  EXPECT_THAT(html, HasSubstr("<svg"));
  EXPECT_THAT(html, HasSubstr("vis"));
  EXPECT_THAT(html, HasSubstr("text_cos_reg"));
  EXPECT_THAT(html, HasSubstr("</html>"));
}

TEST(LossCurves, NeedNothingFromElsewhere) {
  const std::string html = loss_curves_html(kLog);
  EXPECT_THAT(html, Not(HasSubstr("src=")));
  EXPECT_THAT(html, Not(HasSubstr("href=")));
}

TEST(LossCurves, SkipLinesThatAreNoSteps) {
  EXPECT_EQ(loss_curves_html(kLog), loss_curves_html("garbage\n" + kLog + "{\"step\": 2, \"lo"));
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
