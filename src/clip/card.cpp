#include "card.hpp"

#include <vector>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include "res2clip/clip/published_weights.hpp"
#include "res2clip/core/bounded_json.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip {
namespace {

using nlohmann::json;

// A format number is raised when older programs could misread an archive. They run each one as OpenAI's CLIPs
// are run; one of another form must not look like those to them.
constexpr int kFormat = 2;
constexpr int kFormatOfOtherForms = 3;

int format_of(const ClipForm& form) {
  return form == ClipForm{} ? kFormat : kFormatOfOtherForms;
}

json form_fields(const ClipForm& form) {
  return {{"activation", name_of(form.activation)},
          {"vision_head_width", form.vision_head_width},
          {"text_head_width", form.text_head_width},
          {"image_mean", form.normalisation.mean},
          {"image_deviation", form.normalisation.deviation}};
}

/// What decides the features; and the form only where it is not the one that older archives leave unsaid, so
/// that equal features have equal checksums.
json fields_of(const ModelCard& card) {
  const ClipSizes& sizes = card.sizes;
  const EncoderForm& encoder = card.encoder;
  json fields = {{"name", card.origin.name},
                 {"weights_sha256", card.origin.sha256},
                 {"weights_verified", card.origin.verified},
                 {"embed_dim", sizes.embed_dim},
                 {"image_size", card.image_size},
                 {"native_size", sizes.native_size},
                 {"patch_size", sizes.patch_size},
                 {"vision_width", sizes.vision_width},
                 {"vision_layers", sizes.vision_layers},
                 {"vision_heads", card.vision_heads()},
                 {"text_width", sizes.text_width},
                 {"text_layers", sizes.text_layers},
                 {"text_heads", card.text_heads()},
                 {"context_length", sizes.context_length},
                 {"vocabulary_size", sizes.vocabulary_size},
                 {"vv_blocks", encoder.vv_blocks},
                 {"global_ln_post", encoder.global_ln_post},
                 {"patch_ln_post", encoder.patch_ln_post},
                 {"patch_projection", encoder.patch_projection}};
  if (!(card.form == ClipForm{})) fields.update(form_fields(card.form));
  return fields;
}

std::string card_text(const json& fields, const ClipForm& form, const std::string& checksum) {
  nlohmann::ordered_json text;
  text["format"] = format_of(form);
  text["checksum"] = checksum;
  text.update(nlohmann::ordered_json(fields));
  return text.dump(2) + "\n";
}

[[noreturn]] void refuse_damaged(const std::string& source) {
  throw data_error(source + ": its model card is damaged; export it again");
}

/// The fields of a card, each of its kind and within sense.
class CardReader {
 public:
  CardReader(const json& fields, const std::string& source) : fields_(fields), source_(source) {}

  const json& at(const char* name) const {
    const auto found = fields_.find(name);
    if (found == fields_.end()) refuse_damaged(source_);
    return *found;
  }
  std::int64_t integer(const char* name, std::int64_t low = 1) const {
    const json& value = at(name);
    if (!value.is_number_integer()) refuse_damaged(source_);
    const auto number = value.get<std::int64_t>();
    if (number < low || number > 1'000'000) refuse_damaged(source_);
    return number;
  }
  std::string text(const char* name) const {
    if (!at(name).is_string()) refuse_damaged(source_);
    return at(name).get<std::string>();
  }
  bool flag(const char* name) const {
    if (!at(name).is_boolean()) refuse_damaged(source_);
    return at(name).get<bool>();
  }
  std::array<double, 3> colour(const char* name) const {
    const json& value = at(name);
    if (!value.is_array() || value.size() != 3) refuse_damaged(source_);
    std::array<double, 3> numbers{};
    for (std::size_t i = 0; i < 3; ++i) {
      if (!value[i].is_number()) refuse_damaged(source_);
      numbers[i] = value[i].get<double>();
    }
    return numbers;
  }
  Activation activation() const {
    const std::string name = text("activation");
    for (const auto& [value, candidate] : EnumNames<Activation>::values)
      if (candidate == name) return value;
    throw data_error(source_ + ": its activation '" + name +
                     "' is not supported by this version; use the version that exported it");
  }

 private:
  const json& fields_;
  const std::string& source_;
};

ClipForm form_from(const CardReader& card) {
  return {card.activation(),
          card.integer("vision_head_width"),
          card.integer("text_head_width"),
          {card.colour("image_mean"), card.colour("image_deviation")}};
}

ModelCard card_from(const CardReader& card, const json& fields) {
  ModelCard read;
  read.origin = {card.text("name"), card.text("weights_sha256"),
                 !published_weights(card.text("weights_sha256")).empty(), "", ""};
  if (fields.contains("form_from")) read.origin.form_from = card.text("form_from");
  if (fields.contains("normalisation_from")) read.origin.normalisation_from = card.text("normalisation_from");
  read.sizes = {
      card.integer("embed_dim"),    card.integer("native_size"),    card.integer("patch_size"),
      card.integer("vision_width"), card.integer("vision_layers"),  card.integer("text_width"),
      card.integer("text_layers"),  card.integer("context_length"), card.integer("vocabulary_size")};
  // Older archives say nothing of their form: they are all run as OpenAI's.
  if (fields.contains("activation")) read.form = form_from(card);
  read.encoder = {card.integer("vv_blocks", 0), card.flag("global_ln_post"), card.flag("patch_ln_post"),
                  card.flag("patch_projection")};
  read.image_size = card.integer("image_size");
  return read;
}

bool makes_sense(const ModelCard& card, const CardReader& reader) {
  for (const double deviation : card.form.normalisation.deviation)
    if (!(deviation > 0.0)) return false;
  return card.encoder.vv_blocks <= card.sizes.vision_layers && card.vision_heads() > 0 &&
         card.text_heads() > 0 && card.vision_heads() == reader.integer("vision_heads") &&
         card.text_heads() == reader.integer("text_heads");
}

}  // namespace

void require_heads_fit(const ClipSizes& sizes, const ClipForm& form, const std::string& source) {
  for (const auto& [tower, width, head] : {std::tuple{"image", sizes.vision_width, form.vision_head_width},
                                           std::tuple{"text", sizes.text_width, form.text_head_width}})
    if (head < 1 || width % head != 0)
      throw data_error(source + ": its " + tower + " tower is " + std::to_string(width) +
                       " wide, which is not a multiple of the width of its attention heads, " +
                       std::to_string(head) + "; state the right one with --head-width");
}

std::string card_json(const ArchiveCard& card) {
  json fields = fields_of(card.card);
  fields.update(form_fields(card.card.form));
  fields["form_from"] = card.card.origin.form_from;
  fields["normalisation_from"] = card.card.origin.normalisation_from;
  return card_text(fields, card.card.form, card.checksum);
}

std::string features_checksum(const std::map<std::string, std::string>& sha256_of_tensors,
                              const ModelCard& card) {
  ModelCard what = card;
  what.origin = {};
  what.image_size = 1;  // a default only: banks and stores note the size in use themselves
  std::string summary = card_text(fields_of(what), what.form, "");
  for (const auto& [name, digest] : sha256_of_tensors) summary += name + " " + digest + "\n";
  return sha256(summary);
}

std::map<std::string, std::string> sha256_of_tensors(const std::map<std::string, at::Tensor>& tensors) {
  const std::vector<std::pair<std::string, at::Tensor>> list(tensors.begin(), tensors.end());
  std::vector<std::string> digests(list.size());
  at::parallel_for(0, static_cast<std::int64_t>(list.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      digests[i] =
          sha256({static_cast<const char*>(list[i].second.const_data_ptr()), list[i].second.nbytes()});
  });
  std::map<std::string, std::string> named;
  for (std::size_t i = 0; i < list.size(); ++i) named[list[i].first] = digests[i];
  return named;
}

ArchiveCard card_from_json(const std::string& text, const std::string& source) {
  const json fields = parse_bounded(text);
  if (!fields.is_object()) refuse_damaged(source);
  const CardReader reader(fields, source);
  const auto format = reader.integer("format", 0);
  if (format != kFormat && format != kFormatOfOtherForms)
    throw data_error(source + ": was written by another version of res2clip; export it again");
  ArchiveCard card{card_from(reader, fields), reader.text("checksum")};
  if (!makes_sense(card.card, reader) || format != format_of(card.card.form)) refuse_damaged(source);
  return card;
}

}  // namespace res2clip
