#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/path.hpp"
#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

/// The enum value of a settings name. Throws a settings error that lists the choices; `what` names the
/// setting.
template <class Enum>
Enum value_of(std::string_view name, std::string_view what) {
  std::vector<std::string_view> names;
  for (const auto& [value, candidate] : EnumNames<Enum>::values) {
    if (candidate == name) return value;
    names.push_back(candidate);
  }
  throw settings_error(std::string(what) + " is '" + std::string(name) + "'; it must be " + one_of(names));
}

template <class Number>
struct Range {
  Number low = std::numeric_limits<Number>::lowest();
  Number high = std::numeric_limits<Number>::max();
};

/// Walks over the fields of a settings struct. A struct is described once, by
/// `void describe(Fields&, MatchOptions&)` beside it, and that one description reads it from files and
/// arguments, checks it, writes it out and documents it.
class Fields {
 public:
  virtual ~Fields() = default;

  virtual void field(std::string_view name, bool& value, std::string_view help) = 0;
  virtual void field(std::string_view name, std::int64_t& value, Range<std::int64_t> range,
                     std::string_view help) = 0;
  virtual void field(std::string_view name, double& value, Range<double> range, std::string_view help) = 0;
  virtual void field(std::string_view name, std::string& value, std::string_view help) = 0;
  virtual void field(std::string_view name, std::vector<std::int64_t>& value, Range<std::int64_t> range,
                     std::string_view help) = 0;
  virtual void field(std::string_view name, std::vector<std::string>& value, std::string_view help) = 0;

  template <class Enum>
  requires std::is_enum_v<Enum>
  void field(std::string_view name, Enum& value, std::string_view help) {
    std::vector<std::string_view> names;
    std::size_t index = std::size(EnumNames<Enum>::values);  // no name's, if the value has none
    for (const auto& [candidate, text] : EnumNames<Enum>::values) {
      if (candidate == value) index = names.size();
      names.push_back(text);
    }
    choice(name, index, names, help);
    value = EnumNames<Enum>::values[index].first;
  }

  /// A nested struct: its keys stand under `name`.
  template <class Struct>
  void group(std::string_view name, Struct& value) {
    enter(name);
    describe(*this, value);
    leave();
  }

 protected:
  /// `index` is that of the value's name, or names.size() if it has none; it must be a name's afterwards.
  virtual void choice(std::string_view name, std::size_t& index, const std::vector<std::string_view>& names,
                      std::string_view help) = 0;
  virtual void enter(std::string_view name) = 0;
  virtual void leave() = 0;
};

/// One layer of settings: a YAML or JSON text, applied on top of what a struct holds already. Keys that are
/// absent leave their field alone; unknown keys, wrong types and values out of range are settings errors that
/// name the source, the line and the key.
class SettingsLayer {
 public:
  /// `source` names the text in messages (a path, "--set retrieval.gamma=1").
  static SettingsLayer from_text(std::string_view text, std::string source);
  static SettingsLayer from_file(const Path& path);
  /// "key.path=value", the value in YAML.
  static SettingsLayer from_assignment(std::string_view assignment);
  /// An option that stands for one setting ("--shots", "run.shots", "4"): errors name the option.
  static SettingsLayer from_option(std::string_view option, std::string_view key, std::string_view value);

  template <class Struct>
  void apply(Struct& target) const {
    Struct changed = target;
    apply_with([&](Fields& fields) { describe(fields, changed); });
    target = std::move(changed);
  }

  ~SettingsLayer();
  SettingsLayer(SettingsLayer&&) noexcept;
  SettingsLayer& operator=(SettingsLayer&&) noexcept;

 private:
  struct Document;
  explicit SettingsLayer(std::unique_ptr<Document> document);
  void apply_with(const std::function<void(Fields&)>& describe_target) const;
  std::unique_ptr<Document> document_;
};

/// All fields of a struct as JSON, nested like the settings file.
nlohmann::ordered_json settings_json_with(const std::function<void(Fields&)>& describe_source);
/// The same as YAML text that SettingsLayer reads back.
std::string settings_yaml_with(const std::function<void(Fields&)>& describe_source);
/// One line per field: key, default value, range or choices, help.
std::string settings_help_with(const std::function<void(Fields&)>& describe_source);

template <class Struct,
          class Json = nlohmann::ordered_json>  // a parameter, so that callers alone need json.hpp
Json settings_json(Struct value) {
  return settings_json_with([&](Fields& fields) { describe(fields, value); });
}
template <class Struct>
std::string settings_yaml(Struct value) {
  return settings_yaml_with([&](Fields& fields) { describe(fields, value); });
}
template <class Struct>
std::string settings_help(Struct value) {
  return settings_help_with([&](Fields& fields) { describe(fields, value); });
}

}  // namespace res2clip
