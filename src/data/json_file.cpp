#include "json_file.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip {
namespace {

constexpr int kDeepest = 64;

/// How deep brackets outside of strings are nested.
int depth_of(std::string_view text) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (in_string && letter == '\\')
      ++i;
    else if (letter == '"')
      in_string = !in_string;
    else if (!in_string && (letter == '[' || letter == '{'))
      deepest = std::max(deepest, ++depth);
    else if (!in_string && (letter == ']' || letter == '}'))
      --depth;
  }
  return deepest;
}

/// The library's message without its code: "[json.exception.parse_error.101] parse error at line 2 ...".
std::string plain(const std::string& what) {
  const auto end = what.find("] ");
  return what.starts_with("[json") && end != std::string::npos ? what.substr(end + 2) : what;
}

}  // namespace

OrderedJson read_json_file(const Path& file) {
  const std::string text = read_file(file);
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    throw data_error(file.string() + ": is UTF-16 text; save it as UTF-8");
  if (depth_of(text) > kDeepest)
    throw data_error(file.string() + ": is nested more than " + std::to_string(kDeepest) + " deep");
  try {
    return OrderedJson::parse(text);
  } catch (const nlohmann::json::exception& fault) {
    throw data_error(file.string() + ": is not JSON: " + plain(fault.what()));
  }
}

const OrderedJson& member(const OrderedJson& object, const char* name, const std::string& where) {
  const auto found = object.find(name);
  if (found == object.end()) throw data_error(where + " has no \"" + name + "\"");
  return *found;
}

std::string optional_text(const OrderedJson& object, const char* name, const std::string& where) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  if (!found->is_string()) throw data_error(where + ": \"" + name + "\" is not text");
  return found->get<std::string>();
}

std::string text_member(const OrderedJson& object, const char* name, const std::string& where) {
  if (member(object, name, where).is_null()) throw data_error(where + ": \"" + name + "\" is not text");
  return optional_text(object, name, where);
}

}  // namespace res2clip
