// PBM, PGM and PPM by hand: their own library is not packaged, and the formats are a header and numbers.
#include <algorithm>
#include <cctype>

#include "byte_reader.hpp"

namespace res2clip {
namespace {

/// Numbers in text, apart by white space and comments.
class PnmText {
 public:
  explicit PnmText(std::string_view bytes) : bytes_(bytes) {}

  std::uint32_t number() {
    skip_blanks();
    if (at_ == bytes_.size()) throw ImageFault{"is truncated"};
    std::uint32_t value = 0;
    std::size_t digits = 0;
    for (; at_ < bytes_.size() && std::isdigit(static_cast<unsigned char>(bytes_[at_])) != 0; ++at_, ++digits)
      if (digits < 9) value = 10 * value + static_cast<std::uint32_t>(bytes_[at_] - '0');
    if (digits == 0 || digits > 9)
      throw ImageFault{"is damaged: its PNM text holds no number where one belongs"};
    return value;
  }

  /// A digit of a plain bitmap, which needs no space around it.
  std::uint32_t bit() {
    skip_blanks();
    if (at_ == bytes_.size()) throw ImageFault{"is truncated"};
    const char digit = bytes_[at_++];
    if (digit != '0' && digit != '1') throw ImageFault{"is damaged: a PBM's pixels are 0 and 1"};
    return static_cast<std::uint32_t>(digit - '0');
  }

  /// Where the pixels of a binary file begin: behind one blank.
  std::size_t pixels() const { return at_ + 1; }

 private:
  void skip_blanks() {
    while (at_ < bytes_.size()) {
      if (bytes_[at_] == '#')
        at_ = std::min(bytes_.find_first_of("\r\n", at_), bytes_.size());
      else if (std::isspace(static_cast<unsigned char>(bytes_[at_])) != 0)
        ++at_;
      else
        return;
    }
  }

  std::string_view bytes_;
  std::size_t at_ = 2;
};

struct PnmHead {
  char kind = '5';  ///< of the magic number
  std::int64_t width = 0, height = 0, channels = 1;
  std::uint32_t largest = 1;

  bool plain() const { return kind <= '3'; }
  bool bilevel() const { return kind == '1' || kind == '4'; }
};

PnmHead read_head(std::string_view bytes, PnmText& text) {
  PnmHead head;
  head.kind = bytes[1];
  head.width = text.number();
  head.height = text.number();
  if (!head.bilevel()) head.largest = text.number();
  if (head.largest == 0 || head.largest > 65535)
    throw ImageFault{"is damaged: its largest value is not in 1 .. 65535"};
  head.channels = head.kind == '3' || head.kind == '6' ? 3 : 1;
  return head;
}

void store(Raster& raster, const PnmHead& head, std::int64_t y, std::int64_t i, std::uint32_t value) {
  if (value > head.largest) throw ImageFault{"is damaged: a value is larger than its header allows"};
  if (raster.wide())
    raster.wide_row(y)[i] = static_cast<std::uint16_t>(value);
  else if (head.bilevel())
    raster.row(y)[i] = value != 0 ? 0 : 255;
  else
    raster.row(y)[i] = rounded_byte(value, head.largest);
}

void read_plain(Raster& raster, const PnmHead& head, PnmText& text) {
  for (std::int64_t y = 0; y < raster.height; ++y)
    for (std::int64_t i = 0; i < raster.samples_per_row(); ++i)
      store(raster, head, y, i, head.bilevel() ? text.bit() : text.number());
}

void read_binary(Raster& raster, const PnmHead& head, std::string_view pixels) {
  const std::int64_t samples = raster.samples_per_row(), size = raster.wide() ? 2 : 1;
  const auto stride = static_cast<std::uint64_t>(head.bilevel() ? (raster.width + 7) / 8 : samples * size);
  const ByteReader reader(pixels, true);
  for (std::int64_t y = 0; y < raster.height; ++y) {
    const std::string_view row = reader.text(static_cast<std::uint64_t>(y) * stride, stride);
    const auto byte = [&row](std::int64_t at) {
      return std::uint32_t{static_cast<unsigned char>(row[static_cast<std::size_t>(at)])};
    };
    for (std::int64_t i = 0; i < samples; ++i) {
      if (head.bilevel())
        store(raster, head, y, i, byte(i / 8) >> (7 - i % 8) & 1);
      else
        store(raster, head, y, i, raster.wide() ? byte(2 * i) << 8 | byte(2 * i + 1) : byte(i));
    }
  }
}

}  // namespace

Raster read_pnm(std::string_view bytes, Permit& permit) {
  PnmText text(bytes);
  const PnmHead head = read_head(bytes, text);
  permit.ask(head.width, head.height, head.largest > 255 ? 2 * head.channels : 0);
  Raster raster =
      permit.raster(head.width, head.height, head.channels, head.largest > 255 ? head.largest : 255);
  if (head.bilevel()) raster.mode = PixelMode::indexed;
  raster.rounds = raster.wide();
  if (head.plain())
    read_plain(raster, head, text);
  else
    read_binary(raster, head, bytes.substr(std::min(text.pixels(), bytes.size())));
  return raster;
}

}  // namespace res2clip
