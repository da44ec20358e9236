#pragma once

#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

/// How numbers lie in a feature store. float16 halves its size; a feature then differs by at most 2^-11 of
/// its size (2.5e-4 for the unit vectors stored here).
enum class StoredAs { float32, float16 };

template <>
struct EnumNames<StoredAs> {
  static constexpr std::pair<StoredAs, std::string_view> values[] = {{StoredAs::float32, "float32"},
                                                                     {StoredAs::float16, "float16"}};
};

struct StoreOptions {
  StoredAs numbers = StoredAs::float32;
};
void describe(Fields& fields, StoreOptions& options);

}  // namespace res2clip
