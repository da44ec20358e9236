// Plans of runs: named sets of settings times a grid of values.
#include "res2clip/settings/plan.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include <yaml-cpp/yaml.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip {
namespace {

using Values = std::vector<std::pair<std::string, std::string>>;

/// A plan's text with what messages need.
class PlanReader {
 public:
  PlanReader(YAML::Node root, std::string source) : root_(std::move(root)), source_(std::move(source)) {}

  Plan read() {
    require_keys(root_, {"title", "set", "runs", "grid"}, "a plan");
    Plan plan;
    if (root_["title"]) plan.title = text_of(root_["title"], "title");
    const Values common = values_of(root_["set"]);
    std::vector<PlannedRun> runs = runs_of(root_["runs"]);
    for (PlannedRun& run : runs) {
      add_keys(common, run.own);
      add_keys(run.values, run.own);
    }
    for (const auto& [key, choices] : grid_of(root_["grid"])) runs = with_each(runs, key, choices);
    if (runs.size() == 1 && runs.front().name.empty())
      throw settings_error(source_ + ": has neither runs nor a grid; name at least one run");
    for (PlannedRun& run : runs) {
      add_keys(run.values, plan.keys);
      run.values.insert(run.values.begin(), common.begin(), common.end());
    }
    require_different_names(runs);
    plan.runs = std::move(runs);
    return plan;
  }

 private:
  std::string place(const YAML::Node& node) const {
    return node.Mark().is_null() ? source_ : source_ + ":" + std::to_string(node.Mark().line + 1);
  }

  std::string text_of(const YAML::Node& node, const std::string& what) const {
    if (!node.IsScalar()) throw settings_error(place(node) + ": " + what + " must be a text");
    return node.Scalar();
  }

  void require_keys(const YAML::Node& node, const std::vector<std::string>& known,
                    const std::string& what) const {
    if (!node.IsMap()) throw settings_error(place(node) + ": " + what + " is written as key: value");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const std::string key = text_of(entry.first, "a key");
      if (std::find(known.begin(), known.end(), key) == known.end())
        throw settings_error(place(entry.first) + ": " + what + " has no '" + key +
                             "'; known: " + one_of(known));
      if (!seen.insert(key).second)
        throw settings_error(place(entry.first) + ": '" + key + "' stands here twice; keep one");
    }
  }

  static std::string yaml_of(const YAML::Node& node) {
    YAML::Emitter emitter;
    emitter.SetMapFormat(YAML::Flow);
    emitter.SetSeqFormat(YAML::Flow);
    emitter << node;
    return emitter.c_str();
  }

  Values values_of(const YAML::Node& node) const {
    if (!node) return {};
    if (!node.IsMap()) throw settings_error(place(node) + ": set is written as {key.path: value, ...}");
    Values values;
    for (const auto& entry : node) {
      const std::string key = text_of(entry.first, "a setting's name");
      for (const auto& [other, value] : values)
        if (other == key)
          throw settings_error(place(entry.first) + ": '" + key + "' stands here twice; keep one");
      values.emplace_back(key, yaml_of(entry.second));
    }
    return values;
  }

  std::vector<PlannedRun> runs_of(const YAML::Node& node) const {
    if (!node) return {PlannedRun{}};
    if (!node.IsSequence() || node.size() == 0)
      throw settings_error(place(node) + ": runs must be a list of {name: ..., set: {...}}");
    std::vector<PlannedRun> runs;
    for (const auto& entry : node) {
      require_keys(entry, {"name", "set", "paper"}, "a run");
      if (!entry["name"]) throw settings_error(place(entry) + ": a run must have a name");
      PlannedRun run;
      run.name = fit_for_a_folder(text_of(entry["name"], "name"));
      if (run.name.empty()) throw settings_error(place(entry) + ": a run must have a name");
      run.values = values_of(entry["set"]);
      if (const YAML::Node paper = entry["paper"]) {
        if (!paper.IsSequence() || paper.size() != 2)
          throw settings_error(place(paper) + ": paper is written as [Table 3, cosine]");
        run.table = text_of(paper[0], "a table");
        run.row = text_of(paper[1], "a row");
      }
      runs.push_back(std::move(run));
    }
    return runs;
  }

  std::vector<std::pair<std::string, std::vector<std::string>>> grid_of(const YAML::Node& node) const {
    std::vector<std::pair<std::string, std::vector<std::string>>> grid;
    if (!node) return grid;
    if (!node.IsMap())
      throw settings_error(place(node) + ": grid is written as {key.path: [value, ...], ...}");
    for (const auto& entry : node) {
      const std::string key = text_of(entry.first, "a setting's name");
      if (!entry.second.IsSequence() || entry.second.size() == 0)
        throw settings_error(place(entry.first) + ": grid: " + key + " must be a list of values, in [ ]");
      for (const auto& [other, choices] : grid)
        if (other == key)
          throw settings_error(place(entry.first) + ": '" + key + "' stands here twice; keep one");
      std::vector<std::string> choices;
      for (const auto& value : entry.second) choices.push_back(yaml_of(value));
      grid.emplace_back(key, std::move(choices));
    }
    return grid;
  }

  static std::vector<PlannedRun> with_each(const std::vector<PlannedRun>& runs, const std::string& key,
                                           const std::vector<std::string>& choices) {
    const std::string last = key.substr(key.rfind('.') + 1);
    std::vector<PlannedRun> all;
    for (const PlannedRun& run : runs)
      for (const std::string& choice : choices) {
        all.push_back(run);
        all.back().name += (run.name.empty() ? "" : ",") + last + "=" + fit_for_a_folder(choice);
        all.back().values.emplace_back(key, choice);
      }
    return all;
  }

  /// Letters, digits and what stands in numbers and lists; anything else, as in paths, becomes '-'.
  static std::string fit_for_a_folder(const std::string& text) {
    std::string name;
    for (const char letter : text) {
      if (std::string_view("[]{} \"'").find(letter) != std::string_view::npos) continue;
      const bool fits = std::isalnum(static_cast<unsigned char>(letter)) != 0 ||
                        std::string_view("+-_=,").find(letter) != std::string_view::npos ||
                        (letter == '.' && !name.empty());
      name += fits ? letter : '-';
    }
    return name;
  }

  static void add_keys(const Values& values, std::vector<std::string>& keys) {
    for (const auto& [key, value] : values)
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  }

  void require_different_names(const std::vector<PlannedRun>& runs) const {
    std::set<std::string> seen;
    for (const PlannedRun& run : runs)
      if (!seen.insert(run.name).second)
        throw settings_error(source_ + ": two runs have the name " + run.name + "; name them apart");
  }

  YAML::Node root_;
  std::string source_;
};

}  // namespace

Plan plan_of(const std::string& text, const std::string& source) {
  try {
    return PlanReader(YAML::Load(text), source).read();
  } catch (const YAML::Exception& error) {
    throw settings_error(source + ":" + std::to_string(error.mark.line + 1) + ": is not YAML: " + error.msg);
  }
}

Plan read_plan(const Path& file) {
  std::string text;
  try {
    text = read_file(file);
  } catch (const Error& error) {
    throw settings_error(error.what());  // an unreadable plan is wrong usage, not bad data
  }
  return plan_of(text, file.string());
}

}  // namespace res2clip
