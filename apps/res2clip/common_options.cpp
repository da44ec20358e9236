#include "common_options.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "res2clip/compute/memory.hpp"
#include "res2clip/core/error.hpp"

namespace res2clip::app {
namespace {

constexpr const char* kSettingsGroup = "Settings";

std::string first_name(const std::string& flags) {
  return flags.substr(0, flags.find(','));
}

/// The default of a setting, as the help shows it.
std::string default_of(const std::string& key) {
  std::string pointer = "/" + key;
  std::replace(pointer.begin(), pointer.end(), '.', '/');
  const auto value = settings_json(RunSettings{}).at(nlohmann::ordered_json::json_pointer(pointer));
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

std::string dataset_names() {
  std::vector<std::string> names;
  for (const auto& [layout, name] : EnumNames<Layout>::values) names.emplace_back(name);
  return one_of(names);
}

RunSettings CommonOptions::resolve() const {
  RunSettings settings = resolve_settings(profile, config, assignments);
  for (const auto& change : own_) change(settings);
  return settings;
}

CLI::Option* CommonOptions::add_setting(CLI::App& command, const std::string& flags, const std::string& key,
                                        const std::string& help) {
  const auto remember = [this, option = first_name(flags), key](const std::string& value) {
    own_.emplace_back(
        [=](RunSettings& settings) { SettingsLayer::from_option(option, key, value).apply(settings); });
  };
  return command.add_option_function<std::string>(flags, remember, help)->default_str(default_of(key));
}

CLI::Option* CommonOptions::add_text(CLI::App& command, const std::string& flags, TextSetting setting,
                                     const std::string& help) {
  const auto remember = [this, setting](const std::string& value) {
    own_.emplace_back([=](RunSettings& settings) { setting(settings) = value; });
  };
  return command.add_option_function<std::string>(flags, remember, help);
}

CLI::Option* CommonOptions::add_switch(CLI::App& command, const std::string& flags, SwitchSetting setting,
                                       const std::string& help) {
  const auto remember = [this, setting] {
    own_.emplace_back([=](RunSettings& settings) { setting(settings) = true; });
  };
  return command.add_flag_callback(flags, remember, help);
}

void CommonOptions::add_run_to(CLI::App& command) {
  add_text(
      command, "--backbone", [](RunSettings& s) -> std::string& { return s.run.backbone; },
      "Archive that `export` wrote")
      ->type_name("FILE");
  add_setting(command, "--dataset", "data.layout",
              dataset_names() + "; folders are told apart by what they hold");
  add_text(
      command, "--data", [](RunSettings& s) -> std::string& { return s.data.root; },
      "Root folder of the data set (or of one class); meta: or the JSON file")
      ->type_name("DIR");
  const auto remember_good = [this](const std::vector<std::string>& names) {
    own_.emplace_back([=](RunSettings& settings) { settings.data.good = names; });
  };
  command
      .add_option_function<std::vector<std::string>>(
          "--good", remember_good, "Folders of normal images have this name (default: good, ok, normal)")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->type_name("NAME");
  add_switch(
      command, "--skip-broken", [](RunSettings& s) -> bool& { return s.data.skip_broken; },
      "Go on without images that cannot be used, or whose masks cannot, and say which");
  const auto remember_classes = [this](const std::vector<std::string>& classes) {
    own_.emplace_back([=](RunSettings& settings) { settings.data.classes = classes; });
  };
  command
      .add_option_function<std::vector<std::string>>("--classes", remember_classes,
                                                     "Only this class; repeatable, or with commas: a,b")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->type_name("NAME");
  add_text(
      command, "--output,-o", [](RunSettings& s) -> std::string& { return s.run.output; },
      "Folder of the results")
      ->type_name("DIR");
  add_text(
      command, "--store", [](RunSettings& s) -> std::string& { return s.run.store; },
      "Folder of a feature store: each image is encoded once")
      ->type_name("DIR");
}

void CommonOptions::add_sources_to(CLI::App& command) {
  command.add_option("--config", config, "Settings file (YAML or JSON)")
      ->group(kSettingsGroup)
      ->type_name("FILE");
  command
      .add_option("--set", assignments,
                  "One setting, as retrieval.gamma=0.02 (see res2clip settings); repeatable")
      ->group(kSettingsGroup)
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_option("--profile", profile, "released: as the authors' code; paper: as the paper's text")
      ->group(kSettingsGroup)
      ->check(CLI::IsMember({"released", "paper"}));
}

void CommonOptions::add_compute_to(CLI::App& command, const std::string& batch_key,
                                   const std::string& batch_help) {
  add_setting(command, "--device", "compute.device", "auto, cpu, cuda or cuda:N")->group(kSettingsGroup);
  add_setting(command, "--precision", "compute.precision",
              "fp32; tf32 (GPUs), bf16, int8 (processors); auto: bf16 where the device has it, else fp32")
      ->group(kSettingsGroup);
  add_setting(command, "--threads", "compute.threads",
              "CPU threads; 0: what OMP_NUM_THREADS says, else all cores")
      ->group(kSettingsGroup);
  add_setting(command, "--batch-size", batch_key, batch_help)->group(kSettingsGroup);
}

void CommonOptions::add_quiet_to(CLI::App& command) {
  const auto be_quiet = [this] {
    quiet = true;
    on_smaller_batch({});
  };
  command.add_flag_callback("-q,--quiet", be_quiet, "No progress, no remarks")->group(kSettingsGroup);
}

void CommonOptions::add_to(CLI::App& command, const std::string& batch_key, const std::string& batch_help) {
  add_sources_to(command);
  add_compute_to(command, batch_key, batch_help);
  add_quiet_to(command);
}

void require(const std::string& value, const std::string& option) {
  if (value.empty()) throw settings_error(option + " is required");
}

}  // namespace res2clip::app
