#pragma once

#include <string_view>
#include <utility>

namespace res2clip {

/// Walks over the fields of a settings struct (settings/settings.hpp).
class Fields;

/// Names of an enum's values in settings files and messages. Specialise it beside the enum:
/// `template <> struct EnumNames<Penalty> { static constexpr std::pair<Penalty, std::string_view> values[] =
/// {...}; };`
template <class Enum>
struct EnumNames;

/// The settings name of an enum value.
template <class Enum>
std::string_view name_of(Enum value) {
  for (const auto& [candidate, name] : EnumNames<Enum>::values)
    if (candidate == value) return name;
  return "?";
}

}  // namespace res2clip
