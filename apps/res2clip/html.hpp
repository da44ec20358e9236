#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace res2clip::app {

/// Text as HTML and XML show it: markup escaped, what is not UTF-8 replaced by U+FFFD.
std::string html_text(std::string_view text);

/// A JPEG file as an address that a page can hold.
std::string jpeg_address(std::string_view jpeg);

/// Steps of 1, 2 or 5 times a power of ten that part a range into about `wanted` pieces.
double nice_step(double range, std::size_t wanted);

}  // namespace res2clip::app
