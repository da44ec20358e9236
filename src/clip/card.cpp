#include "card.hpp"

#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

constexpr int kFormat = 1;  // raised when older programs could misread an archive

}  // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ModelCard, name, weights_sha256, weights_verified, embed_dim, image_size,
                                   native_size, patch_size, vision_width, vision_layers, vision_heads,
                                   text_width, text_layers, text_heads, context_length, vocabulary_size,
                                   vv_blocks, global_ln_post, patch_ln_post, patch_projection)

std::string card_json(const ArchiveCard& card) {
  nlohmann::ordered_json json;
  json["format"] = kFormat;
  json["checksum"] = card.checksum;
  const nlohmann::json fields = card.card;
  json.update(nlohmann::ordered_json(fields));
  return json.dump(2) + "\n";
}

ArchiveCard card_from_json(const std::string& text, const std::string& source) {
  try {
    const auto json = nlohmann::json::parse(text);
    if (json.at("format").get<int>() != kFormat)
      throw data_error(source + ": was written by another version of res2clip; export it again");
    ArchiveCard card{json.get<ModelCard>(), json.at("checksum").get<std::string>()};
    const ModelCard& c = card.card;
    for (const auto value :
         {c.embed_dim, c.image_size, c.native_size, c.patch_size, c.vision_width, c.vision_layers,
          c.vision_heads, c.text_width, c.text_layers, c.text_heads, c.context_length})
      if (value < 1 || value > 1'000'000) throw data_error(source + ": its model card is damaged");
    if (c.vv_blocks < 0 || c.vv_blocks > c.vision_layers)
      throw data_error(source + ": its model card is damaged");
    return card;
  } catch (const nlohmann::json::exception&) {
    throw data_error(source + ": its model card is damaged; export it again");
  }
}

}  // namespace res2clip
