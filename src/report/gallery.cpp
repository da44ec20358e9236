#include "gallery.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include <ATen/core/Tensor.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/html.hpp"
#include "res2clip/image/overlay.hpp"
#include "res2clip/image/read.hpp"
#include "res2clip/image/resize.hpp"
#include "res2clip/image/write.hpp"
#include "res2clip/report/curves.hpp"

#include "float_map.hpp"
#include "text.hpp"

namespace res2clip {
namespace {

constexpr std::int64_t kThumbnail = 160;  // px, the longer edge

/// Folders that `eval` writes maps to, and what they show.
constexpr std::array<std::pair<const char*, const char*>, 4> kMaps = {{{"maps", "anomaly map"},
                                                                       {"text_maps", "text map"},
                                                                       {"visual_maps", "visual map"},
                                                                       {"residual_maps", "residual map"}}};

/// Not enlarged.
at::Tensor shrunk(const at::Tensor& image) {
  const std::int64_t longer = std::max(image.size(0), image.size(1));
  if (longer <= kThumbnail) return image;
  const auto edge = [&](std::int64_t size) { return std::max<std::int64_t>(1, size * kThumbnail / longer); };
  return resize_bilinear(image, edge(image.size(0)), edge(image.size(1)));
}

/// An image with what it shows below it.
std::string image_tag(const at::Tensor& image, const std::string& kind, const std::string& name) {
  const at::Tensor pixels = image.contiguous();
  const std::string png =
      encode_png({pixels.data_ptr<std::uint8_t>(), pixels.size(1), pixels.size(0), pixels.size(2)});
  return "<span class=\"tile\"><img alt=\"" + html_text(kind + " of " + name) + "\" width=\"" +
         std::to_string(pixels.size(1)) + "\" height=\"" + std::to_string(pixels.size(0)) + "\" src=\"" +
         data_address("image/png", png) + "\"/><small>" + kind + "</small></span>";
}

/// White where the mask marks something, if the image has one.
std::string mask_tag(const ReportedRun& run, const ScoredImage& image) {
  if (image.mask.empty()) return {};
  const at::Tensor marked = read_image(run.data_root / image.mask).gt(0).to(at::kByte).mul(255);
  return image_tag(shrunk(marked), "ground truth", image.name);
}

/// A map over the image, if the results hold it.
std::string heat_tag(const ReportedRun& run, const std::string& folder, const std::string& kind,
                     const ScoredImage& image, const at::Tensor& pixels) {
  const Path file = run.folder / folder / (image.name + ".npy");
  if (!std::filesystem::exists(file)) return {};
  OverlayOptions options;
  options.side_by_side = false;
  options.smallest_edge = 1;
  const at::Tensor map = read_float_map(file);
  return image_tag(heat_overlay(pixels, {map, heat_scale(map, options)}, "", options), kind, image.name);
}

std::string figure_html(const ReportedRun& run, const ScoredImage& image) {
  std::string text = "<figure>";
  try {
    const at::Tensor pixels = shrunk(read_image(run.data_root / image.name));
    text += image_tag(pixels, "image", image.name) + mask_tag(run, image);
    for (const auto& [folder, kind] : kMaps) text += heat_tag(run, folder, kind, image, pixels);
  } catch (const Error&) {
    text += "<div class=\"absent\">the image cannot be read</div>";
  }
  return text + "<figcaption>" + html_text(image.name) + "<br/>score " + fixed(image.score, 3) +
         "</figcaption></figure>";
}

std::string row_html(const ReportedRun& run, const std::string& title,
                     const std::vector<ScoredImage>& images) {
  std::string text = "<h4>" + title + "</h4>";
  if (images.empty()) return text + "<p>none</p>";
  text += "<div class=\"gallery\">";
  for (const ScoredImage& image : images) text += figure_html(run, image);
  return text + "</div>";
}

}  // namespace

std::string gallery_html(const ReportedRun& run, const ReportedClass& one, const ReportOptions& options) {
  const auto threshold = best_f1_threshold(one.images);
  if (!threshold || options.gallery < 1) return {};
  std::vector<ScoredImage> alarms, misses;
  for (const ScoredImage& image : one.images)
    if (image.anomalous == (image.score < *threshold)) (image.anomalous ? misses : alarms).push_back(image);
  const auto worst = [&](std::vector<ScoredImage>& images, bool highest) {
    std::sort(images.begin(), images.end(), [highest](const ScoredImage& a, const ScoredImage& b) {
      return highest ? a.score > b.score : a.score < b.score;
    });
    images.resize(std::min(images.size(), static_cast<std::size_t>(options.gallery)));
  };
  const std::string all_alarms = std::to_string(alarms.size()), all_misses = std::to_string(misses.size());
  worst(alarms, true);
  worst(misses, false);
  return row_html(run, "False alarms at the best F1: " + all_alarms + ", the highest scores", alarms) +
         row_html(run, "Misses at the best F1: " + all_misses + ", the lowest scores", misses);
}

}  // namespace res2clip
