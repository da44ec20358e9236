#include "res2clip/image/file_kinds.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace res2clip {
namespace {

using std::string_view_literals::operator""sv;
namespace fs = std::filesystem;

constexpr std::size_t kFirstBytes = 512;

struct Signature {
  std::string_view bytes;
  ImageFormat format;
};
constexpr Signature kSignatures[] = {
    {"\x89PNG\r\n\x1a\n"sv, ImageFormat::png},
    {"\xff\xd8\xff"sv, ImageFormat::jpeg},
    {"BM"sv, ImageFormat::bmp},
    {"II*\0"sv, ImageFormat::tiff},
    {"MM\0*"sv, ImageFormat::tiff},
    {"II+\0"sv, ImageFormat::tiff},
    {"MM\0+"sv, ImageFormat::tiff},
    {"GIF87a"sv, ImageFormat::gif},
    {"GIF89a"sv, ImageFormat::gif},
    {"\0\0\0\x0cjP  \r\n\x87\n"sv, ImageFormat::jpeg2000},
    {"\xff\x4f\xff\x51"sv, ImageFormat::jpeg2000},
};

/// A bitmap without the file header: the header's size, then width and height, then 1 plane.
bool is_dib(std::string_view bytes) {
  constexpr std::array<char, 6> kSizes{12, 40, 52, 56, 108, 124};
  if (bytes.size() < 16 || std::find(kSizes.begin(), kSizes.end(), bytes[0]) == kSizes.end()) return false;
  return bytes.substr(1, 3) == "\0\0\0"sv && bytes.substr(bytes[0] == 12 ? 8 : 12, 2) == "\1\0"sv;
}

/// P1 .. P6 and white space.
bool is_pnm(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
         (std::isspace(static_cast<unsigned char>(bytes[2])) != 0 || bytes[2] == '#');
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return result;
}

std::string convert(const char* name) {
  return std::string("is ") + name + ", a format that is not read here; convert it to PNG";
}

/// The brand of an ISO media file, behind "ftyp".
std::optional<NotAnImage> media_file(std::string_view bytes) {
  if (bytes.size() < 12 || bytes.substr(4, 4) != "ftyp") return {};
  const std::string_view brand = bytes.substr(8, 4);
  if (brand == "avif" || brand == "avis") return NotAnImage{"AVIF", convert("AVIF")};
  for (const std::string_view heic : {"heic"sv, "heix"sv, "hevc"sv, "heim"sv, "heis"sv, "mif1"sv, "msf1"sv})
    if (brand == heic) return NotAnImage{"HEIC", convert("HEIC")};
  return NotAnImage{"video", "is a video (or another ISO media file), not an image"};
}

/// PNG's signature holds line ends, which programs that take the file for text change.
std::optional<NotAnImage> mangled_png(std::string_view bytes) {
  if (!bytes.starts_with("\x89PNG") && !bytes.starts_with("\tPNG\r")) return {};
  return NotAnImage{"damaged PNG",
                    "is a PNG damaged by a transfer as text (FTP, git); copy it again in binary mode"};
}

std::optional<NotAnImage> text_file(std::string_view bytes) {
  if (bytes.starts_with("version https://git-lfs"))
    return NotAnImage{"Git LFS pointer", "is a Git LFS pointer, not the image itself; run `git lfs pull`"};
  const std::size_t begin = bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  const std::string start = lower(bytes.substr(std::min(begin, bytes.size()), 256));
  if (start.starts_with("<svg") || (start.starts_with("<?xml") && start.find("<svg") != std::string::npos))
    return NotAnImage{"SVG", convert("SVG")};
  if (start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<head"))
    return NotAnImage{"web page",
                      "is a web page (HTML) saved under an image's name; download the image again"};
  const std::string_view text = bytes.substr(bytes.starts_with("\xef\xbb\xbf") ? 3 : 0);
  const auto high = std::count_if(text.begin(), text.end(), [](unsigned char byte) { return byte >= 0x80; });
  const bool printable = 2 * high < static_cast<std::ptrdiff_t>(text.size()) &&
                         std::all_of(text.begin(), text.end(), [](unsigned char byte) {
                           return byte >= 0x20 || byte == '\t' || byte == '\r' || byte == '\n';
                         });
  if (printable) return NotAnImage{"text", "is text, not an image"};
  return {};
}

std::optional<NotAnImage> other_format(std::string_view bytes) {
  struct Other {
    std::string_view bytes;
    const char* name;
  };
  static constexpr Other kOthers[] = {
      {"\0\0\0\x0cJXL \r\n\x87\n"sv, "JPEG XL"},
      {"\xff\x0a"sv, "JPEG XL"},
      {"8BPS"sv, "a Photoshop file"},
      {"%PDF"sv, "PDF"},
      {"\x76\x2f\x31\x01"sv, "OpenEXR"},
      {"P7\n"sv, "PAM"},
      {"Pf\n"sv, "PFM"},
      {"PF\n"sv, "PFM"},
      {"\0\0\1\0"sv, "an icon (ICO)"},
      {"DDS "sv, "DDS"},
      {"\x93NUMPY"sv, "a NumPy array"},
      {"SIMPLE  ="sv, "FITS"},
      {"PK\3\4"sv, "a ZIP archive"},
  };
  for (const Other& other : kOthers)
    if (bytes.starts_with(other.bytes)) return NotAnImage{other.name, convert(other.name)};
  return {};
}

/// What the file system says without opening the file.
std::optional<NotAnImage> by_type(const Path& path) {
  std::error_code failed;
  const fs::file_status link = fs::symlink_status(path, failed), status = fs::status(path, failed);
  if (fs::is_symlink(link) && !fs::exists(status)) {
    const std::string target = fs::read_symlink(path, failed).string();
    return NotAnImage{"dangling link",
                      "is a link to " + target +
                          ", which does not exist; fetch the data (git annex get, dvc pull) or "
                          "mend the link"};
  }
  if (fs::is_directory(status)) return NotAnImage{"subfolder", "is a folder, not an image"};
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_fifo(status))
    return NotAnImage{"device", "is a device or socket, not an image"};
  return {};
}

}  // namespace

std::optional<ImageFormat> image_format(std::string_view first_bytes) {
  for (const Signature& signature : kSignatures)
    if (first_bytes.starts_with(signature.bytes)) return signature.format;
  if (first_bytes.starts_with("RIFF") && first_bytes.substr(0, 12).ends_with("WEBP"))
    return ImageFormat::webp;
  if (is_pnm(first_bytes)) return ImageFormat::pnm;
  if (is_dib(first_bytes)) return ImageFormat::dib;
  return {};
}

std::string_view image_format_names() {
  return "PNG, JPEG, BMP, TIFF, WebP, GIF, PGM/PPM, JPEG 2000";
}

std::span<const std::string_view> image_suffixes() {
  static constexpr std::string_view kSuffixes[] = {".png", ".jpg", ".jpeg", ".jpe",  ".jfif", ".bmp",
                                                   ".dib", ".tif", ".tiff", ".webp", ".gif",  ".pgm",
                                                   ".ppm", ".pnm", ".pbm",  ".jp2",  ".j2k"};
  return kSuffixes;
}

bool has_image_suffix(const Path& path) {
  const std::string suffix = lower(path.extension().string());
  const auto suffixes = image_suffixes();
  return std::find(suffixes.begin(), suffixes.end(), suffix) != suffixes.end();
}

std::optional<NotAnImage> why_left_out(const Path& path) {
  const std::string name = path.filename().string(), small = lower(name);
  if (name.empty() || name[0] == '.' || small == "thumbs.db" || small == "desktop.ini") return {};
  if (auto found = by_type(path)) return found;
  if (has_image_suffix(path)) return {};
  const std::string suffix = lower(path.extension().string());
  if (suffix.empty()) return NotAnImage{"no suffix", "has no suffix that says which kind of image it is"};
  if (suffix == ".heic" || suffix == ".heif") return NotAnImage{"suffix " + suffix, convert("HEIC")};
  return NotAnImage{"suffix " + suffix,
                    "has the suffix " + suffix + ", which is not that of an image read here"};
}

std::optional<NotAnImage> why_not_an_image(std::string_view first_bytes) {
  if (first_bytes.empty()) return NotAnImage{"empty file", "is empty"};
  if (image_format(first_bytes)) return {};
  const std::string_view bytes = first_bytes.substr(0, kFirstBytes);
  if (auto found = media_file(bytes)) return found;
  if (auto found = other_format(bytes)) return found;
  if (auto found = mangled_png(bytes)) return found;
  if (auto found = text_file(bytes)) return found;
  if (std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == '\0'; }))
    return NotAnImage{"zeros", "holds nothing but zeros; copy it again"};
  return NotAnImage{"unknown format",
                    "is not an image in a format known here (" + std::string(image_format_names()) + ")"};
}

std::optional<NotAnImage> why_not_an_image(const Path& path) {
  if (auto found = by_type(path)) return found;
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::array<char, kFirstBytes> bytes{};
  file.read(bytes.data(), bytes.size());
  if (file.bad() || (!file.is_open()))
    return NotAnImage{"unreadable", std::string(file.is_open() ? "cannot be read: " : "cannot be opened: ") +
                                        std::strerror(errno != 0 ? errno : EIO)};
  return why_not_an_image(std::string_view(bytes.data(), static_cast<std::size_t>(file.gcount())));
}

}  // namespace res2clip
