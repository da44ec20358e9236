#include <gmock/gmock.h>

#include "res2clip/report/report.hpp"

namespace res2clip {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<ReportedRun> example() {
  ReportedRun compared, other;
  compared.name = "shots_1";
  compared.mean.fill(0.9564);
  compared.paper = "Table 8";
  compared.published.fill(PublishedFigure{95.5, 0.05});
  compared.published[1] = PublishedFigure{97.0, std::nullopt};
  compared.published[6] = std::nullopt;
  compared.classes.push_back({"01", compared.mean, {}});
  other.name = "50%|own";
  other.mean.fill(std::nullopt);
  other.why_not = "the backbone is <another>";
  other.classes.push_back({"a, b", other.mean, {{"x.png", true, 2.0}, {"y.png", false, 1.0}}});
  return {compared, other};
}

TEST(ReportMarkdown, HasThePaperBelowEachComparedRun) {
  EXPECT_EQ(report_markdown(example()),
            "| run | I-AUROC | I-AP | I-F1 | P-AUROC | P-AP | P-F1 | AUPRO |\n"
            "|---|---:|---:|---:|---:|---:|---:|---:|\n"
            "| shots\\_1 | 95.6 | 95.6 | 95.6 | 95.6 | 95.6 | 95.6 | 95.6 |\n"
            "| paper, Table 8 | 95.5 ± 0.1 | 97.0 | 95.5 ± 0.1 | 95.5 ± 0.1 | 95.5 ± 0.1 | 95.5 ± 0.1 | – |\n"
            "| difference | +0.1\\* | -1.4 | +0.1\\* | +0.1\\* | +0.1\\* | +0.1\\* | – |\n"
            "| 50%\\|own | – | – | – | – | – | – | – |\n");
}

TEST(ReportCsv, HasEveryClass) {
  EXPECT_EQ(report_csv(example()),
            "run,class,I-AUROC,I-AP,I-F1,P-AUROC,P-AP,P-F1,AUPRO\n"
            "shots_1,01,0.9564,0.9564,0.9564,0.9564,0.9564,0.9564,0.9564\n"
            "shots_1,mean,0.9564,0.9564,0.9564,0.9564,0.9564,0.9564,0.9564\n"
            "50%|own,\"a, b\",,,,,,,\n"
            "50%|own,mean,,,,,,,\n");
}

TEST(ReportLatex, EscapesNames) {
  const std::string table = report_latex(example());
  EXPECT_THAT(table, HasSubstr("shots\\_1 & 95.6 &"));
  EXPECT_THAT(table, HasSubstr("paper, Table 8 & 95.5 $\\pm$ 0.1 & 97.0 &"));
  EXPECT_THAT(table, HasSubstr("50\\%|own & -- &"));
  EXPECT_THAT(table, HasSubstr("\\begin{tabular}{lrrrrrrr}"));
}

TEST(ReportHtml, EscapesWhatIsNotItsOwnAndSaysWhatIsAbsent) {
  const std::string page = report_html(example());
  EXPECT_THAT(page, HasSubstr("the backbone is &lt;another&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<another>")));
  EXPECT_THAT(page, HasSubstr("paper, Table 8"));
  EXPECT_THAT(page, HasSubstr("95.5 ± 0.1"));
  EXPECT_THAT(page, HasSubstr("no test images"));            // of class 01
  EXPECT_THAT(page, HasSubstr("highest F1 from 2.000 on"));  // of class "a, b"
  for (const char* outside : {"http:", "https:", "<link", "src=\"/", "@import"})
    EXPECT_THAT(page, Not(HasSubstr(outside)));
}

}  // namespace
}  // namespace res2clip
