// Writes settings: a described struct as JSON, as YAML, and as help text.
#include <charconv>

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "res2clip/settings/settings.hpp"

#include "field_checks.hpp"

namespace res2clip {
namespace {

using Json = nlohmann::ordered_json;

/// The shortest decimal text that reads back as the same double.
std::string shortest(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

/// Turns each field into (key, JSON value, range or choices, help) and hands it on.
class Writer : public Fields {
 public:
  void field(std::string_view name, bool& value, std::string_view help) override {
    put(name, value, "", help);
  }
  void field(std::string_view name, std::int64_t& value, Range<std::int64_t> range,
             std::string_view help) override {
    put(name, value, interval(range), help);
  }
  void field(std::string_view name, double& value, Range<double> range, std::string_view help) override {
    put(name, value, interval(range), help);
  }
  void field(std::string_view name, std::string& value, std::string_view help) override {
    put(name, value, "", help);
  }
  void field(std::string_view name, std::vector<std::int64_t>& value, Range<std::int64_t>,
             std::string_view help) override {
    put(name, value, "", help);
  }
  void field(std::string_view name, std::vector<std::string>& value, std::string_view help) override {
    put(name, value, "", help);
  }

 protected:
  void choice(std::string_view name, std::size_t& index, const std::vector<std::string_view>& names,
              std::string_view help) override {
    require_named(std::string(name), index, names);
    put(name, std::string(names[index]), one_of(names), help);
  }

  virtual void put(std::string_view name, const Json& value, const std::string& allowed,
                   std::string_view help) = 0;

 private:
  template <class Number>
  static std::string interval(Range<Number> range) {
    if (range.high == std::numeric_limits<Number>::max())
      return range.low == std::numeric_limits<Number>::lowest()
                 ? ""
                 : ">= " + shortest(static_cast<double>(range.low));
    return shortest(static_cast<double>(range.low)) + " .. " + shortest(static_cast<double>(range.high));
  }
};

class JsonWriter : public Writer {
 public:
  Json result = Json::object();

 protected:
  void put(std::string_view name, const Json& value, const std::string&, std::string_view) override {
    top()[std::string(name)] = value;
  }
  void enter(std::string_view name) override {
    Json& child = top()[std::string(name)] = Json::object();
    path_.push_back(&child);
  }
  void leave() override { path_.pop_back(); }

 private:
  Json& top() { return path_.empty() ? result : *path_.back(); }
  std::vector<Json*> path_;
};

class HelpWriter : public Writer {
 public:
  std::string result;

 protected:
  void put(std::string_view name, const Json& value, const std::string& allowed,
           std::string_view help) override {
    std::string left = prefix_ + std::string(name);
    left.resize(std::max<std::size_t>(left.size() + 1, 34), ' ');
    result += left + value.dump() + "  " + std::string(help);
    if (!allowed.empty()) result += " (" + allowed + ")";
    result += '\n';
  }
  void enter(std::string_view name) override { prefix_ += std::string(name) + "."; }
  void leave() override {
    prefix_.pop_back();
    prefix_.resize(prefix_.rfind('.') == std::string::npos ? 0 : prefix_.rfind('.') + 1);
  }

 private:
  std::string prefix_;
};

void emit(YAML::Emitter& out, const Json& value) {
  if (value.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [name, child] : value.items()) {
      out << YAML::Key << name << YAML::Value;
      emit(out, child);
    }
    out << YAML::EndMap;
  } else if (value.is_array()) {
    out << YAML::Flow << YAML::BeginSeq;
    for (const auto& child : value) emit(out, child);
    out << YAML::EndSeq;
  } else if (value.is_string()) {
    out << YAML::DoubleQuoted << value.get<std::string>();
  } else if (value.is_number_float()) {
    out << shortest(value.get<double>());
  } else if (value.is_boolean()) {
    out << value.get<bool>();
  } else {
    out << value.dump();
  }
}

}  // namespace

Json settings_json_with(const std::function<void(Fields&)>& describe_source) {
  JsonWriter writer;
  describe_source(writer);
  return writer.result;
}

std::string settings_yaml_with(const std::function<void(Fields&)>& describe_source) {
  YAML::Emitter out;
  emit(out, settings_json_with(describe_source));
  return std::string(out.c_str()) + "\n";
}

std::string settings_help_with(const std::function<void(Fields&)>& describe_source) {
  HelpWriter writer;
  describe_source(writer);
  return writer.result;
}

}  // namespace res2clip
