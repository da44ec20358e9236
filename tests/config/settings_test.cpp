#include "res2clip/config/settings.hpp"

#include <set>

#include <yaml-cpp/yaml.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "support/fails.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

/// "scoring.training_free.image.text" of every value in a file.
void collect_keys(const YAML::Node& node, const std::string& path, std::set<std::string>& keys) {
  if (!node.IsMap()) {
    keys.insert(path);
    return;
  }
  for (const auto& entry : node)
    collect_keys(entry.second,
                 path.empty() ? entry.first.as<std::string>() : path + "." + entry.first.as<std::string>(),
                 keys);
}

std::set<std::string> keys_of(const std::string& yaml) {
  std::set<std::string> keys;
  collect_keys(YAML::Load(yaml), "", keys);
  return keys;
}

std::vector<std::string> differing_keys(const Settings& first, const Settings& second) {
  std::vector<std::string> keys;
  for (const auto& change : Json::diff(settings_json(first), settings_json(second)))
    keys.push_back(change["path"].get<std::string>());
  std::sort(keys.begin(), keys.end());
  return keys;
}

auto resolving(const std::string& profile, const Path& file, const std::vector<std::string>& assignments) {
  return [=] { resolve_settings(profile, file, assignments); };
}

TEST(Profiles, ReleasedIsTheDefaultOfAllSettings) {
  EXPECT_EQ(settings_json(resolve_settings("released", {}, {}).method), settings_json(Settings{}));
  EXPECT_EQ(settings_json(resolve_settings("", {}, {}).method), settings_json(Settings{}));
}

TEST(Profiles, NameEverySetting) {
  const auto all = keys_of(settings_yaml(Settings{}));
  EXPECT_EQ(keys_of(std::string(profile_text(Profile::released))), all);
  EXPECT_EQ(keys_of(std::string(profile_text(Profile::paper))), all);
}

TEST(Profiles, OfThePaperDiffersWhereThePaperDoes) {
  EXPECT_THAT(
      differing_keys(Settings{}, resolve_settings("paper", {}, {}).method),
      ElementsAre("/export/vv_blocks", "/profile", "/prompts/anomalous_after_noun",
                  "/scoring/clamp_projections", "/scoring/normalise_baseline", "/scoring/smooth_branch_maps",
                  "/text/normalise_encodings", "/text/normalise_residual", "/train/count_over",
                  "/train/rate_residual_global", "/train/upsampling"));
}

TEST(Settings, ComeFromTheCommandLineBeforeTheFileBeforeTheProfile) {
  const testing::TemporaryFolder folder;
  write_file(folder / "mine.yaml",
             "retrieval: {gamma: 0.5}\nscoring: {clamp_projections: true, top_fraction: 0.2}\n");
  const std::vector<std::string> assignments = {"scoring.top_fraction=0.3", "scoring.top_fraction=0.4"};
  const Settings settings = resolve_settings("paper", folder / "mine.yaml", assignments).method;
  EXPECT_EQ(settings.scoring.top_fraction, 0.4);
  EXPECT_TRUE(settings.scoring.clamp_projections);
  EXPECT_EQ(settings.retrieval.gamma, 0.5);
  EXPECT_FALSE(settings.text.normalise_residual);
}

TEST(Settings, MayNameTheirProfile) {
  const testing::TemporaryFolder folder;
  write_file(folder / "mine.yaml", "profile: paper\n");
  EXPECT_FALSE(resolve_settings("", folder / "mine.yaml", {}).method.text.normalise_residual);
  EXPECT_TRUE(resolve_settings("released", folder / "mine.yaml", {}).method.text.normalise_residual);
  const std::vector<std::string> assignments = {"profile=paper"};
  EXPECT_EQ(resolve_settings("", {}, assignments).method.profile, Profile::paper);
  EXPECT_FALSE(resolve_settings("", {}, assignments).method.text.normalise_residual);
}

TEST(Settings, RunAgainAsTheyWereWritten) {
  const testing::TemporaryFolder folder;
  const std::vector<std::string> assignments = {"layers.visual=[3, 9]", "retrieval.gamma=0.03"};
  const Settings settings = resolve_settings("paper", {}, assignments).method;
  write_file(folder / "settings.yaml", settings_yaml(settings));
  EXPECT_EQ(settings_json(resolve_settings("", folder / "settings.yaml", {}).method),
            settings_json(settings));
}

TEST(Settings, RefuseWhatTheyDoNotKnow) {
  EXPECT_THAT(resolving("papers", {}, {}), Fails(ErrorKind::settings, HasSubstr("released or paper")));
  EXPECT_THAT(resolving("", {}, {"retrieval.gama=1"}),
              Fails(ErrorKind::settings, HasSubstr("retrieval.gama")));
  EXPECT_THAT(resolving("", "/nowhere/mine.yaml", {}),
              Fails(ErrorKind::settings, HasSubstr("/nowhere/mine.yaml")));
}

TEST(ChangedSettings, AreThoseThatDecideScoresAndAreNotTheProfiles) {
  const auto changed = [](std::string_view profile, std::vector<std::string> assignments) {
    return changed_settings(resolve_settings(profile, {}, assignments).method);
  };
  EXPECT_THAT(changed("released", {}), ElementsAre());
  EXPECT_THAT(
      changed("paper", {"image.size=224", "train.epochs=1", "overlay.opacity=1", "metrics.mode=exact"}),
      ElementsAre());
  EXPECT_THAT(
      changed("released", {"retrieval.gamma=0.02", "scoring.training_free.image.text=0.5", "layers.text=[3]",
                           "compute.precision=bf16"}),
      ElementsAre("layers.text", "retrieval.gamma", "scoring.training_free.image.text", "compute.precision"));
}

TEST(Settings, FilledInByAProgramAreCheckedLikeThoseOfAFile) {
  EXPECT_NO_THROW(check(Settings{}));
  const auto changed = [](const auto& change) {
    Settings settings;
    change(settings);
    return [settings] { check(settings); };
  };
  const auto refused = [](const std::string& key) { return Fails(ErrorKind::settings, HasSubstr(key)); };
  EXPECT_THAT(changed([](Settings& s) { s.retrieval.neighbours = -1; }), refused("retrieval.neighbours is -1"));
  EXPECT_THAT(changed([](Settings& s) { s.retrieval.gamma = NAN; }), refused("retrieval.gamma is nan"));
  EXPECT_THAT(changed([](Settings& s) { s.scoring.smoothing_sigma = 0; }), refused("scoring.smoothing_sigma"));
  EXPECT_THAT(changed([](Settings& s) { s.scoring.top_fraction = 7; }), refused("scoring.top_fraction is 7"));
  EXPECT_THAT(changed([](Settings& s) { s.scoring.fine_tuned.pixel.text = -1; }),
              refused("scoring.fine_tuned.pixel.text is -1"));
  EXPECT_THAT(changed([](Settings& s) { s.compute.batch_size = 0; }), refused("compute.batch_size is 0"));
  EXPECT_THAT(changed([](Settings& s) { s.image.size = -8; }), refused("image.size is -8"));
  EXPECT_THAT(changed([](Settings& s) { s.layers.visual = {0}; }), refused("layers.visual is 0"));
  EXPECT_THAT(changed([](Settings& s) { s.image.reading.wide = {WideSamples::Rule::divide, 0, 0, 0}; }),
              refused("image.wide is 'divide:0'"));
  EXPECT_THAT(changed([](Settings& s) { s.retrieval.weighting = static_cast<Weighting>(9); }),
              refused("retrieval.weighting"));
}

}  // namespace
}  // namespace res2clip
