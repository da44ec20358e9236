#pragma once

#include <nlohmann/json.hpp>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// Classes keep the file's order.
using OrderedJson = nlohmann::ordered_json;

/// A JSON file that a stranger may have written. Throws a data error that names the file: unreadable, not
/// UTF-8 (UTF-16 is named), not JSON, or nested more than 64 deep.
OrderedJson read_json_file(const Path& file);

/// A member of an object; throws a data error that begins with `where` if it is absent.
const OrderedJson& member(const OrderedJson& object, const char* name, const std::string& where);
/// A member that is text, or nothing: absent and null are empty.
std::string optional_text(const OrderedJson& object, const char* name, const std::string& where);
/// A member that is text.
std::string text_member(const OrderedJson& object, const char* name, const std::string& where);

}  // namespace res2clip
