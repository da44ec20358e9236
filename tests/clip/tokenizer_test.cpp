#include "res2clip/clip/tokenizer.hpp"

#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"

#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::read_json;
using testing::test_data;

/// Texts that OpenAI's tokenizer first repairs, unescapes or lowers by context: out of scope, as the header
/// says.
bool needs_more_than_bpe(const nlohmann::json& entry) {
  for (const char* flag : {"needs_ftfy", "needs_html", "needs_special_lower"})
    if (entry.value(flag, false)) return true;
  return false;
}

TEST(Tokenizer, EqualsOpenAIsOnEveryTextThatNeedsNoRepair) {
  const auto tokenizer = Tokenizer::built_in();
  int compared = 0;
  const auto goldens = read_json(test_data("goldens/tokenizer.json"));
  for (const auto& entry : goldens["cases"]) {
    if (needs_more_than_bpe(entry)) continue;
    const std::string text = entry["text"];
    const bool too_long = entry.contains("error");
    const auto expected = entry[too_long ? "truncated_ids" : "ids"].get<std::vector<std::int64_t>>();
    EXPECT_EQ(tokenizer.context_ids(text, 77, true), expected) << text;
    if (too_long)
      EXPECT_THROW(tokenizer.context_ids(text, 77), Error) << text;
    else
      EXPECT_EQ(static_cast<int>(tokenizer.encode(text).size()) + 2, entry["n_tokens"].get<int>()) << text;
    ++compared;
  }
  EXPECT_GE(compared, 200);
}

TEST(Tokenizer, HasCLIPsVocabulary) {
  const auto tokenizer = Tokenizer::built_in();
  EXPECT_EQ(tokenizer.size(), 49408);
  EXPECT_EQ(tokenizer.start_token(), 49406);
  EXPECT_EQ(tokenizer.end_token(), 49407);
}

TEST(Tokenizer, BytesThatAreNoUtf8DoNoHarm) {
  const auto tokenizer = Tokenizer::built_in();
  EXPECT_NO_THROW(tokenizer.encode("\xff\xfe\x80 broken \xc3"));
  EXPECT_TRUE(tokenizer.encode("").empty());
  EXPECT_TRUE(tokenizer.encode(" \n\t ").empty());
}

TEST(Tokenizer, ABrokenMergesFileIsAnErrorWithItsLine) {
  try {
    Tokenizer::from_merges("#version\ni n\nnonsense\n", "m.txt");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("m.txt:3"), std::string::npos);
  }
}

}  // namespace
}  // namespace res2clip
