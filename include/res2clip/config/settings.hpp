#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "res2clip/clip/options.hpp"
#include "res2clip/compute/options.hpp"
#include "res2clip/core/path.hpp"
#include "res2clip/data/options.hpp"
#include "res2clip/features/options.hpp"
#include "res2clip/image/options.hpp"
#include "res2clip/metrics/options.hpp"
#include "res2clip/model/options.hpp"
#include "res2clip/retrieval/options.hpp"
#include "res2clip/settings/settings.hpp"
#include "res2clip/train/options.hpp"

namespace res2clip {

/// Two sets of values for the same switches (configs/released.yaml, configs/paper.yaml). Nothing but the
/// reading of settings ever asks which one is on.
enum class Profile {
  released,  ///< what the authors' released code does; the defaults of all settings
  paper,     ///< what the paper's text says
};
template <>
struct EnumNames<Profile> {
  static constexpr std::pair<Profile, std::string_view> values[] = {{Profile::released, "released"},
                                                                    {Profile::paper, "paper"}};
};

/// Everything that a run can be told, nested as in a settings file.
struct Settings {
  Profile profile = Profile::released;  ///< the values that this run started from
  ImageOptions image;
  EncoderForm encoder;  ///< key `export`: what the archive must have been exported with
  PromptOptions prompts;
  TextOptions text;
  LayerOptions layers;
  MatchOptions retrieval;
  ScoringOptions scoring;
  MetricOptions metrics;
  TrainOptions train;
  StoreOptions store;
  OverlayOptions overlay;
  ComputeOptions compute;

  DetectorOptions detector() const { return {layers, retrieval, scoring}; }
};
void describe(Fields& fields, Settings& settings);

/// Throws the settings error that reading these values from a file would: a value out of its range, not
/// finite, or an enum without a name. Whatever takes settings asks this.
void check(const Settings& settings);

/// What a run of the program is about, beside how it computes.
struct RunOptions {
  std::string backbone;           ///< archive that `export` wrote
  std::string checkpoint;         ///< adapter weights; empty: training-free
  std::string references;         ///< file {class: [path, ...]}; empty: drawn by the seed
  std::int64_t shots = 1;         ///< K, references per class
  std::int64_t seed = 111;        ///< of the choice of references
  std::string output;             ///< folder of the results; empty: none are written
  std::string store;              ///< folder of a feature store; empty: none is kept
  bool save_maps = false;         ///< write each image's anomaly map
  bool save_branch_maps = false;  ///< write the maps of the three branches too
};
void describe(Fields& fields, RunOptions& options);

/// The settings of a run of the program.
struct RunSettings {
  Settings method;  ///< its keys stand beside `data` and `run`
  DatasetOptions data;
  RunOptions run;
};
void describe(Fields& fields, RunSettings& settings);

/// The settings that decide scores and differ from the profile's, as "retrieval.gamma". Left out are the
/// image size, the export (both are the backbone's) and the metrics.
std::vector<std::string> changed_settings(const Settings& settings);

/// The YAML text of a profile, as it is compiled into the program.
std::string_view profile_text(Profile profile);

/// Settings from the weakest to the strongest source: the profile, the settings file (YAML or JSON; empty:
/// none), then "key.path=value" assignments in their order. The profile is the one named by `profile` (empty:
/// not named), else by an assignment or the file (key `profile`), else `released`. Throws settings errors.
RunSettings resolve_settings(std::string_view profile, const Path& file,
                             std::span<const std::string> assignments);

}  // namespace res2clip
