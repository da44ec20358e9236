#include <csetjmp>
#include <cstdio>
#include <vector>

// The second needs the first.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "exif.hpp"
#include "raster.hpp"

namespace res2clip {
namespace {

/// Progressive files of cameras and encoders have about ten scans; each costs a pass over all pixels.
constexpr int kMostScans = 64;
constexpr JOCTET kEndOfImage[] = {0xFF, JPEG_EOI};

/// One file being read. libjpeg reports what it cannot read through fail(), which jumps back into attempt():
/// steps hold nothing that must be destroyed. What it can read over it reports through warn().
class JpegFile {
 public:
  explicit JpegFile(std::string_view bytes) : bytes_(bytes) {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = fail;
    errors_.emit_message = warn;
    errors_.output_message = [](j_common_ptr) {};
    attempt(&JpegFile::create);
  }
  ~JpegFile() { jpeg_destroy_decompress(&info_); }
  JpegFile(const JpegFile&) = delete;
  JpegFile& operator=(const JpegFile&) = delete;

  Raster read(Permit& permit) {
    attempt(&JpegFile::read_head);
    if (info_.num_components != 1 && info_.num_components != 3 && info_.num_components != 4)
      throw ImageFault{"is a JPEG with " + std::to_string(info_.num_components) +
                       " colour components; convert it to RGB"};
    const int orientation = exif();  // the markers go with jpeg_finish_decompress()
    const bool all_at_once = jpeg_has_multiple_scans(&info_) != 0;  // which keeps all coefficients
    permit.ask(info_.image_width, info_.image_height, all_at_once ? 2 * info_.num_components : 0);
    const bool grey = info_.num_components == 1, ink = info_.num_components == 4;
    info_.out_color_space = grey ? JCS_GRAYSCALE : ink ? JCS_CMYK : JCS_RGB;
    Raster raster = permit.raster(info_.image_width, info_.image_height, grey ? 1 : 3);
    if (ink) ink_row_.resize(4 * info_.image_width);
    raster_ = &raster;
    attempt(&JpegFile::read_pixels);
    raster.orientation = orientation;
    raster.doubt = doubt_;
    return raster;
  }

  /// The data ended before the end marker.
  bool ran_out() const { return ran_out_; }
  /// What was damaged so that pixels are wrong; empty: nothing.
  const std::string& damage() const { return damage_; }

 private:
  void attempt(void (JpegFile::*step)()) {
    if (setjmp(jump_) != 0) throw ImageFault{fault_};
    (this->*step)();
  }

  void create() {
    jpeg_create_decompress(&info_);
    source_.init_source = [](j_decompress_ptr) {};
    source_.term_source = [](j_decompress_ptr) {};
    source_.fill_input_buffer = run_out;
    source_.skip_input_data = skip;
    source_.resync_to_restart = jpeg_resync_to_restart;
    source_.next_input_byte = reinterpret_cast<const JOCTET*>(bytes_.data());
    source_.bytes_in_buffer = bytes_.size();
    info_.src = &source_;
    progress_.progress_monitor = count_scans;
    info_.progress = &progress_;
    jpeg_save_markers(&info_, JPEG_APP0 + 1, 0xFFFF);
  }

  void read_head() { jpeg_read_header(&info_, TRUE); }

  void read_pixels() {
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      const std::int64_t y = info_.output_scanline;
      JSAMPROW row = ink_row_.empty() ? raster_->row(y) : ink_row_.data();
      jpeg_read_scanlines(&info_, &row, 1);
      if (!ink_row_.empty()) from_ink(raster_->row(y));
    }
    if (lacks_scans() && doubt_.empty()) doubt_ = "its last scans are missing, which refine the image";
    jpeg_finish_decompress(&info_);
  }

  /// Of a progressive file: whether a coefficient is not there to its last bit.
  bool lacks_scans() const {
    if (info_.progressive_mode == FALSE || info_.coef_bits == nullptr) return false;
    for (int c = 0; c < info_.num_components; ++c)
      for (int i = 0; i < DCTSIZE2; ++i)
        if (info_.coef_bits[c][i] != 0) return true;
    return false;
  }

  /// CMYK in a JPEG is inverted: Adobe's convention, which Pillow takes all such files to follow.
  void from_ink(std::uint8_t* rgb) {
    for (std::size_t x = 0; x < ink_row_.size(); x += 4) {
      for (std::size_t c = 0; c < 4; ++c) ink_row_[x + c] = static_cast<JSAMPLE>(255 - ink_row_[x + c]);
      cmyk_to_rgb(&ink_row_[x], rgb);
      rgb += 3;
    }
  }

  int exif() const {
    constexpr std::string_view kExif("Exif\0\0", 6);
    for (const auto* marker = info_.marker_list; marker != nullptr; marker = marker->next) {
      const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
      if (data.starts_with(kExif)) return exif_orientation(data.substr(kExif.size()));
    }
    return 1;
  }

  static JpegFile& of(j_common_ptr info) { return *static_cast<JpegFile*>(info->client_data); }
  static JpegFile& of(j_decompress_ptr info) { return *static_cast<JpegFile*>(info->client_data); }

  std::string message() {
    char text[JMSG_LENGTH_MAX];
    errors_.format_message(reinterpret_cast<j_common_ptr>(&info_), text);
    return text;
  }

  [[noreturn]] static void fail(j_common_ptr info) {
    JpegFile& file = of(info);
    file.keep_fault();
    std::longjmp(file.jump_, 1);
  }
  void keep_fault() {
    if (!fault_.empty()) return;
    constexpr int kJpegLs = 0xF7;  // the marker of a JPEG-LS frame
    if (errors_.msg_code == JERR_SOF_UNSUPPORTED)
      fault_ = "is a lossless or hierarchical JPEG, which is not supported; convert it to PNG";
    else if (errors_.msg_code == JERR_UNKNOWN_MARKER && errors_.msg_parm.i[0] == kJpegLs)
      fault_ = "is a JPEG-LS image, which is not supported; convert it to PNG";
    else if (errors_.msg_code == JERR_BAD_PRECISION)
      fault_ = "is a JPEG with " + std::to_string(errors_.msg_parm.i[0]) + " bits; convert it to 8 bits";
    else if (ran_out_)
      fault_ = "is truncated";
    else
      fault_ = "is damaged, or a kind of JPEG that is not supported: " + message() + " (libjpeg)";
  }

  static void warn(j_common_ptr info, int level) {
    if (level < 0) of(info).keep_warning();
  }
  void keep_warning() {
    switch (errors_.msg_code) {
      case JWRN_HIT_MARKER:
      case JWRN_HUFF_BAD_CODE:
      case JWRN_ARITH_BAD_CODE:
      case JWRN_MUST_RESYNC:
        if (damage_.empty()) damage_ = "is damaged: " + message() + " (libjpeg)";
        break;
      case JWRN_EXTRANEOUS_DATA:
      case JWRN_BOGUS_PROGRESSION:
      case JWRN_NOT_SEQUENTIAL:
        if (doubt_.empty()) doubt_ = message();
        break;
      default:  // about headers; the pixels are right
        break;
    }
  }

  static boolean run_out(j_decompress_ptr info) {
    JpegFile& file = of(info);
    file.ran_out_ = true;
    file.source_.next_input_byte = kEndOfImage;
    file.source_.bytes_in_buffer = sizeof kEndOfImage;
    return TRUE;
  }
  static void skip(j_decompress_ptr info, long count) {
    JpegFile& file = of(info);
    const auto size = static_cast<std::size_t>(count < 0 ? 0 : count);
    if (size > file.source_.bytes_in_buffer) {
      run_out(info);
      return;
    }
    file.source_.next_input_byte += size;
    file.source_.bytes_in_buffer -= size;
  }

  static void count_scans(j_common_ptr info) {
    JpegFile& file = of(info);
    if (file.info_.input_scan_number <= kMostScans) return;
    file.fault_ = "is a JPEG with more than " + std::to_string(kMostScans) + " scans; save it again";
    std::longjmp(file.jump_, 1);
  }

  std::string_view bytes_;
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_source_mgr source_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_{};
  Raster* raster_ = nullptr;
  std::vector<JSAMPLE> ink_row_;
  bool ran_out_ = false;
  std::string fault_, damage_, doubt_;
};

/// The file with an end marker in place of zeros that fill it up; one zero may belong to the data.
std::string without_padding(std::string_view bytes) {
  std::string whole(bytes.substr(0, bytes.find_last_not_of('\0') + 1));
  whole += '\0';
  whole.append(reinterpret_cast<const char*>(kEndOfImage), sizeof kEndOfImage);
  return whole;
}

}  // namespace

// libjpeg itself fills what a truncated file lacks with grey, and reads zeros behind a truncated file as
// pixels. A file that is padded with zeros, without an end marker, is whole if it is so without the padding.
Raster read_jpeg(std::string_view bytes, Permit& permit) {
  {
    JpegFile file(bytes);
    Raster raster = file.read(permit);
    if (!file.ran_out()) {
      if (!file.damage().empty()) throw ImageFault{file.damage()};
      return raster;
    }
  }
  if (bytes.back() != '\0') throw ImageFault{"is truncated"};
  const std::string unpadded = without_padding(bytes);
  JpegFile file(unpadded);
  Raster raster = file.read(permit);
  if (file.ran_out() || !file.damage().empty()) throw ImageFault{"is truncated"};
  raster.doubt.clear();  // it is about the zero that was left
  return raster;
}

}  // namespace res2clip
