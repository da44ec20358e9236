#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <jpeglib.h>
#include <memory>

#include "res2clip/core/error.hpp"
#include "res2clip/image/write.hpp"

namespace res2clip {
namespace {

/// One JPEG being written. libjpeg reports failures through fail(), which jumps back into write(): what runs
/// in between holds nothing that must be destroyed.
class JpegWriter {
 public:
  JpegWriter(const PixelRows& pixels, int quality) : pixels_(pixels), quality_(quality) {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = fail;
    errors_.output_message = [](j_common_ptr) {};
  }
  ~JpegWriter() {
    jpeg_destroy_compress(&info_);
    std::free(bytes_);  // libjpeg's, by malloc
  }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  std::string write() {
    if (setjmp(jump_) != 0) {
      bytes_ = nullptr;  // may be freed already
      throw runtime_error(std::string("a JPEG cannot be encoded: ") + fault_);
    }
    encode();
    return {reinterpret_cast<const char*>(bytes_), size_};
  }

 private:
  void encode() {
    jpeg_create_compress(&info_);
    jpeg_mem_dest(&info_, &bytes_, &size_);
    info_.image_width = static_cast<JDIMENSION>(pixels_.width);
    info_.image_height = static_cast<JDIMENSION>(pixels_.height);
    info_.input_components = 3;
    info_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info_);
    jpeg_set_quality(&info_, quality_, TRUE);
    info_.optimize_coding = TRUE;
    jpeg_start_compress(&info_, TRUE);
    while (info_.next_scanline < info_.image_height) {
      auto* row = const_cast<JSAMPROW>(pixels_.bytes + std::int64_t{info_.next_scanline} * pixels_.width * 3);
      jpeg_write_scanlines(&info_, &row, 1);
    }
    jpeg_finish_compress(&info_);
  }

  [[noreturn]] static void fail(j_common_ptr info) {
    auto* writer = static_cast<JpegWriter*>(info->client_data);
    info->err->format_message(info, writer->fault_);
    longjmp(writer->jump_, 1);
  }

  PixelRows pixels_;
  int quality_;
  jpeg_compress_struct info_{};
  jpeg_error_mgr errors_{};
  std::jmp_buf jump_{};
  char fault_[JMSG_LENGTH_MAX]{};
  unsigned char* bytes_ = nullptr;
  unsigned long size_ = 0;
};

}  // namespace

std::string encode_jpeg(const PixelRows& pixels, int quality) {
  if (pixels.bytes == nullptr || pixels.width <= 0 || pixels.height <= 0 || pixels.channels != 3 ||
      pixels.width > JPEG_MAX_DIMENSION || pixels.height > JPEG_MAX_DIMENSION)
    throw data_error("encode_jpeg: the pixels must be RGB, with 1 to " + std::to_string(JPEG_MAX_DIMENSION) +
                     " in each row and column");
  if (quality < 1 || quality > 100) throw settings_error("encode_jpeg: the quality must be from 1 to 100");
  return JpegWriter(pixels, quality).write();
}

}  // namespace res2clip
