#include "res2clip/image/region_mask.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <locale>
#include <sstream>
#include <vector>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

struct Point {
  double x = 0, y = 0;
};
/// Whether a point of the image, in its pixels, belongs to what is described.
using Contains = std::function<bool(const Point&)>;

std::string size_text(const ImageSize& size) {
  return std::to_string(size.width) + "x" + std::to_string(size.height);
}

Error not_a_region(const std::string& text) {
  return settings_error(
      "region \"" + text +
      "\": takes x,y,w,h (a rectangle), \"x,y x,y x,y\" (a polygon of three or more corners) "
      "or the path of a mask image; numbers are pixels, or percent with a %");
}

/// A number of pixels, or, with %, of hundredths of `whole`.
double number_of(std::string text, double whole, const std::string& region) {
  const bool percent = text.ends_with('%');
  if (percent) text.pop_back();
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  double value = 0;
  if (text.empty() || !(stream >> value) || !stream.eof() || !std::isfinite(value))
    throw not_a_region(region);
  return percent ? value * whole / 100 : value;
}

/// "1,2,3,4" -> numbers, those at even places of the width.
std::vector<double> numbers_of(const std::string& group, const ImageSize& image, const std::string& region) {
  std::vector<double> numbers;
  std::istringstream stream(group);
  for (std::string text; std::getline(stream, text, ',');)
    numbers.push_back(
        number_of(text, static_cast<double>(numbers.size() % 2 == 0 ? image.width : image.height), region));
  if (group.ends_with(',')) throw not_a_region(region);
  return numbers;
}

void require_within(double x, double y, const ImageSize& image, const std::string& region) {
  constexpr double kRounding = 1e-6;  // of percents
  if (x < 0 || y < 0 || x > static_cast<double>(image.width) + kRounding ||
      y > static_cast<double>(image.height) + kRounding)
    throw settings_error("region \"" + region + "\": reaches out of the image, which is " + size_text(image) +
                         " pixels large");
}

Contains rectangle(const std::vector<double>& numbers, const ImageSize& image, const std::string& region) {
  const double x = numbers[0], y = numbers[1], right = x + numbers[2], below = y + numbers[3];
  if (numbers[2] <= 0 || numbers[3] <= 0)
    throw settings_error("region \"" + region + "\": width and height must be above 0");
  require_within(x, y, image, region);
  require_within(right, below, image, region);
  return [=](const Point& at) { return at.x >= x && at.x < right && at.y >= y && at.y < below; };
}

Contains polygon(std::vector<Point> corners) {
  return [corners = std::move(corners)](const Point& at) {
    bool inside = false;
    for (std::size_t i = 0, before = corners.size() - 1; i < corners.size(); before = i++) {
      const Point &a = corners[i], &b = corners[before];
      if ((a.y > at.y) != (b.y > at.y) && at.x < (b.x - a.x) * (at.y - a.y) / (b.y - a.y) + a.x)
        inside = !inside;
    }
    return inside;
  };
}

Contains mask_image(const std::string& path, const ImageSize& image) {
  const at::Tensor mask = read_grey(path).contiguous();
  if (mask.size(0) != image.height || mask.size(1) != image.width)
    throw data_error(path + ": this mask is " + size_text({mask.size(0), mask.size(1)}) +
                     " pixels large, the images are " + size_text(image) + "; it must have their size");
  return [mask](const Point& at) {
    const auto x = std::min(static_cast<std::int64_t>(at.x), mask.size(1) - 1);
    const auto y = std::min(static_cast<std::int64_t>(at.y), mask.size(0) - 1);
    return mask.const_data_ptr<std::uint8_t>()[y * mask.size(1) + x] != 0;
  };
}

Contains described(const std::string& region, const ImageSize& image) {
  if (region.find_first_not_of("0123456789.,%+- \t") != std::string::npos) return mask_image(region, image);
  std::istringstream stream(region);
  std::vector<std::vector<double>> groups;
  for (std::string group; stream >> group;) groups.push_back(numbers_of(group, image, region));
  if (groups.size() == 1 && groups[0].size() == 4) return rectangle(groups[0], image, region);
  std::vector<Point> corners;
  for (const auto& group : groups) {
    if (group.size() != 2 || groups.size() < 3) throw not_a_region(region);
    require_within(group[0], group[1], image, region);
    corners.push_back({group[0], group[1]});
  }
  if (corners.empty()) throw not_a_region(region);
  return polygon(std::move(corners));
}

void set(const at::Tensor& mask, const Contains& contains, const ImageSize& image, bool value) {
  const std::int64_t rows = mask.size(0), columns = mask.size(1);
  auto* pixels = mask.data_ptr<bool>();
  for (std::int64_t y = 0; y < rows; ++y)
    for (std::int64_t x = 0; x < columns; ++x) {
      const Point centre{
          (static_cast<double>(x) + 0.5) * static_cast<double>(image.width) / static_cast<double>(columns),
          (static_cast<double>(y) + 0.5) * static_cast<double>(image.height) / static_cast<double>(rows)};
      if (contains(centre)) pixels[y * columns + x] = value;
    }
}

}  // namespace

at::Tensor region_mask(std::span<const std::string> inside, std::span<const std::string> ignored,
                       const ImageSize& image, std::int64_t rows, std::int64_t columns) {
  if (image.height < 1 || image.width < 1 || rows < 1 || columns < 1)
    throw data_error("region_mask: image and mask must have pixels");
  const at::Tensor mask = at::full({rows, columns}, inside.empty(), at::kBool);
  for (const std::string& region : inside) set(mask, described(region, image), image, true);
  for (const std::string& region : ignored) set(mask, described(region, image), image, false);
  if (!mask.any().item<bool>())
    throw settings_error("the region of interest is empty: nothing of the image is left to look at");
  return mask;
}

}  // namespace res2clip
