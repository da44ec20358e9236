#include "res2clip/config/settings.hpp"

#include <vector>

#include <nlohmann/json.hpp>

#include "res2clip/settings/check.hpp"

extern "C" {
extern const char res2clip_profile_released[], res2clip_profile_released_end[];
extern const char res2clip_profile_paper[], res2clip_profile_paper_end[];
}

namespace res2clip {

void describe(Fields& fields, Settings& settings) {
  fields.field("profile", settings.profile, "values that the other settings start from");
  fields.group("image", settings.image);
  fields.group("export", settings.encoder);
  fields.group("prompts", settings.prompts);
  fields.group("text", settings.text);
  fields.group("layers", settings.layers);
  fields.group("retrieval", settings.retrieval);
  fields.group("scoring", settings.scoring);
  fields.group("metrics", settings.metrics);
  fields.group("train", settings.train);
  fields.group("store", settings.store);
  fields.group("overlay", settings.overlay);
  fields.group("compute", settings.compute);
}

void check(const Settings& settings) {
  require_in_range(settings, "");
}

void describe(Fields& fields, RunOptions& options) {
  fields.field("backbone", options.backbone, "archive that `export` wrote");
  fields.field("checkpoint", options.checkpoint, "adapter weights; empty: training-free");
  fields.field("references", options.references, "file {class: [path, ...]}; empty: drawn by the seed");
  fields.field("shots", options.shots, Range<std::int64_t>{0, 1024},
               "references per class; 0: none, the text branch alone (zero-shot)");
  fields.field("seed", options.seed, Range<std::int64_t>{0}, "seed by which references are drawn");
  fields.field("output", options.output, "folder of the results; empty: none are written");
  fields.field("store", options.store, "folder of a feature store: each image is encoded once; empty: none");
  fields.field("save_maps", options.save_maps, "write each image's anomaly map");
  fields.field("save_branch_maps", options.save_branch_maps, "write the maps of the three branches too");
}

void describe(Fields& fields, RunSettings& settings) {
  describe(fields, settings.method);
  fields.group("data", settings.data);
  fields.group("run", settings.run);
}

std::string_view profile_text(Profile profile) {
  if (profile == Profile::paper) return {res2clip_profile_paper, res2clip_profile_paper_end};
  return {res2clip_profile_released, res2clip_profile_released_end};
}

RunSettings resolve_settings(std::string_view profile, const Path& file,
                             std::span<const std::string> assignments) {
  std::vector<SettingsLayer> layers;
  if (!file.empty()) layers.push_back(SettingsLayer::from_file(file));
  for (const auto& assignment : assignments) layers.push_back(SettingsLayer::from_assignment(assignment));

  RunSettings asking;  // read once to learn which profile the layers ask for
  for (const auto& layer : layers) layer.apply(asking);
  const Profile named = profile.empty() ? asking.method.profile : value_of<Profile>(profile, "--profile");

  RunSettings settings;
  const std::string source = "profile " + std::string(name_of(named));
  SettingsLayer::from_text(profile_text(named), source).apply(settings);
  for (const auto& layer : layers) layer.apply(settings);
  settings.method.profile = named;
  return settings;
}

namespace {

/// Adds the names of values that differ, groups below named with dots.
void add_changed(const std::string& name, const nlohmann::ordered_json& value,
                 const nlohmann::ordered_json& expected, std::vector<std::string>& changed) {
  if (!value.is_object()) {
    if (value != expected) changed.push_back(name);
    return;
  }
  for (const auto& [key, below] : value.items())
    add_changed(name + "." + key, below, expected.at(key), changed);
}

}  // namespace

std::vector<std::string> changed_settings(const Settings& settings) {
  Settings unchanged;
  SettingsLayer::from_text(profile_text(settings.profile), "profile").apply(unchanged);
  const auto all = settings_json(settings), expected = settings_json(unchanged);
  std::vector<std::string> changed;
  for (const char* group : {"image", "prompts", "text", "layers", "retrieval", "scoring"})
    add_changed(group, all.at(group), expected.at(group), changed);
  std::erase(changed, "image.size");
  const Precision precision = settings.compute.precision;
  if (precision != Precision::fp32 && precision != Precision::tf32) changed.emplace_back("compute.precision");
  return changed;
}

}  // namespace res2clip
