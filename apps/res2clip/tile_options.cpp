#include "tile_options.hpp"

#include "res2clip/core/error.hpp"
#include "res2clip/image/read.hpp"

namespace res2clip::app {

void TileOptions::add_to(CLI::App& command) {
  command
      .add_option("--tiles", layout,
                  "Also look at overlapping parts of each image, for small defects and elongated parts: "
                  "ROWSxCOLUMNS (3x1: three, one above the other) or auto")
      ->type_name("RxC");
  command.add_flag("--common-tiles", common,
                   "With --tiles: compare tiles with those of all places, not with those of their own");
}

void require_sensible(const TileOptions& options) {
  if (options.common && options.layout.empty())
    throw settings_error("--common-tiles says how tiles are compared; it needs --tiles RxC");
}

Tiling tiling_of(const TileOptions& options, std::span<const Path> references, const Pipeline& pipeline) {
  if (options.layout.empty() || references.empty()) return {};
  const ImageSize size = image_size(references.front(), pipeline.settings().image.reading);
  return {tile_layout(options.layout, size, pipeline.image_size()), size, options.common};
}

std::string tiles_text(const ReferenceBank& bank) {
  if (!bank.tiling) return {};
  return ", " + std::to_string(bank.tiling->layout.rows) + "x" + std::to_string(bank.tiling->layout.cols) +
         " tiles" + (bank.tiling->common ? " (common)" : "");
}

}  // namespace res2clip::app
