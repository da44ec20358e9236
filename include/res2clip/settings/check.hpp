#pragma once

#include <functional>
#include <string_view>

#include "res2clip/settings/settings.hpp"

namespace res2clip {

/// Throws the settings error that reading a settings file would, if a field of a described struct is out of
/// its range, not finite, or an enum without a name. For structs that a program filled in itself.
void require_in_range_with(std::string_view name, const std::function<void(Fields&)>& describe_source);

/// `name` is the struct's key in a settings file, which messages begin with ("retrieval"); empty: the whole.
template <class Struct>
void require_in_range(Struct value, std::string_view name) {
  require_in_range_with(name, [&](Fields& fields) { describe(fields, value); });
}

}  // namespace res2clip
