#include "res2clip/clip/tokenizer.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/random.hpp"

#include "clip/merges.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::read_json;
using testing::test_data;

TEST(Tokenizer, EqualsOpenAIsOnEveryTextThatNeedsNoRepair) {
  const auto tokenizer = Tokenizer::built_in();
  int compared = 0;
  const auto goldens = read_json(test_data("goldens/tokenizer.json"));
  for (const auto& entry : goldens["cases"]) {
    if (entry.value("needs_ftfy", false)) continue;  // out of scope, as the header says
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
  EXPECT_EQ(compared, 224);
}

// The expected texts are Python 3.11's: html.unescape(html.unescape(text)), and text.lower() below.
TEST(Tokenizer, ReplacesHtmlEntitiesTwice) {
  const auto tokenizer = Tokenizer::built_in();
  const std::pair<std::string, std::string> texts[] = {
      {"rock &amp;amp; roll", "rock & roll"},
      {"&amp;amp;lt;", "& lt;"},                           // a third round would leave "<"
      {"caf&eacute caf&eacutex", "caf\u00e9 caf\u00e9x"},  // the old names need no semicolon,
      {"&hearts; &hearts", "\u2665 &hearts"},              // the newer ones do
      {"&notin; &notit; &nosuch;", "\u2209 \u00acit; &nosuch;"},
      {"&NotEqualTilde;", "\u2242\u0338"},  // one name, two characters
      {"&#65;&#x42;&#X43 &# &#x; &#;", "ABC &# &#x; &#;"},
      {"&#146;s &#x80;", "\u2019s \u20ac"},  // Windows-1252
      {"a&#1;b&#xFFFE;c", "abc"},
      {"&#0; &#xD800; &#99999999999;", "\ufffd \ufffd \ufffd"},
  };
  for (const auto& [escaped, plain] : texts)
    EXPECT_EQ(tokenizer.encode(escaped), tokenizer.encode(plain)) << escaped;
}

TEST(Tokenizer, LowersSigmaByItsNeighboursAndTheDottedI) {
  const auto tokenizer = Tokenizer::built_in();
  const std::pair<std::string, std::string> texts[] = {
      {"\u039f\u03a3 \u03a3\u039f", "\u03bf\u03c2 \u03c3\u03bf"},  // last and first of a word
      {"\u03a3", "\u03c3"},                                        // no letter before it
      {"\u039f\u03a3\u03a3", "\u03bf\u03c3\u03c2"},
      {"\u039f\u03a3.\u039f", "\u03bf\u03c3.\u03bf"},  // a full stop may stand inside a word,
      {"\u039f\u03a3.", "\u03bf\u03c2."},
      {"\u039f\u03a3,\u039f", "\u03bf\u03c2,\u03bf"},  // a comma not
      {"\u039f\u0301\u03a3\u0301", "\u03bf\u0301\u03c2\u0301"},
      {"1\u03a3 \u2160\u03a3", "1\u03c3 \u2170\u03c2"},  // Roman numerals have a case, digits none
      {"\u0130", "i\u0307"},
  };
  for (const auto& [capital, lower] : texts)
    EXPECT_EQ(tokenizer.encode(capital), tokenizer.encode(lower)) << capital;
}

// The original's pattern ignores case: the long s makes a contraction, the iota below stands in no word.
TEST(Tokenizer, SplitsAsAPatternThatIgnoresCase) {
  const auto tokenizer = Tokenizer::built_in();
  EXPECT_EQ(tokenizer.encode("it'\u017ft"), tokenizer.encode("it'\u017f t"));
  EXPECT_EQ(tokenizer.encode("a\u0345b !\u0345!"), tokenizer.encode("a b ! !"));
}

using Pairs = std::map<std::pair<std::int64_t, std::int64_t>, Merge>;

/// As the definition says it: each pass looks at all neighbours.
std::vector<std::int64_t> merged_plainly(std::vector<std::int64_t> symbols, const Pairs& pairs) {
  for (;;) {
    auto best = pairs.end();
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto found = pairs.find({symbols[i], symbols[i + 1]});
      if (found != pairs.end() && (best == pairs.end() || found->second.rank < best->second.rank))
        best = found;
    }
    if (best == pairs.end()) return symbols;
    std::vector<std::int64_t> next;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      const bool here = i + 1 < symbols.size() && std::pair(symbols[i], symbols[i + 1]) == best->first;
      next.push_back(here ? best->second.result : symbols[i]);
      i += here;
    }
    symbols = std::move(next);
  }
}

/// Merges of four symbols and of what they give, as from_merges numbers them.
Pairs drawn_pairs(RandomStream& random) {
  Pairs pairs;
  for (std::int64_t rank = 0; rank < 12; ++rank) {
    const auto known = static_cast<std::uint64_t>(4 + rank);
    const auto left = static_cast<std::int64_t>(random.below(known));
    pairs[{left, static_cast<std::int64_t>(random.below(known))}] = {rank, 4 + rank};
  }
  return pairs;
}

TEST(Tokenizer, MergesAsTheDefinitionSays) {
  RandomStream random(7, "merges");
  for (int trial = 0; trial < 2000; ++trial) {
    const Pairs pairs = drawn_pairs(random);
    std::vector<std::int64_t> symbols(1 + random.below(40));
    for (auto& symbol : symbols) symbol = static_cast<std::int64_t>(random.below(4));
    const auto found = merged(symbols, [&](std::int64_t left, std::int64_t right) {
      const auto pair = pairs.find({left, right});
      return pair == pairs.end() ? std::nullopt : std::optional(pair->second);
    });
    EXPECT_EQ(found, merged_plainly(symbols, pairs)) << "trial " << trial;
  }
}

// A vocabulary whose every merge swallows one letter more of a word makes as many merges as letters.
TEST(Tokenizer, ALongWordTakesWorkInProportionToItsLength) {
  const std::int64_t letters = 200'000;
  std::vector<std::int64_t> word(static_cast<std::size_t>(letters), 1);
  word.front() = 0;
  std::int64_t asked = 0;
  const auto found = merged(word, [&](std::int64_t left, std::int64_t right) -> std::optional<Merge> {
    ++asked;
    if (right != 1 || left == 1) return std::nullopt;
    return Merge{left, left == 0 ? 2 : left + 1};
  });
  EXPECT_EQ(found, std::vector<std::int64_t>{letters});
  EXPECT_LE(asked, 3 * letters);
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
  EXPECT_NO_THROW(tokenizer.encode("&\xff; &#\xc3; &amp\x80 \xce&#1;\xa3"));
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
