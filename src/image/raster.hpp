#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "res2clip/image/pixel_mode.hpp"
#include "res2clip/image/read_options.hpp"

#include "decoding_budget.hpp"

namespace res2clip {

/// What is wrong with the bytes of an image; whoever knows the path makes an Error of it.
struct ImageFault {
  std::string what;
};

/// Samples of an image as its file stores them, not yet as 8-bit RGB.
struct Raster {
  std::int64_t width = 0, height = 0;
  std::int64_t channels = 0;    ///< 1: grey, 2: grey and alpha, 3: RGB, 4: RGB and alpha
  std::uint32_t largest = 255;  ///< the value that stands for full scale; above 255: samples of 16 bits
  PixelMode mode = PixelMode::direct;
  int orientation = 1;       ///< as EXIF numbers it, of files that Pillow does not turn by itself
  int turned = 1;            ///< the same of files that Pillow turns (TIFF)
  bool rounds = false;       ///< Pillow rounds its wide colours to 8 bits, and does not cut them (PNM)
  bool more_frames = false;  ///< the file holds further frames or pages
  std::string doubt;         ///< what the decoder found odd but could read; empty: nothing
  std::unique_ptr<std::uint8_t[]> bytes;

  bool wide() const { return largest > 255; }
  std::int64_t samples_per_row() const { return width * channels; }
  std::uint8_t* row(std::int64_t y) { return bytes.get() + y * samples_per_row(); }
  std::uint16_t* wide_row(std::int64_t y) {
    return reinterpret_cast<std::uint16_t*>(bytes.get()) + y * samples_per_row();
  }
};

/// Where a reader asks, once it knows the size, whether it may decode.
class Permit {
 public:
  Permit(std::int64_t most_pixels, DecodingShare& share) : most_pixels_(most_pixels), share_(share) {}

  /// Called with width and height when a reader asks; may throw, to stop it there.
  void on_size(std::function<void(std::int64_t, std::int64_t)> call) { on_size_ = std::move(call); }

  /// Throws an ImageFault for an image without pixels, or with too many. Waits until there is memory for
  /// `working_bytes` a pixel: the decoder's own, beside the result.
  void ask(std::int64_t width, std::int64_t height, std::int64_t working_bytes);

  /// A raster whose memory is there; ask() comes before.
  Raster raster(std::int64_t width, std::int64_t height, std::int64_t channels, std::uint32_t largest = 255);

 private:
  std::int64_t most_pixels_;
  DecodingShare& share_;
  std::function<void(std::int64_t, std::int64_t)> on_size_;
};

// One reader per format; `bytes` begin with its signature. Throw ImageFault.
Raster read_png(std::string_view bytes, Permit& permit);
Raster read_jpeg(std::string_view bytes, Permit& permit);
Raster read_bmp(std::string_view bytes, Permit& permit);
Raster read_dib(std::string_view bytes, Permit& permit);
Raster read_tiff(std::string_view bytes, Permit& permit);
Raster read_webp(std::string_view bytes, Permit& permit);
Raster read_gif(std::string_view bytes, Permit& permit);
Raster read_pnm(std::string_view bytes, Permit& permit);
Raster read_jpeg2000(std::string_view bytes, Permit& permit);

/// A value of 0 .. largest (at most 65535) as one of 0 .. 255, rounded half to even as Pillow does it.
inline std::uint8_t rounded_byte(std::uint32_t value, std::uint32_t largest) {
  const std::uint32_t twice = 2 * 255 * value, rounded = (twice + largest) / (2 * largest);
  const bool tie = (twice + largest) % (2 * largest) == 0;
  return static_cast<std::uint8_t>(tie && rounded % 2 == 1 ? rounded - 1 : rounded);
}

/// Pillow's RGB of one CMYK pixel, in which 0 is no ink.
inline void cmyk_to_rgb(const std::uint8_t* cmyk, std::uint8_t* rgb) {
  const int light = 255 - cmyk[3];
  for (int c = 0; c < 3; ++c) {
    const int product = cmyk[c] * light + 128;
    const int value = light - (((product >> 8) + product) >> 8);
    rgb[c] = static_cast<std::uint8_t>(value < 0 ? 0 : value);
  }
}

}  // namespace res2clip
