#pragma once

namespace res2clip {

/// How an image file stores its pixels, as far as it decides how Pillow resizes them.
enum class PixelMode {
  direct,   ///< grey or RGB
  indexed,  ///< palette or bilevel: Pillow resizes these by nearest neighbour
  alpha,    ///< with an alpha channel: Pillow resizes these premultiplied
};

}  // namespace res2clip
