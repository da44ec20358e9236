#include <csetjmp>
#include <png.h>
#include <vector>

#include "res2clip/core/error.hpp"
#include "res2clip/image/write.hpp"

namespace res2clip {
namespace {

/// One PNG being written. libpng reports failures through fail(), which jumps back into write(): what runs in
/// between holds nothing that must be destroyed.
class PngWriter {
 public:
  PngWriter(const PixelRows& pixels, PngEffort effort)
      : pixels_(pixels),
        effort_(effort),
        png_(
            png_create_write_struct(PNG_LIBPNG_VER_STRING, this, fail, [](png_structp, png_const_charp) {})) {
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) throw runtime_error("a PNG cannot be encoded: out of memory");
    png_set_write_fn(png_, this, take_bytes, nullptr);
  }
  ~PngWriter() { png_destroy_write_struct(&png_, &info_); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  std::string write() {
    if (setjmp(png_jmpbuf(png_)) != 0) throw runtime_error("a PNG cannot be encoded: " + fault_);
    encode();
    return std::move(bytes_);
  }

 private:
  void encode() {
    constexpr int kQuickest = 1, kSmallest = 9;  // of zlib's levels
    const bool quick = effort_ == PngEffort::quick;
    png_set_IHDR(png_, info_, static_cast<png_uint_32>(pixels_.width),
                 static_cast<png_uint_32>(pixels_.height), 8,
                 pixels_.channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png_, quick ? kQuickest : kSmallest);
    // Tried on overlays of photographs: one filter for all rows takes less than half the time of a choice for
    // each row, and this one makes files as small.
    if (pixels_.channels == 3 && quick) png_set_filter(png_, PNG_FILTER_TYPE_BASE, PNG_FILTER_AVG);
    png_write_info(png_, info_);
    for (std::int64_t y = 0; y < pixels_.height; ++y)
      png_write_row(png_, pixels_.bytes + y * pixels_.width * pixels_.channels);
    png_write_end(png_, info_);
  }

  [[noreturn]] static void fail(png_structp png, png_const_charp text) {
    static_cast<PngWriter*>(png_get_error_ptr(png))->fault_ = text;
    png_longjmp(png, 1);
  }
  static void take_bytes(png_structp png, png_bytep bytes, std::size_t size) {
    static_cast<PngWriter*>(png_get_io_ptr(png))->bytes_.append(reinterpret_cast<const char*>(bytes), size);
  }

  PixelRows pixels_;
  PngEffort effort_;
  std::string bytes_, fault_;
  png_structp png_;
  png_infop info_ = nullptr;
};

}  // namespace

std::string encode_png(const PixelRows& pixels, PngEffort effort) {
  if (pixels.bytes == nullptr || pixels.width <= 0 || pixels.height <= 0 ||
      (pixels.channels != 1 && pixels.channels != 3))
    throw data_error("encode_png: the pixels must be grey or RGB, and not empty");
  return PngWriter(pixels, effort).write();
}

}  // namespace res2clip
