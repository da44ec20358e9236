#include "tiff_file.hpp"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>

#include "raster.hpp"

namespace res2clip {
namespace {

std::string formatted(const char* format, va_list values) {
  std::array<char, 300> text{};
  std::vsnprintf(text.data(), text.size(), format, values);
  return text.data();
}

struct FreeOptions {
  void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
};

}  // namespace

TiffFile::TiffFile(std::string_view bytes) : bytes_(bytes) {
  const std::unique_ptr<TIFFOpenOptions, FreeOptions> options(TIFFOpenOptionsAlloc());
  constexpr tmsize_t kLargestAllocation = tmsize_t{1} << 30;
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kLargestAllocation);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_error, this);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), keep_warning, this);
  const auto write = [](thandle_t, void*, tmsize_t) -> tmsize_t { return 0; };
  const auto close = [](thandle_t) { return 0; };
  const auto size = [](thandle_t self) -> toff_t { return static_cast<TiffFile*>(self)->bytes_.size(); };
  const auto unmap = [](thandle_t, void*, toff_t) {};
  tiff_ = TIFFClientOpenExt("image", "r", this, read, write, seek, close, size, map, unmap, options.get());
  if (tiff_ == nullptr)
    throw ImageFault{error_.empty() ? "is damaged: libtiff finds no image in it"
                                    : "is damaged or truncated: " + error_ + " (libtiff)"};
}

TiffFile::~TiffFile() {
  TIFFClose(tiff_);
}

void TiffFile::forget_messages() {
  error_.clear();
  warning_.clear();
}

int TiffFile::keep_error(TIFF*, void* self, const char*, const char* format, va_list values) {
  auto& error = static_cast<TiffFile*>(self)->error_;
  if (error.empty()) error = formatted(format, values);
  return 1;  // handled
}

int TiffFile::keep_warning(TIFF*, void* self, const char*, const char* format, va_list values) {
  auto& warning = static_cast<TiffFile*>(self)->warning_;
  if (warning.empty()) warning = formatted(format, values);
  return 1;
}

tmsize_t TiffFile::read(thandle_t self, void* to, tmsize_t size) {
  auto& file = *static_cast<TiffFile*>(self);
  const std::uint64_t left = file.bytes_.size() - std::min<std::uint64_t>(file.at_, file.bytes_.size());
  const auto count =
      static_cast<std::size_t>(std::min<std::uint64_t>(left, static_cast<std::uint64_t>(size)));
  std::memcpy(to, file.bytes_.data() + (file.bytes_.size() - left), count);
  file.at_ += count;
  return static_cast<tmsize_t>(count);
}

toff_t TiffFile::seek(thandle_t self, toff_t offset, int from) {
  auto& file = *static_cast<TiffFile*>(self);
  file.at_ = offset + (from == SEEK_SET ? 0 : from == SEEK_CUR ? file.at_ : file.bytes_.size());
  return file.at_;
}

int TiffFile::map(thandle_t self, void** base, toff_t* size) {
  auto& file = *static_cast<TiffFile*>(self);
  *base = const_cast<char*>(file.bytes_.data());  // which libtiff only reads
  *size = file.bytes_.size();
  return 1;
}

}  // namespace res2clip
