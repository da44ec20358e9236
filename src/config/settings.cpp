#include "res2clip/config/settings.hpp"

#include <vector>

extern "C" {
extern const char res2clip_profile_released[], res2clip_profile_released_end[];
extern const char res2clip_profile_paper[], res2clip_profile_paper_end[];
}

namespace res2clip {

void describe(Fields& fields, Settings& settings) {
  fields.field("profile", settings.profile, "values that the other settings start from");
  fields.group("image", settings.image);
  fields.group("export", settings.backbone);
  fields.group("prompts", settings.prompts);
  fields.group("text", settings.text);
  fields.group("layers", settings.layers);
  fields.group("retrieval", settings.retrieval);
  fields.group("scoring", settings.scoring);
  fields.group("metrics", settings.metrics);
  fields.group("compute", settings.compute);
}

std::string_view profile_text(Profile profile) {
  if (profile == Profile::paper) return {res2clip_profile_paper, res2clip_profile_paper_end};
  return {res2clip_profile_released, res2clip_profile_released_end};
}

Settings resolve_settings(std::string_view profile, const Path& file,
                          std::span<const std::string> assignments) {
  std::vector<SettingsLayer> layers;
  if (!file.empty()) layers.push_back(SettingsLayer::from_file(file));
  for (const auto& assignment : assignments) layers.push_back(SettingsLayer::from_assignment(assignment));

  Settings named;  // read once to learn which profile the layers ask for
  for (const auto& layer : layers) layer.apply(named);
  if (!profile.empty()) named.profile = value_of<Profile>(profile, "--profile");

  Settings settings;
  const std::string source = "profile " + std::string(name_of(named.profile));
  SettingsLayer::from_text(profile_text(named.profile), source).apply(settings);
  for (const auto& layer : layers) layer.apply(settings);
  settings.profile = named.profile;
  settings.backbone.image_size = settings.image.size;
  return settings;
}

}  // namespace res2clip
