#include "infer_output.hpp"

#include <cmath>
#include <map>

#include <nlohmann/json.hpp>

#include "res2clip/image/region.hpp"
#include "res2clip/image/write.hpp"

#include "command.hpp"

namespace res2clip::app {
namespace {

Path without_extension(const Path& path) {
  return path.parent_path() / path.stem();
}

/// The deepest folder that holds all paths.
Path common_folder(const std::vector<Path>& paths) {
  Path common = paths.front().parent_path();
  for (const Path& path : paths) {
    const auto [end, unused] = std::mismatch(common.begin(), common.end(), path.begin(), path.end());
    Path shorter;
    for (auto part = common.begin(); part != end; ++part) shorter /= *part;
    common = shorter;
  }
  return common;
}

std::string caption(const std::string& name, double score, const std::optional<double>& threshold) {
  char text[64];
  std::snprintf(text, sizeof text, "score %.3f", score);
  std::string line = name + "   " + text;
  if (threshold) line += score > *threshold ? "   ANOMALOUS" : "   normal";
  return line;
}

std::string table_line(const nlohmann::ordered_json& record) {
  const auto& box = record["box"];
  char text[160];
  std::snprintf(text, sizeof text, "%8.4f %8.4f %8.4f %8.4f  %5d,%d %dx%d  ", record["score"].get<double>(),
                record["text"].get<double>(), record["visual"].get<double>(),
                record["residual"].get<double>(), box["x"].get<int>(), box["y"].get<int>(),
                box["width"].get<int>(), box["height"].get<int>());
  std::string line = text + record["path"].get<std::string>();
  if (record.contains("anomalous") && record["anomalous"].get<bool>()) line += "  ANOMALOUS";
  return line;
}

std::string dumped(const nlohmann::ordered_json& json) {
  // A path may hold bytes that are no UTF-8.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::vector<std::string> output_names(const std::vector<Path>& images) {
  std::vector<Path> whole;
  for (const Path& image : images) whole.push_back(std::filesystem::absolute(image).lexically_normal());
  if (whole.empty()) return {};
  const Path common = common_folder(whole);
  std::map<std::string, int> uses;
  for (const Path& path : whole) ++uses[without_extension(path.lexically_relative(common)).generic_string()];
  std::vector<std::string> names;
  for (const Path& path : whole) {
    const Path relative = path.lexically_relative(common);
    const std::string name = without_extension(relative).generic_string();
    names.push_back(uses[name] > 1 ? relative.generic_string() : name);  // part.png beside part.jpg
  }
  return names;
}

std::string stream_output_name(const Path& image) {
  return std::filesystem::absolute(image).lexically_normal().relative_path().generic_string();
}

InferOutput::InferOutput(InferOutputOptions options) : options_(std::move(options)) {
  if (options_.threshold && !std::isfinite(*options_.threshold))
    throw settings_error("--threshold takes a number");
  const auto& range = options_.range;
  if (range.size() == 2 && !(std::isfinite(range[0]) && std::isfinite(range[1]) && range[0] < range[1]))
    throw settings_error("--range takes LOW HIGH with LOW below HIGH");
}

void InferOutput::expect_free(const std::string& name) const {
  if (!draws()) return;
  for (const Path& path : {overlay_path(name), map_path(name)})
    if (is_protected(path))
      throw settings_error(
          path.string() +
          ": is one of your pictures, which this output would replace; name another --output");
}

void InferOutput::draw(const Picture& picture, const at::Tensor& map, double score) const {
  const auto& threshold = options_.threshold;
  OverlayOptions how = options_.overlay;
  // A line around the least calm spot of a good part would look like a finding.
  how.outline = how.outline && (threshold ? score > *threshold : map.max().item<double>() > how.calm);
  const HeatScale scale =
      options_.range.size() == 2 ? HeatScale{options_.range[0], options_.range[1]} : heat_scale(map, how);
  write_png(overlay_path(picture.name),
            heat_overlay(picture.pixels, map, scale, caption(picture.name, score, threshold), how));
  write_float_map(map_path(picture.name), map);
}

void InferOutput::write(const Picture& picture, const Detection& detection, std::int64_t index) {
  const at::Tensor map = detection.map[index].cpu().contiguous();
  const HottestRegion region = hottest_region(map, picture.height, picture.width);
  const auto value = [&](const at::Tensor& scores) { return scores[index].item<double>(); };
  nlohmann::ordered_json record;
  record["path"] = picture.path.string();
  record["score"] = value(detection.score);
  record["text"] = value(detection.text_score);
  record["visual"] = value(detection.visual_score);
  record["residual"] = value(detection.residual_score);
  if (options_.threshold) record["anomalous"] = value(detection.score) > *options_.threshold;
  record["box"] = {{"x", region.box.x},
                   {"y", region.box.y},
                   {"width", region.box.width},
                   {"height", region.box.height},
                   {"peak", region.peak}};
  if (draws()) {
    draw(picture, map, value(detection.score));
    record["overlay"] = overlay_path(picture.name).string();
    record["map"] = map_path(picture.name).string();
  }
  if (options_.json) return print(dumped(record));
  if (!header_printed_) print("   score     text   visual residual  hottest region (x,y size)  image");
  header_printed_ = true;
  print(table_line(record));
}

void InferOutput::write_failure(const Path& image, const std::string& message) {
  note("res2clip: " + message);
  if (options_.json) print(dumped({{"path", image.string()}, {"error", message}}));
}

}  // namespace res2clip::app
