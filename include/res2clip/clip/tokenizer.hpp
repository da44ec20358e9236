#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace res2clip {

/// CLIP's byte-pair tokenizer.
///
/// Exactly OpenAI's for text in valid UTF-8 that needs no repair: it lowers case, collapses white space, and
/// splits into words as CLIP does. Three things the original does before that are left out: repair of broken
/// text (mojibake, ligatures, full-width and curly characters, which takes a library of its own), HTML
/// entities, and the two letters whose lower case depends on their neighbours (final sigma, dotted capital
/// I). None of the method's prompts needs them.
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
