// BMP by hand: none of the small libraries reads it. The kinds, and what they become, are Pillow's.
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "byte_reader.hpp"

namespace res2clip {
namespace {

enum Compression : std::uint32_t { kPlain = 0, kRle8 = 1, kRle4 = 2, kMasks = 3 };

struct BmpHead {
  std::uint64_t at = 0;  ///< where the information header begins
  std::uint32_t size = 0, depth = 0, compression = kPlain, colours = 0, palette_entry = 4;
  std::int64_t width = 0, height = 0;
  bool top_down = false;
  std::array<std::uint32_t, 4> masks{};  ///< red, green, blue, alpha
  std::uint64_t end = 0;                 ///< where palette or pixels begin

  bool indexed() const { return depth <= 8; }
};

void read_masks(const ByteReader& reader, BmpHead& head) {
  for (std::uint64_t i = 0; i < 3; ++i) head.masks[i] = reader.u32(head.at + 40 + 4 * i);
  if (head.size >= 56) head.masks[3] = reader.u32(head.at + 52);
  if (head.size == 40) head.end += 12;  // they stand behind the header then
}

BmpHead read_head(const ByteReader& reader, std::uint64_t at) {
  BmpHead head;
  head.at = at;
  head.size = reader.u32(at);
  head.end = at + head.size;
  if (head.size == 12) {  // OS/2
    head.width = reader.u16(at + 4);
    head.height = reader.u16(at + 6);
    head.depth = reader.u16(at + 10);
    head.palette_entry = 3;
  } else if (head.size >= 40 && head.size <= 4096) {
    head.width = static_cast<std::int32_t>(reader.u32(at + 4));
    const auto height = static_cast<std::int32_t>(reader.u32(at + 8));
    head.top_down = height < 0;
    head.height = std::llabs(height);
    head.depth = reader.u16(at + 14);
    head.compression = reader.u32(at + 16);
    head.colours = reader.u32(at + 32);
    if (head.compression == kMasks) read_masks(reader, head);
  } else {
    throw ImageFault{"is damaged: its BMP header has " + std::to_string(head.size) + " bytes"};
  }
  if (head.indexed() && head.colours == 0) head.colours = 1u << head.depth;
  return head;
}

void check_kind(const BmpHead& head) {
  const auto one_of_depths = [&](std::initializer_list<std::uint32_t> depths) {
    for (const std::uint32_t depth : depths)
      if (head.depth == depth) return true;
    return false;
  };
  const bool known = (head.compression == kPlain && one_of_depths({1, 4, 8, 16, 24, 32})) ||
                     (head.compression == kRle8 && head.depth == 8) ||
                     (head.compression == kRle4 && head.depth == 4) ||
                     (head.compression == kMasks && one_of_depths({16, 24, 32}));
  if (!known)
    throw ImageFault{"is a kind of BMP that is not supported (" + std::to_string(head.depth) +
                     " bits, compression " + std::to_string(head.compression) + "); convert it to PNG"};
  if (head.indexed() && head.colours > 256) throw ImageFault{"is damaged: its palette is too long"};
}

struct Palette256 {
  std::array<std::uint8_t, 3 * 256> rgb{};
  bool ramp = true;  ///< counts from black to white: Pillow's modes L and 1
};

Palette256 read_palette(const ByteReader& reader, const BmpHead& head) {
  Palette256 palette;
  for (std::uint32_t i = 0; i < head.colours; ++i) {
    const std::uint64_t entry = head.end + std::uint64_t{head.palette_entry} * i;
    const std::uint32_t grey = head.colours == 2 ? 255 * i : i;
    for (std::uint32_t c = 0; c < 3; ++c) {
      const std::uint32_t value = reader.u8(entry + 2 - c);  // blue, green, red
      palette.rgb[3 * i + c] = static_cast<std::uint8_t>(value);
      palette.ramp = palette.ramp && value == grey;
    }
  }
  return palette;
}

/// Bytes from one row to the next: rows are filled up to four.
std::uint64_t stride_of(const BmpHead& head) {
  return (static_cast<std::uint64_t>(head.width) * head.depth + 31) / 32 * 4;
}

/// The bytes of all rows. Some writers leave out what fills the last one up to four bytes.
std::string_view pixel_rows(const ByteReader& reader, const BmpHead& head, std::uint64_t at) {
  const std::uint64_t last = (static_cast<std::uint64_t>(head.width) * head.depth + 7) / 8;
  return reader.text(at, stride_of(head) * (static_cast<std::uint64_t>(head.height) - 1) + last);
}

/// Indices of all pixels, from the file's first row on.
std::vector<std::uint8_t> plain_indices(const ByteReader& reader, const BmpHead& head, std::uint64_t pixels) {
  const auto width = static_cast<std::uint64_t>(head.width), height = static_cast<std::uint64_t>(head.height);
  const std::uint64_t stride = stride_of(head);
  const std::string_view data = pixel_rows(reader, head, pixels);
  const std::uint64_t per_byte = 8 / head.depth;
  const std::uint32_t mask = (1u << head.depth) - 1;
  std::vector<std::uint8_t> indices(width * height);
  for (std::uint64_t y = 0; y < height; ++y)
    for (std::uint64_t x = 0; x < width; ++x) {
      const auto byte = static_cast<unsigned char>(data[y * stride + x / per_byte]);
      const std::uint64_t shift = 8 - head.depth * (x % per_byte + 1);
      indices[y * width + x] = static_cast<std::uint8_t>(byte >> shift & mask);
    }
  return indices;
}

/// Run-length coded indices. Runs that leave their row are cut, rows that end early are filled with 0; data
/// that end without an end mark before the last row are truncated.
class RunLengths {
 public:
  RunLengths(const ByteReader& reader, const BmpHead& head, std::uint64_t at)
      : reader_(reader),
        four_bits_(head.compression == kRle4),
        at_(at),
        begin_(at),
        width_(static_cast<std::uint64_t>(head.width)),
        indices_(width_ * static_cast<std::uint64_t>(head.height)) {}

  std::vector<std::uint8_t> read() {
    while (next_ < indices_.size() && step()) {
    }
    return std::move(indices_);
  }

 private:
  /// Reads one code; false: the end mark.
  bool step() {
    const std::uint32_t count = reader_.u8(at_), code = reader_.u8(at_ + 1);
    at_ += 2;
    if (count > 0) {
      run(count, code);
    } else if (code == 0) {
      end_row();
    } else if (code == 1) {
      return false;
    } else if (code == 2) {
      next_ += reader_.u8(at_) + reader_.u8(at_ + 1) * width_;
      row_full_ = false;
      at_ += 2;
    } else {
      literal(code);
    }
    return true;
  }

  void end_row() {
    if (!row_full_ || next_ % width_ != 0) next_ = (next_ + width_ - next_ % width_) / width_ * width_;
    row_full_ = false;
  }

  void put(std::uint32_t index) {
    if (row_full_ || next_ >= indices_.size()) return;  // too much for the row
    indices_[next_++] = static_cast<std::uint8_t>(index);
    row_full_ = next_ % width_ == 0;
  }

  void run(std::uint32_t count, std::uint32_t code) {
    for (std::uint32_t i = 0; i < count; ++i) put(!four_bits_ ? code : i % 2 == 0 ? code >> 4 : code & 15);
  }

  void literal(std::uint32_t count) {
    const std::uint64_t bytes = four_bits_ ? (count + 1) / 2 : count;
    reader_.text(at_, bytes);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t byte = reader_.u8(at_ + (four_bits_ ? i / 2 : i));
      put(!four_bits_ ? byte : i % 2 == 0 ? byte >> 4 : byte & 15);
    }
    at_ += bytes;
    at_ += (at_ - begin_) % 2;  // codes begin at even positions
  }

  const ByteReader& reader_;
  bool four_bits_;
  std::uint64_t at_, begin_, width_;
  std::uint64_t next_ = 0;
  bool row_full_ = false;  ///< nothing more is taken until the row's end mark
  std::vector<std::uint8_t> indices_;
};

/// The row of the image, counted from its top, that the file's row `y` is.
std::int64_t image_row(const BmpHead& head, std::int64_t y) {
  return head.top_down ? y : head.height - 1 - y;
}

Raster read_indexed(const ByteReader& reader, const BmpHead& head, std::uint64_t pixels_at, Permit& permit) {
  const Palette256 palette = read_palette(reader, head);
  // Some files name the palette's place for that of the pixels.
  const bool behind_palette = pixels_at == 0 || pixels_at == head.end;
  const std::uint64_t pixels = behind_palette ? head.end + head.palette_entry * head.colours : pixels_at;
  const std::vector<std::uint8_t> indices = head.compression == kPlain
                                                ? plain_indices(reader, head, pixels)
                                                : RunLengths(reader, head, pixels).read();
  Raster raster = permit.raster(head.width, head.height, 3);
  raster.mode = palette.ramp && head.colours != 2 ? PixelMode::direct : PixelMode::indexed;
  for (std::int64_t y = 0; y < head.height; ++y) {
    const std::uint8_t* from = indices.data() + y * head.width;
    std::uint8_t* to = raster.row(image_row(head, y));
    for (std::int64_t x = 0; x < head.width; ++x)
      std::memcpy(to + 3 * x, palette.rgb.data() + 3 * from[x], 3);
  }
  return raster;
}

/// A colour's bits inside a pixel, scaled to 8 bits as Pillow does it.
struct Field {
  explicit Field(std::uint32_t bits)
      : mask(bits), shift(bits == 0 ? 0 : std::countr_zero(bits)), largest(bits >> shift) {}
  std::uint8_t of(std::uint32_t pixel) const {
    return largest == 0 ? 0 : static_cast<std::uint8_t>(((pixel & mask) >> shift) * 255 / largest);
  }
  std::uint32_t mask;
  int shift;
  std::uint32_t largest;
};

/// Masks are those of whole bytes, or of 5-5-5 and 5-6-5 bits.
void check_masks(const BmpHead& head) {
  for (std::size_t c = 0; c < 4; ++c) {
    const std::uint32_t mask = head.masks[c];
    if (mask == 0 && c == 3) continue;
    const std::uint32_t bits = mask == 0 ? 0 : mask >> std::countr_zero(mask);
    if (head.depth == 16 && c == 3) continue;  // the bit of opacity, which Pillow drops
    const bool fits = head.depth == 16 ? bits == 31 || (bits == 63 && c == 1) : bits == 255;
    if (!fits)
      throw ImageFault{"is a kind of BMP that is not supported (unusual colour masks); convert it to PNG"};
  }
}

Raster read_coloured(const ByteReader& reader, BmpHead head, std::uint64_t pixels_at, Permit& permit) {
  if (head.compression != kMasks || head.masks == std::array<std::uint32_t, 4>{}) {
    const bool all_zero =
        head.compression == kMasks && head.depth == 32;  // then Pillow takes alpha to be there
    if (head.depth == 16)
      head.masks = {0x7C00, 0x3E0, 0x1F, 0};
    else
      head.masks = {0xFF0000, 0xFF00, 0xFF, all_zero ? 0xFF000000 : 0};
  }
  check_masks(head);
  const bool alpha = head.masks[3] != 0 && head.depth != 16;
  const std::uint64_t bytes = head.depth / 8;
  const std::uint64_t stride = stride_of(head);
  const std::string_view data = pixel_rows(reader, head, pixels_at != 0 ? pixels_at : head.end);
  Raster raster = permit.raster(head.width, head.height, alpha ? 4 : 3);
  if (alpha) raster.mode = PixelMode::alpha;
  const std::array<Field, 4> fields{Field(head.masks[0]), Field(head.masks[1]), Field(head.masks[2]),
                                    Field(head.masks[3])};
  for (std::int64_t y = 0; y < head.height; ++y) {
    const char* from = data.data() + static_cast<std::uint64_t>(y) * stride;
    std::uint8_t* to = raster.row(image_row(head, y));
    for (std::int64_t x = 0; x < head.width; ++x, from += bytes) {
      std::uint32_t pixel = 0;
      for (std::uint64_t i = 0; i < bytes; ++i)
        pixel |= std::uint32_t{static_cast<unsigned char>(from[i])} << 8 * i;
      for (std::int64_t c = 0; c < raster.channels; ++c)
        *to++ = fields[static_cast<std::size_t>(c)].of(pixel);
    }
  }
  return raster;
}

/// `pixels_at` is 0 where nothing but the header's length says it.
Raster read_bitmap(std::string_view bytes, std::uint64_t at, std::uint64_t pixels_at, Permit& permit) {
  const ByteReader reader(bytes, false);
  const BmpHead head = read_head(reader, at);
  permit.ask(head.width, head.height, 1);
  check_kind(head);
  return head.indexed() ? read_indexed(reader, head, pixels_at, permit)
                        : read_coloured(reader, head, pixels_at, permit);
}

}  // namespace

Raster read_bmp(std::string_view bytes, Permit& permit) {
  constexpr std::uint64_t kFileHeader = 14;
  return read_bitmap(bytes, kFileHeader, ByteReader(bytes, false).u32(10), permit);
}

Raster read_dib(std::string_view bytes, Permit& permit) {
  return read_bitmap(bytes, 0, 0, permit);
}

}  // namespace res2clip
