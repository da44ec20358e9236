#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace res2clip {

/// CLIP's byte-pair tokenizer.
///
/// Exactly OpenAI's for valid UTF-8 of characters that Unicode 14 has, where it needs no repair: HTML
/// entities are replaced (twice, as Python's `html.unescape`), case is lowered (as Python's `str.lower`),
/// white space collapsed, and the text split into words as CLIP does. One thing the original does first is
/// left out, since it takes a library of its own: ftfy's repair of broken text (mojibake), which also
/// rewrites ligatures, full-width and curly characters, those not in composed form, and control characters,
/// written as entities too, and undoes entities escaped more than twice. None of the method's prompts needs
/// it.
class Tokenizer {
 public:
  /// From the text of a merges file: a version line, then one merge ("i n") a line.
  /// Throws a data error where it is none; `source` names it in messages.
  static Tokenizer from_merges(std::string_view merges, const std::string& source);
  /// With the vocabulary that the program carries.
  static Tokenizer built_in();

  /// Token ids of a text, without start and end.
  std::vector<std::int64_t> encode(std::string_view text) const;

  /// `context` ids: start, the text, end, zeros. A text too long is a settings error that names it; with
  /// `truncate` it loses its tail instead, the last id being the end token.
  std::vector<std::int64_t> context_ids(std::string_view text, std::int64_t context,
                                        bool truncate = false) const;

  std::int64_t start_token() const;
  std::int64_t end_token() const;
  /// Entries of the vocabulary: bytes, bytes at a word's end, merges, start and end (49,408 for CLIP's).
  std::int64_t size() const;

  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

 private:
  struct Vocabulary;
  explicit Tokenizer(std::unique_ptr<Vocabulary> vocabulary);
  std::unique_ptr<Vocabulary> vocabulary_;
};

/// The merges text that the program carries (OpenAI's; third_party/clip-bpe).
std::string_view built_in_merges();

}  // namespace res2clip
