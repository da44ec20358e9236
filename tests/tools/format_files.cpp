// format_files FOLDER: one file of each format that this version writes, to be kept in tests/data/formats
// (README.md there) and read by the tests of all later versions.
#include <cstdio>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include "res2clip/clip/archive.hpp"
#include "res2clip/clip/backbone.hpp"
#include "res2clip/core/version.hpp"
#include "res2clip/model/checkpoint.hpp"

#include "formats/stored.hpp"
#include "support/formula.hpp"

namespace res2clip {
namespace {

std::vector<double> numbers(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.flatten().to(at::kDouble).contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

/// The smallest CLIP that an archive can hold: one block in each tower. All but 300 of its tokens have an
/// embedding of zeros, so that the file can be compressed.
ClipWeights smallest_clip() {
  ClipWeights weights;
  weights.tensors = testing::formula_clip({64, 1, 8, 16, 32, 64, 1});
  weights.tensors.erase("logit_scale");
  at::Tensor& tokens = weights.tensors.at("token_embedding.weight");
  tokens.narrow(0, 300, tokens.size(0) - 300).zero_();
  weights.sizes = clip_sizes(weights.tensors, "smallest");
  weights.name = "smallest";
  weights.sha256 = "formula";
  return weights;
}

void write_archive(const Path& folder) {
  export_backbone(smallest_clip(), {.image_size = 16}, folder / "archive.pt");
  const Backbone backbone = Backbone::load(folder / "archive.pt", {.device = "cpu"});
  const Features features = backbone.encode(testing::stored_pixels(), std::vector<int>{1});
  const nlohmann::ordered_json expected{{"checksum", backbone.checksum()},
                                        {"global", numbers(features.global)},
                                        {"patches", numbers(features.patches.at(1))}};
  write_file(folder / "archive.json", expected.dump(1) + "\n");
}

void write_training(const Path& folder) {
  testing::train_stored(folder / "whole", false);
  testing::train_stored(folder / "stopped", false, testing::kStoppedAfter);
  std::filesystem::rename(folder / "whole/checkpoint.pth", folder / "checkpoint.pth");
  std::filesystem::remove_all(folder / "whole");
  for (const char* name : {"checkpoint.pth", "curves.html"})
    std::filesystem::remove(folder / "stopped" / name);
}

void write_files(const Path& folder) {
  std::filesystem::create_directories(folder);
  write_archive(folder);
  save_bank(testing::stored_bank(), folder / "normal.bank");
  for (const auto stored_as : {StoredAs::float32, StoredAs::float16}) {
    FeatureStore store(folder / ("store-" + std::string(name_of(stored_as))),
                       testing::stored_description(stored_as));
    store.put(testing::kStoredIdentities, testing::stored_features());
  }
  write_training(folder);
}

}  // namespace
}  // namespace res2clip

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: format_files FOLDER\n");
    return 2;
  }
  at::set_num_threads(1);
  res2clip::write_files(argv[1]);
  std::printf("written by res2clip %s\n", res2clip::version().c_str());
  return 0;
}
