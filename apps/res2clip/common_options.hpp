#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "res2clip/config/settings.hpp"

namespace res2clip::app {

/// What every command takes: the settings' sources, and the options that are short names of single settings.
struct CommonOptions {
  std::string profile;  // empty: the settings file's, else released
  std::string config;
  std::vector<std::string> assignments;
  bool quiet = false;

  /// Profile, then file, then --set, then the command's own options: each beats the one before.
  RunSettings resolve() const;

  /// Adds the three groups below.
  void add_to(CLI::App& command, const std::string& batch_key = "compute.batch_size",
              const std::string& batch_help = "Images encoded at once");
  /// Adds --config, --set and --profile: where settings come from.
  void add_sources_to(CLI::App& command);
  /// Adds --device, --precision, --threads and --batch-size, for commands that run the backbone.
  void add_compute_to(CLI::App& command, const std::string& batch_key, const std::string& batch_help);
  void add_quiet_to(CLI::App& command);
  /// An option that stands for one setting: `--shots 4` is `--set run.shots=4`. Its default stands in the
  /// help.
  CLI::Option* add_setting(CLI::App& command, const std::string& flags, const std::string& key,
                           const std::string& help);
  /// The same for a text that may hold any byte (paths, names): it reaches the setting as it stands.
  using TextSetting = std::string& (*)(RunSettings&);
  CLI::Option* add_text(CLI::App& command, const std::string& flags, TextSetting setting,
                        const std::string& help);
  /// A flag that switches a setting on.
  using SwitchSetting = bool& (*)(RunSettings&);
  CLI::Option* add_switch(CLI::App& command, const std::string& flags, SwitchSetting setting,
                          const std::string& help);
  /// Adds what commands on a data set share: backbone, data, output, store.
  void add_run_to(CLI::App& command);

 private:
  std::vector<std::function<void(RunSettings&)>> own_;  // what the options above change
};

/// Throws a settings error where an option was not given.
void require(const std::string& value, const std::string& option);

/// "mvtec, visa, ... or meta": the names of layouts, for help texts.
std::string dataset_names();

}  // namespace res2clip::app
