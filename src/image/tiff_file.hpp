#pragma once

#include <string>
#include <string_view>
#include <tiffio.h>

namespace res2clip {

/// A TIFF in memory, open for reading with libtiff, whose messages are kept instead of printed.
class TiffFile {
 public:
  /// Throws an ImageFault where libtiff finds no first page.
  explicit TiffFile(std::string_view bytes);
  ~TiffFile();
  TiffFile(const TiffFile&) = delete;
  TiffFile& operator=(const TiffFile&) = delete;

  TIFF* get() { return tiff_; }

  /// libtiff's first error and first warning since forget_messages(); empty: none.
  const std::string& error() const { return error_; }
  const std::string& warning() const { return warning_; }
  void forget_messages();

 private:
  static int keep_error(TIFF* tiff, void* self, const char* module, const char* format, va_list values);
  static int keep_warning(TIFF* tiff, void* self, const char* module, const char* format, va_list values);
  static tmsize_t read(thandle_t self, void* to, tmsize_t size);
  static toff_t seek(thandle_t self, toff_t offset, int from);
  static int map(thandle_t self, void** base, toff_t* size);

  std::string_view bytes_;
  std::uint64_t at_ = 0;
  std::string error_, warning_;
  TIFF* tiff_ = nullptr;
};

/// A tag's value, or `otherwise` if the page has no such tag.
template <class Value>
Value tiff_field(TIFF* tiff, std::uint32_t tag, Value otherwise) {
  Value value{};
  return TIFFGetField(tiff, tag, &value) == 1 ? value : otherwise;
}

}  // namespace res2clip
