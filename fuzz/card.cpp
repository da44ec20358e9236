// The model card of an archive.
#include "clip/card.hpp"

#include "fuzz/fuzz.hpp"

using namespace res2clip;

RES2CLIP_FUZZ(bytes) {
  return fuzz::read_or_refuse(
      [&] { static_cast<void>(card_json(card_from_json(std::string(bytes), "card"))); });
}
