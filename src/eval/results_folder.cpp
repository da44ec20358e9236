#include "res2clip/eval/results_folder.hpp"

#include <filesystem>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "res2clip/core/bounded_json.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/json_text.hpp"

#include "results_parts.hpp"

namespace res2clip {
namespace {

using Json = nlohmann::ordered_json;

/// Settings that decide no result, and paths of files whose contents the provenance names.
bool decides_nothing(const std::string& key) {
  if (key == "settings.compute.precision") return false;
  for (const char* group : {"settings.compute.", "settings.overlay.", "settings.store.", "settings.train."})
    if (key.starts_with(group)) return true;
  for (const char* name : {"settings.run.output", "settings.run.store", "settings.run.save_maps",
                           "settings.run.save_branch_maps", "settings.run.backbone",
                           "settings.run.checkpoint", "provenance.version", "provenance.checkpoint.path"})
    if (key == name) return true;
  return false;
}

/// Values by their dotted names, groups left out.
void add_values(const std::string& name, const Json& value, std::map<std::string, std::string>& values) {
  if (!value.is_object()) {
    if (!decides_nothing(name)) values[name] = json_text(value);
    return;
  }
  for (const auto& [key, below] : value.items()) add_values(name + "." + key, below, values);
}

std::map<std::string, std::string> values_of(const Json& provenance, const Json& settings) {
  std::map<std::string, std::string> values;
  add_values("provenance", provenance, values);
  add_values("settings", settings, values);
  return values;
}

/// "settings.run.seed" -> "run.seed".
std::string plain(const std::string& name) {
  return name.substr(name.find('.') + 1);
}

/// The first value in which two evaluations differ, as a text; empty: none.
std::string difference(const std::map<std::string, std::string>& held,
                       const std::map<std::string, std::string>& own) {
  for (const auto& [name, value] : own) {
    const auto found = held.find(name);
    if (found == held.end()) return plain(name) + " is " + value + " now, and not there";
    if (found->second != value) return plain(name) + " is " + found->second + " there, " + value + " now";
  }
  for (const auto& [name, value] : held)
    if (!own.contains(name)) return plain(name) + " is " + value + " there, and not now";
  return {};
}

[[noreturn]] void refuse(const Path& folder, const std::string& what) {
  throw settings_error(folder.string() + ": holds " + what + "; name another folder, or delete this one");
}

}  // namespace

std::string identity_of(const Provenance& provenance, const Json& settings) {
  std::string text;
  for (const auto& [name, value] : values_of(provenance_json(provenance), settings))
    text += name + "=" + value + "\n";
  return text;
}

void require_no_other_results(const Path& folder, const Provenance& provenance, const Json& settings) {
  if (std::filesystem::exists(folder / "runs.json")) refuse(folder, "the results of several runs");
  const Path file = folder / "results.json";
  if (!std::filesystem::exists(file)) return;
  std::map<std::string, std::string> held;
  try {
    const Json json = parse_bounded(read_file(file), {.depth = 32, .values = 10'000'000});
    held = values_of(json.at("provenance"), json.at("settings"));
  } catch (const Json::exception&) {
    refuse(folder, "a results.json that cannot be read");
  }
  // Through text, as they will stand there.
  const Json own =
      Json::parse(json_text(Json{{"provenance", provenance_json(provenance)}, {"settings", settings}}));
  const std::string differs = difference(held, values_of(own.at("provenance"), own.at("settings")));
  if (!differs.empty()) refuse(folder, "the results of another evaluation (" + differs + ")");
}

void require_no_single_result(const Path& folder) {
  if (std::filesystem::exists(folder / "results.json")) refuse(folder, "the results of a single run");
}

}  // namespace res2clip
