#include <algorithm>
#include <cstring>
#include <gif_lib.h>
#include <memory>
#include <vector>

#include "raster.hpp"

namespace res2clip {
namespace {

int give_bytes(GifFileType* file, GifByteType* to, int size) {
  auto& left = *static_cast<std::string_view*>(file->UserData);
  const std::size_t count = std::min(left.size(), static_cast<std::size_t>(size));
  std::memcpy(to, left.data(), count);
  left.remove_prefix(count);
  return static_cast<int>(count);
}

struct Close {
  void operator()(GifFileType* file) const { DGifCloseFile(file, nullptr); }
};
using GifFile = std::unique_ptr<GifFileType, Close>;

class GifReader {
 public:
  explicit GifReader(std::string_view bytes) : left_(bytes) {
    int code = 0;
    file_.reset(DGifOpen(&left_, give_bytes, &code));
    if (!file_) throw fault(code);
  }

  Raster read(Permit& permit) {
    if (!find_frame()) throw ImageFault{"is a GIF file without an image"};
    require(DGifGetImageDesc(file_.get()));
    const GifImageDesc& frame = file_->Image;
    if (frame.Width <= 0 || frame.Height <= 0) throw ImageFault{"has no pixels"};
    const std::int64_t width = std::max(file_->SWidth, frame.Left + frame.Width);
    const std::int64_t height = std::max(file_->SHeight, frame.Top + frame.Height);
    permit.ask(width, height, 1);
    std::vector<std::uint8_t> canvas(static_cast<std::size_t>(width * height), background_);
    read_frame(canvas, width);
    Raster raster = painted(canvas, width, height, permit);
    raster.more_frames = has_more();
    return raster;
  }

 private:
  ImageFault fault(int code) const {
    if (left_.empty()) return {"is truncated"};
    const char* text = GifErrorString(code);
    return {std::string("is damaged: ") + (text != nullptr ? text : "unknown error") + " (giflib)"};
  }
  void require(int result) const {
    if (result == GIF_ERROR) throw fault(file_->Error);
  }

  /// Goes on to the next frame, and notes the transparent index before it; false: there is none.
  bool find_frame() {
    for (;;) {
      GifRecordType record = UNDEFINED_RECORD_TYPE;
      require(DGifGetRecordType(file_.get(), &record));
      if (record == IMAGE_DESC_RECORD_TYPE) return true;
      if (record == TERMINATE_RECORD_TYPE) return false;
      if (record == EXTENSION_RECORD_TYPE) read_extension();
    }
  }

  void read_extension() {
    int code = 0;
    GifByteType* block = nullptr;
    require(DGifGetExtension(file_.get(), &code, &block));
    while (block != nullptr) {
      GraphicsControlBlock control{};
      if (code == GRAPHICS_EXT_FUNC_CODE && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK &&
          control.TransparentColor != NO_TRANSPARENT_COLOR)
        background_ = static_cast<std::uint8_t>(control.TransparentColor);
      require(DGifGetExtensionNext(file_.get(), &block));
    }
  }

  void read_frame(std::vector<std::uint8_t>& canvas, std::int64_t width) {
    const GifImageDesc& frame = file_->Image;
    constexpr int kFirst[] = {0, 4, 2, 1}, kStep[] = {8, 8, 4, 2};  // of the passes of an interlaced frame
    const auto row = [&](int y) {
      std::uint8_t* to = canvas.data() + (frame.Top + y) * width + frame.Left;
      require(DGifGetLine(file_.get(), to, frame.Width));
    };
    if (frame.Interlace) {
      for (int pass = 0; pass < 4; ++pass)
        for (int y = kFirst[pass]; y < frame.Height; y += kStep[pass]) row(y);
    } else {
      for (int y = 0; y < frame.Height; ++y) row(y);
    }
  }

  /// Without a palette, indices are grey values; indices beyond a palette are black, as in Pillow.
  Raster painted(const std::vector<std::uint8_t>& canvas, std::int64_t width, std::int64_t height,
                 Permit& permit) const {
    const ColorMapObject* map = file_->Image.ColorMap != nullptr ? file_->Image.ColorMap : file_->SColorMap;
    std::uint8_t colours[3 * 256] = {};
    bool ramp = true;
    for (int i = 0; i < 256; ++i) {
      const auto grey = static_cast<GifByteType>(i);
      const GifColorType colour = map == nullptr        ? GifColorType{grey, grey, grey}
                                  : i < map->ColorCount ? map->Colors[i]
                                                        : GifColorType{0, 0, 0};
      const GifByteType rgb[] = {colour.Red, colour.Green, colour.Blue};
      std::memcpy(colours + 3 * i, rgb, 3);
      if (map == nullptr || i < map->ColorCount)
        ramp = ramp && rgb[0] == grey && rgb[1] == grey && rgb[2] == grey;
    }
    Raster raster = permit.raster(width, height, 3);
    raster.mode = ramp ? PixelMode::direct : PixelMode::indexed;
    for (std::size_t i = 0; i < canvas.size(); ++i) {
      const int index = canvas[i];
      // A palette that is a grey ramp is not a palette to Pillow, whose indices are grey values then.
      if (ramp)
        std::memset(raster.bytes.get() + 3 * i, index, 3);
      else
        std::memcpy(raster.bytes.get() + 3 * i, colours + 3 * index, 3);
    }
    return raster;
  }

  /// The first frame is whole; whatever is wrong behind it does not matter.
  bool has_more() {
    try {
      return find_frame();
    } catch (const ImageFault&) {
      return false;
    }
  }

  std::string_view left_;
  GifFile file_;
  std::uint8_t background_ = 0;
};

}  // namespace

Raster read_gif(std::string_view bytes, Permit& permit) {
  return GifReader(bytes).read(permit);
}

}  // namespace res2clip
