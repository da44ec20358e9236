#include "card.hpp"

#include <vector>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip {
namespace {

constexpr int kFormat = 2;  // raised when older programs could misread an archive

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

std::string features_checksum(const std::map<std::string, at::Tensor>& tensors, const ModelCard& card) {
  ModelCard what = card;
  what.name = what.weights_sha256 = "";
  what.weights_verified = false;
  what.image_size = 1;  // a default only: banks and stores note the size in use themselves
  const std::vector<std::pair<std::string, at::Tensor>> list(tensors.begin(), tensors.end());
  std::vector<std::string> digests(list.size());
  at::parallel_for(0, static_cast<std::int64_t>(list.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      digests[i] =
          sha256({static_cast<const char*>(list[i].second.const_data_ptr()), list[i].second.nbytes()});
  });
  std::string summary = card_json({what, ""});
  for (std::size_t i = 0; i < list.size(); ++i) summary += list[i].first + " " + digests[i] + "\n";
  return sha256(summary);
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
