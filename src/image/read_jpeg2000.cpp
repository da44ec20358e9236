#include <algorithm>
#include <cstring>
#include <memory>
#include <openjpeg.h>

#include "raster.hpp"

namespace res2clip {
namespace {

struct Memory {
  std::string_view bytes;
  std::size_t at = 0;
};

OPJ_SIZE_T give_bytes(void* to, OPJ_SIZE_T size, void* self) {
  auto& memory = *static_cast<Memory*>(self);
  const std::size_t count = std::min(size, memory.bytes.size() - memory.at);
  if (count == 0) return static_cast<OPJ_SIZE_T>(-1);
  std::memcpy(to, memory.bytes.data() + memory.at, count);
  memory.at += count;
  return count;
}

OPJ_OFF_T skip(OPJ_OFF_T size, void* self) {
  auto& memory = *static_cast<Memory*>(self);
  const auto left = static_cast<OPJ_OFF_T>(memory.bytes.size() - memory.at);
  if (size < 0 || size > left) return -1;
  memory.at += static_cast<std::size_t>(size);
  return size;
}

OPJ_BOOL seek(OPJ_OFF_T at, void* self) {
  auto& memory = *static_cast<Memory*>(self);
  if (at < 0 || static_cast<std::size_t>(at) > memory.bytes.size()) return OPJ_FALSE;
  memory.at = static_cast<std::size_t>(at);
  return OPJ_TRUE;
}

void keep_message(const char* text, void* self) {
  auto& kept = *static_cast<std::string*>(self);
  if (!kept.empty()) return;
  kept = text;
  while (!kept.empty() && kept.back() == '\n') kept.pop_back();
}

struct Delete {
  void operator()(opj_codec_t* codec) const { opj_destroy_codec(codec); }
  void operator()(opj_image_t* image) const { opj_image_destroy(image); }
};
struct DeleteStream {
  void operator()(opj_stream_t* stream) const { opj_stream_destroy(stream); }
};
using Stream = std::unique_ptr<opj_stream_t, DeleteStream>;

Stream stream_of(Memory& memory) {
  Stream stream(opj_stream_default_create(OPJ_TRUE));
  opj_stream_set_user_data(stream.get(), &memory, nullptr);
  opj_stream_set_user_data_length(stream.get(), memory.bytes.size());
  opj_stream_set_read_function(stream.get(), give_bytes);
  opj_stream_set_skip_function(stream.get(), skip);
  opj_stream_set_seek_function(stream.get(), seek);
  return stream;
}

[[noreturn]] void reject(const std::string& what) {
  throw ImageFault{"is a JPEG 2000 image " + what + ", which is not supported; convert it to PNG"};
}

void check_components(const opj_image_t& image) {
  if (image.numcomps < 1 || image.numcomps > 4)
    reject("with " + std::to_string(image.numcomps) + " components");
  for (OPJ_UINT32 c = 0; c < image.numcomps; ++c) {
    const opj_image_comp_t& component = image.comps[c];
    if (component.dx != 1 || component.dy != 1) reject("with components of different sizes");
    if (component.sgnd != 0) reject("with signed numbers");
    if (component.prec < 8 || component.prec > 16 || component.prec != image.comps[0].prec)
      reject("with " + std::to_string(component.prec) + " bits a sample");
  }
  if (image.color_space == OPJ_CLRSPC_SYCC || image.color_space == OPJ_CLRSPC_EYCC ||
      image.color_space == OPJ_CLRSPC_CMYK)
    reject("in other colours than grey or RGB");
}

class Jpeg2000File {
 public:
  explicit Jpeg2000File(std::string_view bytes)
      : memory_{bytes, 0},
        stream_(stream_of(memory_)),
        codec_(opj_create_decompress(bytes[0] == '\0' ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K)) {
    opj_set_error_handler(codec_.get(), keep_message, &message_);
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    require(opj_setup_decoder(codec_.get(), &parameters));
  }

  Raster read(Permit& permit) {
    opj_image_t* image = nullptr;
    require(opj_read_header(stream_.get(), codec_.get(), &image));
    image_.reset(image);
    const std::int64_t width = std::int64_t{image->x1} - image->x0,
                       height = std::int64_t{image->y1} - image->y0;
    permit.ask(width, height, 6 * std::int64_t{image->numcomps});
    check_components(*image);
    require(opj_decode(codec_.get(), stream_.get(), image));
    require(opj_end_decompress(codec_.get(), stream_.get()));
    check_components(*image);  // a palette adds some
    Raster raster = permit.raster(width, height, image->numcomps, (1u << image->comps[0].prec) - 1);
    if (image->numcomps % 2 == 0) raster.mode = PixelMode::alpha;
    for (OPJ_UINT32 c = 0; c < image->numcomps; ++c) copy(image->comps[c], c, raster);
    return raster;
  }

 private:
  void require(OPJ_BOOL done) const {
    if (done == OPJ_TRUE) return;
    throw ImageFault{"is damaged or truncated" + (message_.empty() ? "" : ": " + message_ + " (OpenJPEG)")};
  }

  static void copy(const opj_image_comp_t& component, OPJ_UINT32 channel, Raster& raster) {
    if (component.data == nullptr || component.w != raster.width || component.h != raster.height)
      throw ImageFault{"is damaged: its header and its pixels disagree about the size"};
    for (std::int64_t y = 0; y < raster.height; ++y)
      for (std::int64_t x = 0; x < raster.width; ++x) {
        const OPJ_INT32 value = component.data[y * raster.width + x];
        const std::int64_t at = x * raster.channels + channel;
        if (raster.wide())
          raster.wide_row(y)[at] = static_cast<std::uint16_t>(value);
        else
          raster.row(y)[at] = static_cast<std::uint8_t>(value);
      }
  }

  Memory memory_;
  std::string message_;
  Stream stream_;
  std::unique_ptr<opj_codec_t, Delete> codec_;
  std::unique_ptr<opj_image_t, Delete> image_;
};

}  // namespace

Raster read_jpeg2000(std::string_view bytes, Permit& permit) {
  return Jpeg2000File(bytes).read(permit);
}

}  // namespace res2clip
