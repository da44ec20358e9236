#include <cstring>
#include <memory>
#include <webp/decode.h>
#include <webp/demux.h>

#include "byte_reader.hpp"
#include "exif.hpp"

namespace res2clip {
namespace {

const std::uint8_t* data_of(std::string_view bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

[[noreturn]] void fail(VP8StatusCode status) {
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) throw ImageFault{"is truncated"};
  if (status == VP8_STATUS_OUT_OF_MEMORY) throw ImageFault{"cannot be decoded: out of memory"};
  throw ImageFault{"is damaged: libwebp cannot decode it (status " + std::to_string(status) + ")"};
}

struct DeleteDemuxer {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
struct DeleteAnimation {
  void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};

/// The first frame, on its canvas; returns whether there are more.
bool decode_first_frame(const WebPData& data, Raster& raster) {
  WebPAnimDecoderOptions options;
  if (WebPAnimDecoderOptionsInit(&options) == 0) throw ImageFault{"cannot be decoded: libwebp does not fit"};
  options.color_mode = MODE_RGBA;
  const std::unique_ptr<WebPAnimDecoder, DeleteAnimation> decoder(WebPAnimDecoderNew(&data, &options));
  std::uint8_t* frame = nullptr;
  int time = 0;
  if (!decoder || WebPAnimDecoderGetNext(decoder.get(), &frame, &time) == 0)
    throw ImageFault{"is damaged: libwebp cannot decode its first frame"};
  std::memcpy(raster.bytes.get(), frame, static_cast<std::size_t>(raster.height * raster.samples_per_row()));
  return WebPAnimDecoderHasMoreFrames(decoder.get()) != 0;
}

void decode_still(std::string_view bytes, const WebPBitstreamFeatures& features, Raster& raster) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) throw ImageFault{"cannot be decoded: libwebp does not fit"};
  config.output.colorspace = features.has_alpha != 0 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = raster.bytes.get();
  config.output.u.RGBA.stride = static_cast<int>(raster.samples_per_row());
  config.output.u.RGBA.size = static_cast<std::size_t>(raster.height * raster.samples_per_row());
  if (const VP8StatusCode status = WebPDecode(data_of(bytes), bytes.size(), &config); status != VP8_STATUS_OK)
    fail(status);
}

int orientation_of(const WebPData& data) {
  const std::unique_ptr<WebPDemuxer, DeleteDemuxer> demuxer(WebPDemux(&data));
  WebPChunkIterator chunk;
  if (!demuxer || WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk) == 0) return 1;
  std::string_view exif(reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size);
  if (constexpr std::string_view kJpegs("Exif\0\0", 6); exif.starts_with(kJpegs))
    exif.remove_prefix(kJpegs.size());
  const int orientation = exif_orientation(exif);
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

}  // namespace

Raster read_webp(std::string_view bytes, Permit& permit) {
  const ByteReader reader(bytes, false);
  reader.text(8, reader.u32(4));  // the size that the container claims
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(data_of(bytes), bytes.size(), &features);
  if (status != VP8_STATUS_OK) fail(status);
  const bool animated = features.has_animation != 0;
  permit.ask(features.width, features.height, animated ? 12 : 4);
  Raster raster = permit.raster(features.width, features.height, features.has_alpha != 0 || animated ? 4 : 3);
  if (features.has_alpha != 0) raster.mode = PixelMode::alpha;
  const WebPData data{data_of(bytes), bytes.size()};
  if (animated)
    raster.more_frames = decode_first_frame(data, raster);
  else
    decode_still(bytes, features, raster);
  raster.orientation = orientation_of(data);
  return raster;
}

}  // namespace res2clip
