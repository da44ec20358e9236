#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace res2clip {

/// HTML entities replaced (twice), lower case as Python's, white space collapsed, and split as CLIP's
/// tokenizer splits: special tokens, contractions ('s 't 're 've 'm 'll 'd), runs of letters, single digits,
/// runs of anything else that is not white space. Bytes that are no UTF-8 become U+FFFD.
std::vector<std::string> split_words(std::string_view text);

}  // namespace res2clip
