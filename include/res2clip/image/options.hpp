#pragma once

#include <cstdint>

#include "res2clip/core/normalisation.hpp"
#include "res2clip/image/read_options.hpp"
#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

/// How an image becomes the backbone's input.
struct ImageOptions {
  /// Side of the square input in pixels; 0: the size that the backbone was exported for.
  std::int64_t size = 0;
  /// false: resize in the file's own mode, then convert (the authors' loader).
  bool convert_before_resize = true;
  ReadOptions reading = {};  ///< its settings stand beside these: image.wide, ...
  /// The backbone's, not a setting: fit_to_backbone() takes it from the archive's card.
  Normalisation normalisation = {};
};
void describe(Fields& fields, ImageOptions& options);

/// Colours of a heat map: inferno rises evenly in brightness, turbo shows finer steps.
enum class Palette { inferno, turbo };

template <>
struct EnumNames<Palette> {
  static constexpr std::pair<Palette, std::string_view> values[] = {{Palette::inferno, "inferno"},
                                                                    {Palette::turbo, "turbo"}};
};

/// How an anomaly map is laid over its image.
struct OverlayOptions {
  Palette palette = Palette::inferno;
  double opacity = 0.65;             ///< of the hottest pixels; calm ones are transparent
  bool outline = true;               ///< draw a line around the hottest region, if it stands out
  double outline_fraction = 0.5;     ///< of the way from the map's median to its maximum (hottest_region)
  bool side_by_side = true;          ///< original | overlay, with a caption and a colour scale below
  std::int64_t smallest_edge = 512;  ///< smaller images are enlarged to it, so that captions can be read
  /// Map value that normal images reach. Colours reach at least 1.5 times as far, and a region whose peak is
  /// not above it gets no outline, so that normal images look calm. 0: as the references tell (see
  /// Detector::reference_peak).
  double calm = 0.0;
};
void describe(Fields& fields, OverlayOptions& options);

}  // namespace res2clip
