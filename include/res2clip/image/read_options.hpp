#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace res2clip {

class Fields;

/// Images of more pixels are rejected unless a setting says otherwise (the limit at which Pillow does so).
inline constexpr std::int64_t kLargestImage = 178'956'970;

/// How samples of more than 8 bits (12- and 16-bit cameras) become 8 bits: one rule for all images of a run,
/// references and queries, because a rule by each file's own values would hide differences between them.
struct WideSamples {
  enum class Rule {
    refuse,     ///< 16-bit grey is rejected unless all values are below 256; colours keep their high byte
    high_byte,  ///< the top 8 bits of the depth that the file declares
    divide,     ///< value / divisor; a file with larger results than 255 is rejected
    range,      ///< low becomes 0, high becomes 255, values outside are clipped
  };
  Rule rule = Rule::refuse;
  std::int64_t divisor = 1;
  std::int64_t low = 0, high = 65535;
  bool operator==(const WideSamples&) const = default;
};
/// From and to the setting's text: "refuse", "high_byte", "divide:16", "range:0:4095". Throws a settings
/// error for any other text.
WideSamples wide_samples(std::string_view text);
std::string text_of(const WideSamples& wide);

/// How image files are read (settings `image.wide`, `image.exif_rotation`, `image.max_pixels`).
struct ReadOptions {
  WideSamples wide{};
  /// Turn images upright as their EXIF orientation says. The authors' code does not. A TIFF's own orientation
  /// is always applied, as Pillow does it.
  bool exif_rotation = false;
  std::int64_t max_pixels = kLargestImage;  ///< more are rejected before anything is decoded; 0: no limit
};
void describe(Fields& fields, ReadOptions& options);

/// The options that decide about pixels and are not at their defaults, by the setting's name: what a bank or
/// a store records of how its images were read.
std::map<std::string, std::string> reading_identity(const ReadOptions& options);

}  // namespace res2clip
