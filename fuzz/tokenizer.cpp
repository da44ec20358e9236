// Prompts with the program's vocabulary, and vocabularies of strangers.
#include "res2clip/clip/tokenizer.hpp"

#include "fuzz/fuzz.hpp"

using namespace res2clip;

RES2CLIP_FUZZ(bytes) {
  static const Tokenizer built_in = Tokenizer::built_in();
  fuzz::read_or_refuse([&] { built_in.context_ids(bytes, 77, true); });
  return fuzz::read_or_refuse([&] { Tokenizer::from_merges(bytes, "merges").encode("a photo of a cat"); });
}
