#include "res2clip/core/terminal_text.hpp"

#include <gtest/gtest.h>

#include "res2clip/core/csv.hpp"

namespace res2clip {
namespace {

TEST(TerminalText, LeavesLettersOfAnyLanguageAlone) {
  for (const char* text : {"", "part 1.png", "Prüfling №7", "零件.png", "ضخم", "\xF0\x9F\x94\xA7"})
    EXPECT_EQ(terminal_text(text), text);
}

TEST(TerminalText, ShowsWhatSteersATerminal) {
  EXPECT_EQ(terminal_text("\x1b[31mred\x07\x7f"), "\\x1b[31mred\\x07\\x7f");
  EXPECT_EQ(terminal_text("a\xC2\x9B"
                          "31m"),
            "a\\xc2\\x9b31m")
      << "the same as ESC [";
  EXPECT_EQ(terminal_text("a\xE2\x80\xAEgnp.b"), "a\\xe2\\x80\\xaegnp.b") << "letters in reverse";
  EXPECT_EQ(terminal_text(std::string_view("\0", 1)), "\\x00");
}

TEST(TerminalText, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(terminal_text("a\xFFz\x9B"), "a\\xffz\\x9b");
  EXPECT_EQ(terminal_text("\xE9\x9B"), "\\xe9\\x9b") << "cut off";
}

TEST(TerminalText, KeepsLineBreaksIfAsked) {
  EXPECT_EQ(terminal_text("a\nb\tc\r"), "a\\x0ab\\x09c\\x0d");
  EXPECT_EQ(terminal_text("a\nb\tc\r\x1b", LineBreaks::kept), "a\nb\tc\r\\x1b");
}

TEST(CsvCell, RunsNoFormula) {
  for (const char* text : {"=1+1", "+1", "-x.png", "@SUM(A1)"})
    EXPECT_EQ(csv_cell(text), "'" + std::string(text));
  EXPECT_EQ(csv_cell("\t=1"), "'\t=1");
  EXPECT_EQ(csv_cell("=HYPERLINK(\"a\",\"b\")"), "\"'=HYPERLINK(\"\"a\"\",\"\"b\"\")\"");
  EXPECT_EQ(csv_cell("a=1-2"), "a=1-2");
  EXPECT_EQ(csv_cell(-1.5), "-1.5") << "a number is one";
}

TEST(CsvCell, KeepsLinesInQuotesAndShowsWhatSteersATerminal) {
  EXPECT_EQ(csv_cell("a\nb"), "\"a\nb\"");
  EXPECT_EQ(csv_cell("\x1b[31m"), "\\x1b[31m");
}

}  // namespace
}  // namespace res2clip
