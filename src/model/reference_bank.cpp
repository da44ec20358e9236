#include "res2clip/model/reference_bank.hpp"

#include <ATen/ops/cat.h>

#include "res2clip/core/error.hpp"

namespace res2clip {

ReferenceBank ReferenceBank::to(c10::Device device) const {
  ReferenceBank moved = *this;
  moved.global = global.to(device);
  for (auto& [layer, features] : moved.patches) features = features.to(device);
  return moved;
}

ReferenceBank make_bank(const Features& normals, const std::vector<int>& layers) {
  if (normals.batch() == 0)
    throw data_error("there is no normal image to remember; name at least one reference");
  ReferenceBank bank;
  bank.global = normals.global;
  bank.grid = normals.grid;
  for (const int layer : layers) {
    const auto found = normals.patches.find(layer);
    if (found == normals.patches.end())
      throw data_error("the features of the normal images lack layer " + std::to_string(layer) +
                       "; encode them with this layer");
    bank.patches[layer] = found->second.flatten(0, 1);
  }
  return bank;
}

Features shot_of(const ReferenceBank& bank, std::int64_t shot) {
  const std::int64_t patches = bank.grid.size();
  Features one{bank.global.narrow(0, shot, 1), {}, bank.grid};
  for (const auto& [layer, rows] : bank.patches)
    one.patches[layer] = rows.narrow(0, shot * patches, patches).unsqueeze(0);
  return one;
}

ReferenceBank without_shot(const ReferenceBank& bank, std::int64_t shot) {
  const auto others_of = [&](const at::Tensor& rows, std::int64_t each) {
    return at::cat({rows.narrow(0, 0, shot * each),
                    rows.narrow(0, (shot + 1) * each, (bank.shots() - shot - 1) * each)});
  };
  ReferenceBank others;
  others.global = others_of(bank.global, 1);
  others.grid = bank.grid;
  for (const auto& [layer, rows] : bank.patches) others.patches[layer] = others_of(rows, bank.grid.size());
  return others;
}

void require_origin(const ReferenceBank& bank, const BankOrigin& expected, const std::string& source) {
  const auto differs = [&source](const std::string& what, const std::string& then, const std::string& now) {
    throw data_error(source + ": this bank was made with " + what + " " + then + ", and " + now +
                     " is asked for now; make it again with `res2clip bank`");
  };
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
