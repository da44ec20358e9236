#include "res2clip/model/reference_bank.hpp"

#include <utility>

#include <ATen/ops/cat.h>

#include "res2clip/compute/foreign_errors.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/model/sound_features.hpp"

#include "tiled_bank.hpp"

namespace res2clip {
namespace {

bool same_region(const ReferenceBank& a, const ReferenceBank& b) {
  return a.region.has_value() == b.region.has_value() &&
         (!a.region || a.region->pixels.equal(b.region->pixels));
}

std::vector<int> layers_of(const ReferenceBank& bank) {
  std::vector<int> layers;
  for (const auto& [layer, rows] : bank.patches) layers.push_back(layer);
  return layers;
}

}  // namespace

ReferenceBank ReferenceBank::to(c10::Device device) const try {
  ReferenceBank moved = *this;
  moved.global = global.to(device);
  for (auto& [layer, features] : moved.patches) features = features.to(device);
  if (region) moved.region = region->to(device);
  for (ReferenceBank& tile : moved.tiles) tile = tile.to(device);
  return moved;
} catch (...) {
  rethrow_as_ours("moving a reference bank to a device");
}

ReferenceBank make_bank(const Features& normals, const std::vector<int>& layers) {
  if (!normals.global.defined() || normals.global.dim() == 0 || normals.batch() == 0)
    throw data_error("there is no normal image to remember; name at least one reference");
  require_sound(normals, layers, "the features of the normal images");
  ReferenceBank bank;
  bank.global = normals.global;
  bank.grid = normals.grid;
  for (const int layer : layers) bank.patches[layer] = normals.patches.at(layer).flatten(0, 1);
  return bank;
}

ReferenceBank within(ReferenceBank bank, const at::Tensor& inside) {
  if (bank.region)
    throw settings_error("the reference bank has a region of interest already; name one alone");
  if (bank.tiling)
    throw settings_error("a region of interest is not supported with tiles; use one of the two");
  require_sound(bank, layers_of(bank));
  return as_ours("applying a region of interest", [&] {
    std::optional<RegionOfInterest> region = region_of_interest(inside, bank.grid);
    if (!region) return std::move(bank);
    bank.region = region->to(bank.global.device());
    bank.calibration.reset();
    bank.checksum.clear();
    for (auto& [layer, rows] : bank.patches)
      rows = filled(rows.view({bank.shots(), bank.grid.size(), -1}), *bank.region).flatten(0, 1);
    return std::move(bank);
  });
}

ReferenceBank concatenate(const std::vector<ReferenceBank>& banks) {
  if (banks.empty()) throw data_error("no reference banks to put together");
  const ReferenceBank& first = banks.front();
  ReferenceBank whole;
  whole.grid = first.grid;
  whole.region = first.region;
  whole.origin = {first.origin.backbone, first.origin.settings, {}};
  std::vector<at::Tensor> globals;
  std::map<int, std::vector<at::Tensor>> patches;
  for (const ReferenceBank& bank : banks) {
    require_sound(bank, layers_of(bank));
    if (bank.grid != first.grid || layers_of(bank) != layers_of(first) ||
        bank.global.size(1) != first.global.size(1) || bank.global.device() != first.global.device() ||
        !same_region(bank, first) || !same_tiling(bank, first))
      throw data_error(
          "reference banks of different grids, layers, widths, regions, tiles or devices cannot be put "
          "together");
    require_origin(bank, first.origin, "a bank to be added");
    globals.push_back(bank.global);
    for (const auto& [layer, rows] : bank.patches) patches[layer].push_back(rows);
    whole.origin.references.insert(whole.origin.references.end(), bank.origin.references.begin(),
                                   bank.origin.references.end());
  }
  join_tiles(banks, whole);
  return as_ours("putting reference banks together", [&] {
    whole.global = at::cat(globals);
    for (const auto& [layer, rows] : patches) whole.patches[layer] = at::cat(rows);
    return std::move(whole);
  });
}

ReferenceBank selected(const ReferenceBank& bank, std::span<const std::int64_t> shots) {
  require_sound(bank, layers_of(bank));
  if (shots.empty()) throw data_error("a reference bank needs at least one reference; none is selected");
  const bool named = bank.origin.references.size() == static_cast<std::size_t>(bank.shots());
  ReferenceBank part;
  part.grid = bank.grid;
  part.region = bank.region;
  part.origin = {bank.origin.backbone, bank.origin.settings, {}};
  for (const std::int64_t shot : shots) {
    if (shot < 0 || shot >= bank.shots())
      throw data_error("reference " + std::to_string(shot) + " is not there: the bank has " +
                       std::to_string(bank.shots()) + ", counted from 0");
    if (named) part.origin.references.push_back(bank.origin.references[static_cast<std::size_t>(shot)]);
  }
  select_tiles(bank, shots, part);
  return as_ours("selecting references", [&] {
    const auto taken = [&](const at::Tensor& rows, std::int64_t each) {
      std::vector<at::Tensor> parts;
      for (const std::int64_t shot : shots) parts.push_back(rows.narrow(0, shot * each, each));
      return at::cat(parts);
    };
    part.global = taken(bank.global, 1);
    for (const auto& [layer, rows] : bank.patches) part.patches[layer] = taken(rows, bank.grid.size());
    return std::move(part);
  });
}

Features shot_of(const ReferenceBank& bank, std::int64_t shot) {
  const std::int64_t patches = bank.grid.size();
  Features one{bank.global.narrow(0, shot, 1), {}, bank.grid};
  for (const auto& [layer, rows] : bank.patches)
    one.patches[layer] = rows.narrow(0, shot * patches, patches).unsqueeze(0);
  return one;
}

ReferenceBank without_shot(const ReferenceBank& bank, std::int64_t shot) {
  std::vector<std::int64_t> others;
  for (std::int64_t i = 0; i < bank.shots(); ++i)
    if (i != shot) others.push_back(i);
  ReferenceBank part = selected(bank, others);
  part.origin = {};
  return part;
}

void require_origin(const ReferenceBank& bank, const BankOrigin& expected, const std::string& source) {
  const auto differs = [&source](const std::string& what, const std::string& then, const std::string& now) {
    throw data_error(source + ": this bank was made with " + what + " " + then + ", and " + now +
                     " is asked for now; make it again with `res2clip bank`");
  };
  if (bank.origin.backbone.empty())
    throw data_error(source +
                     ": this bank does not say which backbone it was made with; make it with "
                     "Pipeline::remember or `res2clip bank`");
  if (bank.origin.backbone != expected.backbone)
    differs("another backbone: checksum", bank.origin.backbone.substr(0, 12),
            expected.backbone.substr(0, 12));
  for (const auto& [key, value] : expected.settings) {
    const auto found = bank.origin.settings.find(key);
    const std::string then = found == bank.origin.settings.end() ? "(not recorded)" : found->second;
    if (then != value) differs(key, then, value);
  }
  for (const auto& [key, value] :
       bank.origin.settings)  // those that are recorded only where they are not the default
    if (!expected.settings.contains(key)) differs(key, value, "the default");
}

}  // namespace res2clip
