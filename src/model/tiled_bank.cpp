#include "tiled_bank.hpp"

#include <utility>

#include <ATen/ops/cat.h>

#include "res2clip/compute/foreign_errors.hpp"
#include "res2clip/core/error.hpp"

namespace res2clip {

bool same_tiling(const ReferenceBank& a, const ReferenceBank& b) {
  if (!a.tiling || !b.tiling) return a.tiling.has_value() == b.tiling.has_value();
  const ImageSize &one = a.tiling->size, &other = b.tiling->size;
  return a.tiling->layout == b.tiling->layout && a.tiling->common == b.tiling->common &&
         one.height == other.height && one.width == other.width;
}

void join_tiles(const std::vector<ReferenceBank>& banks, ReferenceBank& whole) {
  whole.tiling = banks.front().tiling;
  for (std::size_t place = 0; place < banks.front().tiles.size(); ++place) {
    std::vector<ReferenceBank> parts;
    for (const ReferenceBank& bank : banks) {
      parts.push_back(bank.tiles.at(place));
      parts.back().origin.backbone = banks.front().origin.backbone;  // tiles have none of their own
    }
    whole.tiles.push_back(concatenate(parts));
    whole.tiles.back().origin = {};
  }
}

void select_tiles(const ReferenceBank& bank, std::span<const std::int64_t> shots, ReferenceBank& part) {
  part.tiling = bank.tiling;
  const std::int64_t each = bank.tiling && bank.tiling->common ? bank.tiling->layout.count() : 1;
  std::vector<std::int64_t> rows;
  for (const std::int64_t shot : shots)
    for (std::int64_t i = 0; i < each; ++i) rows.push_back(shot * each + i);
  for (const ReferenceBank& tile : bank.tiles) part.tiles.push_back(selected(tile, rows));
}

const ReferenceBank& bank_of_place(const ReferenceBank& bank, std::int64_t place) {
  return bank.tiles.at(bank.tiling->common ? 0 : static_cast<std::size_t>(place));
}

ReferenceBank without_tiles(const ReferenceBank& bank) {
  ReferenceBank whole = bank;
  whole.tiling.reset();
  whole.tiles.clear();
  return whole;
}

Features input_of_each(const Features& inputs, std::int64_t each, std::int64_t which) {
  return as_ours("taking one input of each image", [&] {
    const auto one = [&](const at::Tensor& rows) {
      return each == 1 ? rows : rows.unflatten(0, {-1, each}).select(1, which).contiguous();
    };
    Features part{one(inputs.global), {}, inputs.grid};
    for (const auto& [layer, patches] : inputs.patches) part.patches[layer] = one(patches);
    return part;
  });
}

ReferenceBank make_bank(const Features& inputs, const std::vector<int>& layers, const Tiling& tiling) {
  const std::int64_t each = tiling.inputs();
  if (!inputs.global.defined() || inputs.global.dim() == 0 || inputs.batch() % each != 0)
    throw data_error("images that are cut into " + std::to_string(tiling.layout.count()) + " tiles have " +
                     std::to_string(each) + " inputs each; encode them with this tiling");
  ReferenceBank bank = make_bank(input_of_each(inputs, each, 0), layers);
  if (tiling.layout.count() == 1) return bank;
  bank.tiling = tiling;
  std::vector<ReferenceBank> places;
  for (std::int64_t place = 0; place < tiling.layout.count(); ++place)
    places.push_back(make_bank(input_of_each(inputs, each, 1 + place), layers));
  if (!tiling.common) {
    bank.tiles = std::move(places);
    return bank;
  }
  std::vector<Features> tiles;
  for (std::int64_t shot = 0; shot < bank.shots(); ++shot)
    for (const ReferenceBank& place : places) tiles.push_back(shot_of(place, shot));
  bank.tiles.push_back(make_bank(concatenate(tiles), layers));
  return bank;
}

Features inputs_of_shot(const ReferenceBank& bank, std::int64_t shot) {
  if (!bank.tiling) return shot_of(bank, shot);
  std::vector<Features> inputs{shot_of(bank, shot)};
  const std::int64_t tiles = bank.tiling->layout.count();
  for (std::int64_t place = 0; place < tiles; ++place)
    inputs.push_back(shot_of(bank_of_place(bank, place), bank.tiling->common ? shot * tiles + place : shot));
  return concatenate(inputs);
}

}  // namespace res2clip
