#pragma once

#include <span>
#include <string>

#include <CLI/CLI.hpp>

#include "res2clip/pipeline/pipeline.hpp"

namespace res2clip::app {

/// Into which tiles images are cut: --tiles and --common-tiles.
struct TileOptions {
  std::string layout;  ///< empty: none
  bool common = false;

  bool given() const { return !layout.empty() || common; }
  void add_to(CLI::App& command);
};

/// Throws a settings error for --common-tiles without --tiles.
void require_sensible(const TileOptions& options);

/// The tiling that the options describe for images like the first reference; one tile without these options.
Tiling tiling_of(const TileOptions& options, std::span<const Path> references, const Pipeline& pipeline);

/// ", 3x1 tiles" or ", 3x1 tiles (common)"; empty without tiles.
std::string tiles_text(const ReferenceBank& bank);

}  // namespace res2clip::app
