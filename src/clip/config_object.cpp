#include "config_object.hpp"

#include <utility>

#include "res2clip/core/error.hpp"

namespace res2clip {

ConfigObject::ConfigObject(nlohmann::json object, std::string source, std::string where)
    : object_(std::move(object)), source_(std::move(source)), where_(std::move(where)) {
  if (!object_.is_object())
    throw data_error(source_ + ": " + (where_.empty() ? "it" : where_.substr(0, where_.size() - 1)) +
                     " is not a JSON object");
}

const nlohmann::json* ConfigObject::value(const char* key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool ConfigObject::has(const char* key) const {
  return value(key) != nullptr;
}

std::string ConfigObject::said(const char* key) const {
  const auto* found = value(key);
  return source_ + ": " + where_ + key + (found == nullptr ? " is not given" : " is " + found->dump());
}

void ConfigObject::refuse(const char* key, const std::string& what) const {
  throw data_error(said(key) + what);
}

std::int64_t ConfigObject::integer(const char* key, std::int64_t otherwise) const {
  const auto* found = value(key);
  if (found == nullptr) return otherwise;
  if (!found->is_number_integer()) refuse(key, ", which is not a whole number");
  return found->get<std::int64_t>();
}

double ConfigObject::number(const char* key, double otherwise) const {
  const auto* found = value(key);
  if (found == nullptr) return otherwise;
  if (!found->is_number()) refuse(key, ", which is not a number");
  return found->get<double>();
}

bool ConfigObject::flag(const char* key, bool otherwise) const {
  const auto* found = value(key);
  if (found == nullptr) return otherwise;
  if (!found->is_boolean()) refuse(key, ", which is neither true nor false");
  return found->get<bool>();
}

std::string ConfigObject::text(const char* key, const std::string& otherwise) const {
  const auto* found = value(key);
  if (found == nullptr) return otherwise;
  if (!found->is_string()) refuse(key, ", which is not a text");
  return found->get<std::string>();
}

std::array<double, 3> ConfigObject::colour(const char* key, const std::array<double, 3>& otherwise) const {
  const auto* found = value(key);
  if (found == nullptr) return otherwise;
  const bool right = found->is_array() && found->size() == 3 && (*found)[0].is_number() &&
                     (*found)[1].is_number() && (*found)[2].is_number();
  if (!right) refuse(key, ", which is not a list of three numbers (red, green, blue)");
  return {(*found)[0].get<double>(), (*found)[1].get<double>(), (*found)[2].get<double>()};
}

ConfigObject ConfigObject::object(const char* key) const {
  const auto* found = value(key);
  return {found == nullptr ? nlohmann::json::object() : *found, source_, where_ + key + "."};
}

void ConfigObject::require_size(const char* key, std::int64_t otherwise, std::int64_t of_tensors) const {
  if (integer(key, otherwise) != of_tensors)
    refuse(key, (has(key) ? std::string() : ", which stands for " + std::to_string(otherwise)) +
                    ", the weights have " + std::to_string(of_tensors) +
                    ": it describes another model; put the config of these weights beside them");
}

}  // namespace res2clip
