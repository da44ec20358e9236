#pragma once

#include <string_view>

namespace res2clip {

/// The orientation (1 .. 8) that an EXIF block states, which begins with its TIFF header ("II" or "MM"); 1 if
/// it states none or is damaged. Does not throw.
int exif_orientation(std::string_view exif);

}  // namespace res2clip
