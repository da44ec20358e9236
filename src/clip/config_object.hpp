#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace res2clip {

/// An object of a model's config. Its errors are data errors that name the file and the key.
class ConfigObject {
 public:
  /// `where`: the keys that lead to it, with a dot behind ("vision_config."); empty: the whole file.
  ConfigObject(nlohmann::json object, std::string source, std::string where);

  const nlohmann::json& json() const { return object_; }
  /// Whether it has the key with something else than null.
  bool has(const char* key) const;
  std::int64_t integer(const char* key, std::int64_t otherwise) const;
  double number(const char* key, double otherwise) const;
  bool flag(const char* key, bool otherwise) const;
  std::string text(const char* key, const std::string& otherwise) const;
  std::array<double, 3> colour(const char* key, const std::array<double, 3>& otherwise) const;
  /// An object inside it, empty if there is none.
  ConfigObject object(const char* key) const;

  /// "config.json: vision_config.hidden_act is "relu"": how a message about a key begins.
  std::string said(const char* key) const;
  [[noreturn]] void refuse(const char* key, const std::string& what) const;
  /// A size must be that of the tensors.
  void require_size(const char* key, std::int64_t otherwise, std::int64_t of_tensors) const;

 private:
  const nlohmann::json* value(const char* key) const;

  nlohmann::json object_;
  std::string source_, where_;
};

}  // namespace res2clip
