#include <bit>
#include <csetjmp>
#include <cstring>
#include <png.h>
#include <vector>

#include "exif.hpp"
#include "raster.hpp"

namespace res2clip {
namespace {

/// One file being read. libpng reports damage (checksums of critical chunks, too few or too many pixels, a
/// missing end) through fail(), which jumps back into attempt(): steps hold nothing that must be destroyed.
class PngFile {
 public:
  explicit PngFile(std::string_view bytes)
      : left_(bytes), png_(png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, ignore_warning)) {
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) throw ImageFault{"cannot be decoded: out of memory"};
    png_set_read_fn(png_, this, give_bytes);
    // Text, profiles and the like do not change what Pillow decodes to RGB. Two chunks are looked at.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_read_user_chunk_fn(png_, this, look_at_chunk);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  }
  ~PngFile() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngFile(const PngFile&) = delete;
  PngFile& operator=(const PngFile&) = delete;

  Raster read(Permit& permit) {
    attempt(&PngFile::read_head);
    permit.ask(png_get_image_width(png_, info_), png_get_image_height(png_, info_),
               png_get_bit_depth(png_, info_) == 16 ? 8 : 1);
    Raster raster =
        permit.raster(png_get_image_width(png_, info_), png_get_image_height(png_, info_),
                      png_get_channels(png_, info_), png_get_bit_depth(png_, info_) == 16 ? 65535 : 255);
    raster.mode = mode_;
    for (std::int64_t y = 0; y < raster.height; ++y)
      rows_.push_back(raster.wide() ? reinterpret_cast<png_bytep>(raster.wide_row(y)) : raster.row(y));
    attempt(&PngFile::read_pixels);
    raster.more_frames = frames_ > 1;
    raster.orientation = orientation_;
    return raster;
  }

 private:
  void attempt(void (PngFile::*step)()) {
    if (setjmp(png_jmpbuf(png_)) != 0) throw ImageFault{fault_};
    (this->*step)();
  }

  void read_head() {
    png_read_info(png_, info_);
    const int depth = png_get_bit_depth(png_, info_), colour = png_get_color_type(png_, info_);
    // Pillow's modes: bilevel and palette images are indexed.
    if ((colour & PNG_COLOR_MASK_ALPHA) != 0) mode_ = PixelMode::alpha;
    if (colour == PNG_COLOR_TYPE_PALETTE || (colour == PNG_COLOR_TYPE_GRAY && depth == 1))
      mode_ = PixelMode::indexed;
    if (colour == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png_);
    if (colour == PNG_COLOR_TYPE_PALETTE) {
      png_set_palette_to_rgb(png_);
      png_set_strip_alpha(png_);  // which transparency of a palette becomes
    }
    if (depth == 16 && std::endian::native == std::endian::little) png_set_swap(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
  }

  void read_pixels() {
    png_read_image(png_, rows_.data());
    png_read_end(png_, nullptr);
  }

  [[noreturn]] static void fail(png_structp png, png_const_charp text) {
    static_cast<PngFile*>(png_get_error_ptr(png))->keep_fault(text);
    png_longjmp(png, 1);
  }
  static void ignore_warning(png_structp, png_const_charp) {}

  void keep_fault(const char* text) {
    if (ran_out_)
      fault_ = "is truncated";
    else
      fault_ = std::string("is damaged: ") + text + " (libpng)";
  }

  static void give_bytes(png_structp png, png_bytep to, std::size_t size) {
    auto* file = static_cast<PngFile*>(png_get_io_ptr(png));
    if (size > file->left_.size()) {
      file->ran_out_ = true;
      png_error(png, "truncated");
    }
    std::memcpy(to, file->left_.data(), size);
    file->left_.remove_prefix(size);
  }

  static int look_at_chunk(png_structp png, png_unknown_chunkp chunk) {
    auto* file = static_cast<PngFile*>(png_get_user_chunk_ptr(png));
    const std::string_view name(reinterpret_cast<const char*>(chunk->name), 4);
    const std::string_view data(reinterpret_cast<const char*>(chunk->data), chunk->size);
    if (name == "eXIf") file->orientation_ = exif_orientation(data);
    if (name == "acTL" && data.size() >= 4) file->frames_ = png_get_uint_32(chunk->data);
    return 1;
  }

  std::string_view left_;
  png_structp png_;
  png_infop info_ = nullptr;
  std::vector<png_bytep> rows_;
  PixelMode mode_ = PixelMode::direct;
  int orientation_ = 1;
  std::uint32_t frames_ = 1;
  bool ran_out_ = false;
  std::string fault_;
};

}  // namespace

Raster read_png(std::string_view bytes, Permit& permit) {
  return PngFile(bytes).read(permit);
}

}  // namespace res2clip
