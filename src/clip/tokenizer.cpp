#include "res2clip/clip/tokenizer.hpp"

#include <optional>
#include <unordered_map>
#include <utility>

#include "res2clip/core/error.hpp"

#include "merges.hpp"
#include "words.hpp"

extern "C" const char res2clip_merges[];
extern "C" const char res2clip_merges_end[];

namespace res2clip {
namespace {

const std::string kWordEnd = "</w>";

/// The printable stand-in that the merges file writes for each byte: itself where it is a visible Latin-1
/// character, the code points from 256 on, in order, for the others.
std::vector<std::pair<unsigned char, std::string>> byte_symbols() {
  const auto utf8 = [](unsigned point) {
    if (point < 0x80) return std::string(1, static_cast<char>(point));
    return std::string{static_cast<char>(0xc0 | (point >> 6)), static_cast<char>(0x80 | (point & 0x3f))};
  };
  const auto visible = [](unsigned byte) {
    return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  };
  // In the vocabulary's order: first the visible ones, then the rest.
  std::vector<std::pair<unsigned char, std::string>> symbols;
  for (unsigned byte = 0; byte < 256; ++byte)
    if (visible(byte)) symbols.emplace_back(static_cast<unsigned char>(byte), utf8(byte));
  unsigned next = 256;
  for (unsigned byte = 0; byte < 256; ++byte)
    if (!visible(byte)) symbols.emplace_back(static_cast<unsigned char>(byte), utf8(next++));
  return symbols;
}

std::uint64_t pair_key(std::int64_t left, std::int64_t right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint64_t>(right);
}

}  // namespace

struct Tokenizer::Vocabulary {
  std::int64_t byte_id[256] = {};      // of a byte inside a word
  std::int64_t byte_end_id[256] = {};  // of a byte at a word's end
  std::unordered_map<std::uint64_t, Merge> merges;
  std::int64_t start = 0;
  std::int64_t end = 0;
};

Tokenizer::Tokenizer(std::unique_ptr<Vocabulary> vocabulary) : vocabulary_(std::move(vocabulary)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Tokenizer Tokenizer::from_merges(std::string_view merges, const std::string& source) {
  auto vocabulary = std::make_unique<Vocabulary>();
  std::unordered_map<std::string, std::int64_t> ids;
  std::int64_t next = 0;
  const auto symbols = byte_symbols();
  for (const auto& [byte, symbol] : symbols) {
    vocabulary->byte_id[byte] = next;
    ids[symbol] = next++;
  }
  for (const auto& [byte, symbol] : symbols) {
    vocabulary->byte_end_id[byte] = next;
    ids[symbol + kWordEnd] = next++;
  }
  const auto bad_line = [&](std::int64_t line) {
    return data_error(source + ":" + std::to_string(line) + ": is not a merge of two known symbols");
  };
  std::int64_t line_number = 0;
  std::int64_t rank = 0;
  for (std::size_t at = 0; at < merges.size();) {
    const auto stop = std::min(merges.find('\n', at), merges.size());
    const std::string_view line = merges.substr(at, stop - at);
    at = stop + 1;
    if (++line_number == 1) continue;  // the version
    const auto space = line.find(' ');
    if (space == std::string_view::npos) throw bad_line(line_number);
    const std::string left(line.substr(0, space));
    const std::string right(line.substr(space + 1));
    const auto left_id = ids.find(left);
    const auto right_id = ids.find(right);
    if (left_id == ids.end() || right_id == ids.end()) throw bad_line(line_number);
    vocabulary->merges[pair_key(left_id->second, right_id->second)] = {rank++, next};
    ids[left + right] = next++;
  }
  if (rank == 0) throw data_error(source + ": holds no merges");
  vocabulary->start = next;
  vocabulary->end = next + 1;
  return Tokenizer(std::move(vocabulary));
}

std::string_view built_in_merges() {
  return {res2clip_merges, static_cast<std::size_t>(res2clip_merges_end - res2clip_merges)};
}

Tokenizer Tokenizer::built_in() {
  return from_merges(built_in_merges(), "built-in vocabulary");
}

std::vector<std::int64_t> Tokenizer::encode(std::string_view text) const {
  std::vector<std::int64_t> ids;
  for (const std::string& word : split_words(text)) {
    if (word == "<|startoftext|>" || word == "<|endoftext|>") {
      ids.push_back(word == "<|startoftext|>" ? start_token() : end_token());
      continue;
    }
    std::vector<std::int64_t> parts;
    for (const char byte : word) parts.push_back(vocabulary_->byte_id[static_cast<unsigned char>(byte)]);
    parts.back() = vocabulary_->byte_end_id[static_cast<unsigned char>(word.back())];
    parts = merged(std::move(parts), [&](std::int64_t left, std::int64_t right) -> std::optional<Merge> {
      const auto found = vocabulary_->merges.find(pair_key(left, right));
      if (found == vocabulary_->merges.end()) return std::nullopt;
      return found->second;
    });
    ids.insert(ids.end(), parts.begin(), parts.end());
  }
  return ids;
}

std::vector<std::int64_t> Tokenizer::context_ids(std::string_view text, std::int64_t context,
                                                 bool truncate) const {
  std::vector<std::int64_t> ids = {start_token()};
  for (const auto id : encode(text)) ids.push_back(id);
  ids.push_back(end_token());
  if (static_cast<std::int64_t>(ids.size()) > context) {
    if (!truncate)
      throw settings_error("the prompt '" + std::string(text.substr(0, 60)) +
                           (text.size() > 60 ? "...' has " : "' has ") + std::to_string(ids.size()) +
                           " tokens with start and end; the backbone takes at most " +
                           std::to_string(context));
    ids.resize(static_cast<std::size_t>(context));
    ids.back() = end_token();
  }
  ids.resize(static_cast<std::size_t>(context), 0);
  return ids;
}

std::int64_t Tokenizer::start_token() const {
  return vocabulary_->start;
}
std::int64_t Tokenizer::end_token() const {
  return vocabulary_->end;
}
std::int64_t Tokenizer::size() const {
  return vocabulary_->end + 1;
}

}  // namespace res2clip
