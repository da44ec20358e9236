#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <tiffio.h>
#include <vector>

#include "raster.hpp"
#include "tiff_file.hpp"

namespace res2clip {
namespace {

enum class Colours { grey, rgb, palette, cmyk };

/// How a TIFF's first page keeps its samples.
struct Layout {
  std::int64_t width = 0, height = 0;
  Colours colours = Colours::grey;
  std::uint32_t samples = 1, bits = 8;
  bool inverted = false;                ///< white is zero
  bool planes = false;                  ///< each sample has its own strips
  int alpha = EXTRASAMPLE_UNSPECIFIED;  ///< of the sample behind the colours

  std::uint32_t colour_samples() const {
    return colours == Colours::rgb ? 3 : colours == Colours::cmyk ? 4 : 1;
  }
  /// Samples of a pixel that are kept.
  std::uint32_t kept() const { return colour_samples() + (alpha != EXTRASAMPLE_UNSPECIFIED ? 1 : 0); }
};

[[noreturn]] void reject(const std::string& what) {
  throw ImageFault{"is a TIFF " + what + ", which is not supported; convert it to PNG"};
}

/// Of those that microscopes and scanners write and libtiff does not read.
std::string compression_name(std::uint32_t compression) {
  switch (compression) {
    case COMPRESSION_JP2000:
    case 33003:
    case 33005:
      return "JPEG 2000";
    case 34933:
      return "PNG";
    case 50002:
    case 52546:
      return "JPEG XL";
    case 22610:
    case 34934:
      return "JPEG XR";
    default:
      return std::to_string(compression);
  }
}

void check_samples(TIFF* tiff, const Layout& layout) {
  const auto format = tiff_field<std::uint16_t>(tiff, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
  if (format == SAMPLEFORMAT_INT) reject("with signed numbers");
  if (format != SAMPLEFORMAT_UINT)
    reject("with " + std::to_string(layout.bits) + "-bit floating-point (or other non-integer) numbers");
  const bool few = layout.bits == 1 || layout.bits == 2 || layout.bits == 4 || layout.bits == 8;
  const bool many = layout.bits > 8 && layout.bits <= 16;
  const bool fits = layout.colours == Colours::grey      ? few || many
                    : layout.colours == Colours::rgb     ? layout.bits == 8 || many
                    : layout.colours == Colours::palette ? few
                                                         : layout.bits == 8;
  if (!fits) reject("with " + std::to_string(layout.bits) + " bits a sample");
  if (layout.samples < layout.colour_samples())
    throw ImageFault{"is damaged: it has " + std::to_string(layout.samples) +
                     " samples a pixel, too few for its colours"};
}

Colours colours_of(TIFF* tiff, std::uint32_t compression) {
  const auto photometric = tiff_field<std::uint16_t>(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  switch (photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
      return Colours::grey;
    case PHOTOMETRIC_RGB:
      return Colours::rgb;
    case PHOTOMETRIC_PALETTE:
      return Colours::palette;
    case PHOTOMETRIC_SEPARATED:
      if (tiff_field<std::uint16_t>(tiff, TIFFTAG_INKSET, INKSET_CMYK) != INKSET_CMYK)
        reject("with other inks than CMYK");
      return Colours::cmyk;
    case PHOTOMETRIC_YCBCR:
      if (compression != COMPRESSION_JPEG) reject("in YCbCr without JPEG compression");
      TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      return Colours::rgb;
    case PHOTOMETRIC_CIELAB:
    case PHOTOMETRIC_ICCLAB:
    case PHOTOMETRIC_ITULAB:
      reject("in Lab colours");
    default:
      reject("of photometric interpretation " + std::to_string(photometric));
  }
}

/// The first sample behind the colours, if it is opacity. RGB with four samples and no word on the fourth
/// has it too.
int alpha_of(TIFF* tiff, const Layout& layout) {
  if (layout.samples <= layout.colour_samples() || layout.colours == Colours::cmyk)
    return EXTRASAMPLE_UNSPECIFIED;
  std::uint16_t count = 0;
  std::uint16_t* kinds = nullptr;
  if (TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) == 1 && count > 0) return kinds[0];
  return layout.colours == Colours::rgb && layout.samples == 4 ? EXTRASAMPLE_UNASSALPHA
                                                               : EXTRASAMPLE_UNSPECIFIED;
}

Layout layout_of(TIFF* tiff) {
  Layout layout;
  layout.width = tiff_field<std::uint32_t>(tiff, TIFFTAG_IMAGEWIDTH, 0);
  layout.height = tiff_field<std::uint32_t>(tiff, TIFFTAG_IMAGELENGTH, 0);
  layout.bits = tiff_field<std::uint16_t>(tiff, TIFFTAG_BITSPERSAMPLE, 1);
  layout.samples = tiff_field<std::uint16_t>(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
  layout.planes =
      tiff_field<std::uint16_t>(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE;
  const auto compression = tiff_field<std::uint16_t>(tiff, TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  if (compression == COMPRESSION_OJPEG) reject("with old-style JPEG compression");
  if (TIFFIsCODECConfigured(compression) == 0) reject("with compression " + compression_name(compression));
  layout.colours = colours_of(tiff, compression);
  layout.inverted =
      tiff_field<std::uint16_t>(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK) == PHOTOMETRIC_MINISWHITE;
  check_samples(tiff, layout);
  layout.alpha = alpha_of(tiff, layout);
  if (layout.alpha == EXTRASAMPLE_ASSOCALPHA && layout.bits > 8)
    reject("with premultiplied opacity of 16 bits");
  return layout;
}

/// One strip or tile in memory.
struct Block {
  const std::uint8_t* bytes;
  std::int64_t x, y, width, height;  ///< of its part inside the image
  std::int64_t row_bytes;
  std::int64_t plane;  ///< the sample that it holds; -1: all of them
};

/// The samples of a block's row one after the other: bytes, 16-bit numbers, or a stream of bits.
class RowSamples {
 public:
  RowSamples(const std::uint8_t* row, std::uint32_t bits) : row_(row), bits_(bits) {}

  std::uint32_t at(std::int64_t index) const {
    if (bits_ == 8) return row_[index];
    if (bits_ == 16) {
      std::uint16_t value = 0;
      std::memcpy(&value, row_ + 2 * index, 2);
      return value;
    }
    std::uint32_t value = 0;
    for (std::int64_t bit = index * bits_; bit < (index + 1) * bits_; ++bit)
      value = value << 1 | (row_[bit / 8] >> (7 - bit % 8) & 1u);
    return value;
  }

 private:
  const std::uint8_t* row_;
  std::uint32_t bits_;
};

void put(Raster& raster, std::int64_t y, std::int64_t index, std::uint32_t value) {
  if (raster.wide())
    raster.wide_row(y)[index] = static_cast<std::uint16_t>(value);
  else
    raster.row(y)[index] = static_cast<std::uint8_t>(value);
}

void take(const Block& block, const Layout& layout, Raster& raster) {
  const std::int64_t kept = raster.channels;
  const std::int64_t in_block = block.plane < 0 ? layout.samples : 1;
  for (std::int64_t y = 0; y < block.height; ++y) {
    const std::uint8_t* from = block.bytes + y * block.row_bytes;
    if (block.plane < 0 && layout.bits == 8 && in_block == kept) {
      std::memcpy(raster.row(block.y + y) + block.x * kept, from,
                  static_cast<std::size_t>(block.width * kept));
      continue;
    }
    const RowSamples samples(from, layout.bits);
    const std::int64_t first = block.plane < 0 ? 0 : block.plane, count = block.plane < 0 ? kept : 1;
    for (std::int64_t x = 0; x < block.width; ++x)
      for (std::int64_t s = 0; s < count; ++s)
        put(raster, block.y + y, (block.x + x) * kept + first + s, samples.at(x * in_block + s));
  }
}

void check_read(const TiffFile& file, tmsize_t got, tmsize_t expected) {
  if (got == expected) return;
  if (got >= 0 || file.error().empty()) throw ImageFault{"is truncated"};
  throw ImageFault{"is damaged: " + file.error() + " (libtiff)"};
}

void read_strips(TiffFile& file, const Layout& layout, Raster& raster) {
  TIFF* tiff = file.get();
  const std::int64_t rows = std::clamp<std::int64_t>(
      tiff_field<std::uint32_t>(tiff, TIFFTAG_ROWSPERSTRIP, 0xFFFFFFFFu), 1, layout.height);
  const std::int64_t planes = layout.planes ? raster.channels : 1;
  const std::int64_t in_plane = (layout.height + rows - 1) / rows;
  if (TIFFStripSize(tiff) <= 0) throw ImageFault{"is damaged: its strips have an impossible size"};
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(TIFFStripSize(tiff)));
  for (std::int64_t plane = 0; plane < planes; ++plane)
    for (std::int64_t strip = 0; strip < in_plane; ++strip) {
      const std::int64_t height = std::min(rows, layout.height - strip * rows);
      const tmsize_t size = TIFFVStripSize(tiff, static_cast<std::uint32_t>(height));
      check_read(file,
                 TIFFReadEncodedStrip(tiff, static_cast<std::uint32_t>(plane * in_plane + strip),
                                      bytes.data(), size),
                 size);
      take({bytes.data(), 0, strip * rows, layout.width, height, size / height, layout.planes ? plane : -1},
           layout, raster);
    }
}

void read_tiles(TiffFile& file, const Layout& layout, Raster& raster) {
  TIFF* tiff = file.get();
  const std::int64_t width = tiff_field<std::uint32_t>(tiff, TIFFTAG_TILEWIDTH, 0);
  const std::int64_t height = tiff_field<std::uint32_t>(tiff, TIFFTAG_TILELENGTH, 0);
  constexpr std::int64_t kLargestTile = std::int64_t{1} << 28;
  const tmsize_t size = TIFFTileSize(tiff);
  if (width <= 0 || height <= 0 || size <= 0 || size > kLargestTile)
    throw ImageFault{"is damaged: its tiles have an impossible size"};
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  std::uint32_t tile = 0;
  for (std::int64_t plane = 0; plane < (layout.planes ? raster.channels : 1); ++plane)
    for (std::int64_t y = 0; y < layout.height; y += height)
      for (std::int64_t x = 0; x < layout.width; x += width) {
        check_read(file, TIFFReadEncodedTile(tiff, tile++, bytes.data(), size), size);
        take({bytes.data(), x, y, std::min(width, layout.width - x), std::min(height, layout.height - y),
              TIFFTileRowSize(tiff), layout.planes ? plane : -1},
             layout, raster);
      }
}

/// Grey of 1, 2 or 4 bits to 8; white as zero turned round.
void scale_grey(Raster& raster, const Layout& layout) {
  const std::uint32_t largest = (1u << layout.bits) - 1, factor = layout.bits < 8 ? 255 / largest : 1;
  for (std::int64_t y = 0; y < raster.height; ++y)
    for (std::int64_t i = 0; i < raster.samples_per_row(); i += raster.channels) {
      const std::uint32_t value = raster.wide() ? raster.wide_row(y)[i] : raster.row(y)[i];
      put(raster, y, i, factor * (layout.inverted ? largest - value : value));
    }
}

Raster expand_palette(TIFF* tiff, Raster& indices, const Layout& layout, Permit& permit) {
  std::uint16_t *red = nullptr, *green = nullptr, *blue = nullptr;
  if (TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue) != 1)
    throw ImageFault{"is damaged: the TIFF has no palette"};
  Raster raster = permit.raster(indices.width, indices.height, 3);
  raster.mode = PixelMode::indexed;
  const std::int64_t step = indices.channels;
  for (std::int64_t y = 0; y < indices.height; ++y)
    for (std::int64_t x = 0; x < indices.width; ++x) {
      const std::uint32_t index = indices.row(y)[x * step] & ((1u << layout.bits) - 1);
      std::uint8_t* to = raster.row(y) + 3 * x;
      to[0] = static_cast<std::uint8_t>(red[index] >> 8);
      to[1] = static_cast<std::uint8_t>(green[index] >> 8);
      to[2] = static_cast<std::uint8_t>(blue[index] >> 8);
    }
  return raster;
}

Raster from_ink(Raster& ink, Permit& permit) {
  Raster raster = permit.raster(ink.width, ink.height, 3);
  for (std::int64_t i = 0; i < ink.width * ink.height; ++i)
    cmyk_to_rgb(ink.bytes.get() + 4 * i, raster.bytes.get() + 3 * i);
  return raster;
}

/// Colours that are multiplied by opacity, divided by it again as Pillow does it.
void divide_by_alpha(Raster& raster) {
  const std::int64_t step = raster.channels;
  for (std::int64_t i = 0; i < raster.width * raster.height; ++i) {
    std::uint8_t* pixel = raster.bytes.get() + step * i;
    const int alpha = pixel[step - 1];
    if (alpha == 255) continue;
    for (std::int64_t c = 0; c + 1 < step; ++c)
      pixel[c] = static_cast<std::uint8_t>(alpha == 0 ? 0 : std::min(pixel[c] * 255 / alpha, 255));
  }
}

Raster finished(TIFF* tiff, Raster raster, const Layout& layout, Permit& permit) {
  if (layout.colours == Colours::palette) return expand_palette(tiff, raster, layout, permit);
  if (layout.colours == Colours::cmyk) return from_ink(raster, permit);
  if (layout.colours == Colours::grey && (layout.inverted || layout.bits < 8)) scale_grey(raster, layout);
  if (layout.alpha == EXTRASAMPLE_ASSOCALPHA) divide_by_alpha(raster);
  if (layout.alpha != EXTRASAMPLE_UNSPECIFIED)
    raster.mode = PixelMode::alpha;
  else if (layout.bits == 1)
    raster.mode = PixelMode::indexed;
  return raster;
}

/// Whether another page follows that is no smaller copy of the first. A few pages tell.
bool has_more_pages(TIFF* tiff) {
  for (int i = 0; i < 4 && TIFFLastDirectory(tiff) == 0; ++i) {
    if (TIFFReadDirectory(tiff) != 1) return false;
    const auto kind = tiff_field<std::uint32_t>(tiff, TIFFTAG_SUBFILETYPE, 0);
    if ((kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) == 0) return true;
  }
  return false;
}

}  // namespace

Raster read_tiff(std::string_view bytes, Permit& permit) {
  TiffFile file(bytes);
  const Layout layout = layout_of(file.get());
  const int orientation = tiff_field<std::uint16_t>(file.get(), TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  if (orientation >= ORIENTATION_LEFTTOP)  // columns are rows
    permit.ask(layout.height, layout.width, 2 * layout.kept());
  else
    permit.ask(layout.width, layout.height, 2 * layout.kept());
  file.forget_messages();  // those about tags, which were read all the same
  Raster raster = permit.raster(layout.width, layout.height, layout.kept(),
                                layout.bits > 8 ? (1u << layout.bits) - 1 : 255);
  if (TIFFIsTiled(file.get()) != 0)
    read_tiles(file, layout, raster);
  else
    read_strips(file, layout, raster);
  raster = finished(file.get(), std::move(raster), layout, permit);
  raster.turned = orientation;
  raster.doubt = file.warning();
  raster.more_frames = has_more_pages(file.get());
  return raster;
}

}  // namespace res2clip
