// Reads settings: a YAML (or JSON, its subset) text applied to a described struct.
#include "res2clip/settings/settings.hpp"

#include <set>

#include <yaml-cpp/yaml.h>

#include "res2clip/core/files.hpp"

#include "field_checks.hpp"

namespace res2clip {

namespace {

/// Where a layer comes from, as messages name it.
struct Source {
  std::string name;
  bool has_lines = true;  ///< a text: messages name the line too
  std::string option{};   ///< not empty: an option that stands for one setting, named instead of the setting
};

std::string place(const Source& source, const YAML::Node& node) {
  const YAML::Mark mark = node.Mark();
  return mark.is_null() || !source.has_lines ? source.name
                                             : source.name + ":" + std::to_string(mark.line + 1);
}

/// Assigns the fields that a YAML map names, and remembers which keys nobody asked for.
class Reader : public Fields {
 public:
  Reader(const YAML::Node& root, Source source) : source_(std::move(source)) {
    levels_.push_back({root, "", {}});
  }

  void field(std::string_view name, bool& value, std::string_view) override {
    if (const auto node = take(name)) value = scalar<bool>(node, name, "true or false");
  }

  void field(std::string_view name, std::int64_t& value, Range<std::int64_t> range,
             std::string_view) override {
    if (const auto node = take(name)) value = number<std::int64_t>(node, name, range, "a whole number");
  }

  void field(std::string_view name, double& value, Range<double> range, std::string_view) override {
    if (const auto node = take(name)) value = number<double>(node, name, range, "a number");
  }

  void field(std::string_view name, std::string& value, std::string_view) override {
    if (const auto node = take(name)) value = scalar<std::string>(node, name, "a text");
  }

  void field(std::string_view name, std::vector<std::int64_t>& value, Range<std::int64_t> range,
             std::string_view) override {
    const auto node = take(name);
    if (!node) return;
    require_list(node, name, "a list of whole numbers");
    value.clear();
    for (const auto& item : node)
      value.push_back(number<std::int64_t>(item, name, range, "a list of whole numbers"));
  }

  void field(std::string_view name, std::vector<std::string>& value, std::string_view) override {
    const auto node = take(name);
    if (!node) return;
    require_list(node, name, "a list of texts");
    value.clear();
    for (const auto& item : node) value.push_back(scalar<std::string>(item, name, "a list of texts"));
  }

  /// Throws for the first key that no field has.
  void finish() { refuse_unknown_keys(); }

 protected:
  void choice(std::string_view name, std::size_t& index, const std::vector<std::string_view>& names,
              std::string_view) override {
    const auto node = take(name);
    if (!node) return require_named(key(name), index, names);
    const auto text = scalar<std::string>(node, name, "one of " + one_of(names));
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] != text) continue;
      index = i;
      return;
    }
    fail(node, name, "is '" + text + "'; it must be " + one_of(names));
  }

  void enter(std::string_view name) override {
    YAML::Node node = take(name);
    if (node && !node.IsMap() && !node.IsNull())
      fail(node, name, "must hold settings of its own (key: value)");
    levels_.push_back({node, key(name), {}});
  }

  void leave() override {
    refuse_unknown_keys();
    levels_.pop_back();
  }

 private:
  struct Level {
    YAML::Node node;
    std::string path;
    std::set<std::string> known;
  };

  std::string key(std::string_view name) const {
    const std::string& path = levels_.back().path;
    return path.empty() ? std::string(name) : path + "." + std::string(name);
  }

  YAML::Node take(std::string_view name) {
    Level& level = levels_.back();
    level.known.emplace(name);
    if (!level.node || !level.node.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
    const YAML::Node& map = level.node;
    return map[std::string(name)];
  }

  [[noreturn]] void fail(const YAML::Node& node, std::string_view name, const std::string& what) const {
    throw settings_error((source_.option.empty() ? place(source_, node) + ": " + key(name) : source_.option) +
                         " " + what);
  }

  template <class Value>
  Value scalar(const YAML::Node& node, std::string_view name, const std::string& kind) const {
    if (!node.IsScalar()) fail(node, name, "must be " + kind);
    try {
      return node.as<Value>();
    } catch (const YAML::Exception&) {
      fail(node, name, "is '" + node.Scalar() + "'; it must be " + kind);
    }
  }

  template <class Number>
  Number number(const YAML::Node& node, std::string_view name, Range<Number> range,
                const std::string& kind) const {
    const auto value = scalar<Number>(node, name, kind);
    if (!is_in(range, value))
      fail(node, name, "is " + node.Scalar() + "; it must be " + text_of_range(range));
    return value;
  }

  void require_list(const YAML::Node& node, std::string_view name, const std::string& kind) const {
    if (!node.IsSequence()) fail(node, name, "must be " + kind + ", in [ ]");
  }

  void refuse_unknown_keys() const {
    const Level& level = levels_.back();
    if (!level.node || !level.node.IsMap()) return;
    std::set<std::string> seen;
    for (const auto& entry : level.node) {
      if (!entry.first.IsScalar())
        throw settings_error(place(source_, entry.first) + ": a setting's name must be a word");
      const auto& name = entry.first.Scalar();
      if (!seen.insert(name).second)
        throw settings_error(place(source_, entry.first) + ": the setting '" + key(name) +
                             "' stands here twice; keep one");
      if (!level.known.contains(name))
        throw settings_error(place(source_, entry.first) + ": there is no setting '" + key(name) +
                             "'; known here: " + one_of(level.known));
    }
  }

  Source source_;
  std::vector<Level> levels_;
};

/// A map that gives the setting at a dotted path the value that `text` is in YAML.
YAML::Node map_of(std::string_view path, std::string_view text, const std::string& source) {
  YAML::Node value;
  try {
    value = YAML::Load(std::string(text));
  } catch (const YAML::Exception& error) {
    throw settings_error(source + ": the value is not YAML: " + error.msg);
  }
  if (value.IsNull()) value = YAML::Node(std::string(text));
  for (;;) {
    const auto dot = path.rfind('.');
    YAML::Node map(YAML::NodeType::Map);
    map[std::string(dot == std::string_view::npos ? path : path.substr(dot + 1))] = value;
    if (dot == std::string_view::npos) return map;
    value = map;
    path = path.substr(0, dot);
  }
}

}  // namespace

struct SettingsLayer::Document {
  YAML::Node root;
  Source source;
};

SettingsLayer::SettingsLayer(std::unique_ptr<Document> document) : document_(std::move(document)) {}
SettingsLayer::~SettingsLayer() = default;
SettingsLayer::SettingsLayer(SettingsLayer&&) noexcept = default;
SettingsLayer& SettingsLayer::operator=(SettingsLayer&&) noexcept = default;

SettingsLayer SettingsLayer::from_text(std::string_view text, std::string source) {
  auto document = std::make_unique<Document>();
  try {
    document->root = YAML::Load(std::string(text));
  } catch (const YAML::Exception& error) {
    throw settings_error(source + ":" + std::to_string(error.mark.line + 1) + ": is not YAML: " + error.msg);
  }
  if (!document->root.IsMap() && !document->root.IsNull())
    throw settings_error(source + ": settings are written as key: value");
  document->source.name = std::move(source);
  return SettingsLayer(std::move(document));
}

SettingsLayer SettingsLayer::from_file(const Path& path) {
  try {
    return from_text(read_file(path), path.string());
  } catch (const Error& error) {
    throw settings_error(error.what());  // an unreadable settings file is wrong usage, not bad data
  }
}

SettingsLayer SettingsLayer::from_assignment(std::string_view assignment) {
  const std::string source = "--set " + std::string(assignment);
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0)
    throw settings_error(source + ": write key.path=value, as in --set retrieval.gamma=0.02");
  const YAML::Node root = map_of(assignment.substr(0, equals), assignment.substr(equals + 1), source);
  return SettingsLayer(std::make_unique<Document>(Document{root, {source, /*has_lines=*/false}}));
}

SettingsLayer SettingsLayer::from_option(std::string_view option, std::string_view key,
                                         std::string_view value) {
  const std::string source(option);
  const YAML::Node root = map_of(key, value, source);
  return SettingsLayer(std::make_unique<Document>(Document{root, {source, /*has_lines=*/false, source}}));
}

void SettingsLayer::apply_with(const std::function<void(Fields&)>& describe_target) const {
  Reader reader(document_->root, document_->source);
  describe_target(reader);
  reader.finish();
}

}  // namespace res2clip
