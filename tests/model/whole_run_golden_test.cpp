// Images in, scores and maps out, against whole runs of the authors' program.
#include <cstdio>

#include "res2clip/image/prepare.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/model/detector.hpp"

#include "clip/tiny_backbone.hpp"
#include "model/scoring_goldens.hpp"
#include "support/devices.hpp"

namespace res2clip {
namespace {

using namespace testing;
using Json = nlohmann::json;

const std::vector<int> kLayers = {6, 12, 18, 24};

/// The largest difference of each kind of figure, and whether all stay within tolerance.
class Differences {
 public:
  void add(const std::string& kind, double actual, const Json& expected, double tolerance) {
    const double difference = std::abs(actual - expected.get<double>());
    EXPECT_LE(difference, tolerance) << kind;
    largest_[kind] = std::max(largest_[kind], difference);
  }
  void add(const std::string& kind, const at::Tensor& actual, const at::Tensor& expected, double tolerance) {
    const double difference = largest_difference(actual, expected);
    EXPECT_LE(difference, tolerance) << kind;
    largest_[kind] = std::max(largest_[kind], difference);
  }
  void print(const std::string& what) const {
    std::printf("largest differences, %s:", what.c_str());
    for (const auto& [kind, difference] : largest_) std::printf("  %s %.2g", kind.c_str(), difference);
    std::printf("\n");
  }

 private:
  std::map<std::string, double> largest_;
};

Detector detector_of(const Backbone& backbone, bool fine_tuned) {
  std::optional<Adapters> adapters;
  if (fine_tuned)
    adapters = assemble_adapters(formula_adapters(backbone.card().sizes.embed_dim, kLayers, kLayers, 2), "formula");
  return {encode_anchors(backbone, {}, {}), backbone.card(), {}, adapters};
}

at::Tensor images_of(const std::vector<Path>& paths, std::int64_t size) {
  std::vector<at::Tensor> images;
  for (const auto& path : paths) images.push_back(prepare_image(path, {.size = size}));
  return at::stack(images);
}

/// The first references of a class. Goldens of several classes list them by class.
std::vector<Path> references_of(const Json& goldens, const std::string& category, const Path& root,
                                std::int64_t shots) {
  const Json& listed = goldens["references"];
  const Json& paths = listed.is_array() ? listed : listed[category];
  std::vector<Path> references;
  for (std::int64_t i = 0; i < shots; ++i) references.push_back(root / paths[i].get<std::string>());
  return references;
}

void compare_scores(const Json& image, const Detection& found, double tolerance, Differences& differences) {
  const auto compare = [&](const std::string& name, const at::Tensor& score) {
    differences.add("scores", score.item<double>(), image[name], tolerance);
  };
  compare("score", found.score);
  compare("s_text", found.text_score);
  compare("s_vis", found.visual_score);
  compare("s_res", found.residual_score);
  compare("s_text_cls", found.text_global);
  compare("s_res_cls", found.residual_global);
  compare("s_res_cls_raw", found.residual_global_raw);
}

void compare_map(const Json& mean, const Json& maximum, const Json& samples, const Json& index,
                 const at::Tensor& map, double tolerance, Differences& differences) {
  differences.add("maps", map.to(at::kDouble).mean().item<double>(), mean, tolerance);
  differences.add("maps", map.max().item<double>(), maximum, tolerance);
  const at::Tensor pixels = map.flatten();
  for (std::size_t i = 0; i < index.size(); ++i)
    differences.add("maps", pixels[index[i].get<std::int64_t>()].item<double>(), samples[i], tolerance);
}

/// All runs of an e2e file on the tiny backbone: both sizes, 1 and 4 shots, both modes.
void expect_tiny_runs(const Path& file, const Path& root, c10::Device device) {
  const Json goldens = read_json(file);
  const Backbone backbone = tiny_backbone(device);
  Differences differences;
  for (const Json& run : goldens["runs"]) {
    const auto size = run["image_size"].get<std::int64_t>();
    const Detector judge = detector_of(backbone, run["mode"] != "training-free");
    const auto layers = judge.layers_needed();
    std::map<std::string, ReferenceBank> banks;
    for (const Json& image : run["images"]) {
      const auto category = image.value("cls", "");
      if (!banks.contains(category)) {
        const auto references = references_of(goldens, category, root, run["shots"]);
        banks[category] = judge.remember(backbone.encode(images_of(references, size), layers));
      }
      const Path path = root / image["path"].get<std::string>();
      const Detection found = judge.detect(backbone.encode(images_of({path}, size), layers), banks[category]);
      SCOPED_TRACE(path.string() + ", " + run["mode"].get<std::string>());
      compare_scores(image, found, kScoreTolerance, differences);
      compare_map(image["map_mean"], image["map_max"], image["map_samples"], run["sample_index"], found.map,
                  kMapTolerance, differences);
    }
  }
  differences.print(file.filename().string());
}

class WholeRun : public EveryDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, WholeRun, kDevices, device_name);

TEST_P(WholeRun, EqualsTheAuthorsProgramOnDrawnPictures) {
  expect_tiny_runs(test_data("generated/e2e.json"), test_data("generated/images"), device());
}

TEST_P(WholeRun, EqualsTheAuthorsProgramOnPhotographs) {
  const auto fixtures = full_fixtures();
  if (!fixtures) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  expect_tiny_runs(*fixtures / "e2e_leather.json", fixtures->parent_path() / "data", device());
}

/// "leather/test/good/000.png" -> "good000", the name of its tensors.
std::string tensor_name(const Path& image) {
  return image.parent_path().filename().string() + image.stem().string();
}

void compare_full_patches(const Goldens& goldens, const std::string& image, bool fine_tuned,
                          const Detection& found, Differences& differences) {
  const auto compare = [&](const PatchMaps& maps, const std::string& group) {
    for (const auto& [layer, map] : maps)
      differences.add("patch maps", map[0], goldens[group + "/" + image + "/l" + std::to_string(layer)],
                      1e-5);
  };
  compare(found.visual_patches, fine_tuned ? "maps_vis_ft" : "residual_norm");
  compare(found.residual_patches, fine_tuned ? "maps_res_ft" : "maps_res_tf");
  if (!fine_tuned) compare(found.text_patches, "maps_text");
}

// Full size: maps 6.6e-7, image scores 1.0e-7, maps of one layer 4.3e-7 between float32 and float64; 1e-5 for
// all.
TEST_P(WholeRun, EqualsTheAuthorsProgramAtFullSize) {
  const auto fixtures = full_fixtures();
  if (!fixtures) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  const Json goldens = read_json(*fixtures / "e2e_full.json");
  const Goldens tensors = Goldens::read(*fixtures / "e2e_full_features.pt");
  const Path root = fixtures->parent_path() / "data";
  const Backbone backbone = full_backbone(device());
  const auto encode = [&](const Path& path) { return backbone.encode(images_of({path}, 518), kLayers); };
  const Features normal = encode(root / goldens["references"][0].get<std::string>());
  std::map<std::string, Features> features;
  Differences differences;
  const Adapters adapters = read_checkpoint(*fixtures / "checkpoint_768.pth");
  const TextAnchors anchors = encode_anchors(backbone, {}, {});
  differences.add("text anchors", anchors.residual, tensors["text/r_anom"], 3e-6);
  for (const Json& run : goldens["runs"]) {
    const bool fine_tuned = run["mode"] != "training-free";
    const Detector judge(anchors, backbone.card(), {}, fine_tuned ? std::optional(adapters) : std::nullopt);
    const ReferenceBank bank = judge.remember(normal);
    for (const Json& image : run["images"]) {
      const auto name = image["path"].get<std::string>();
      SCOPED_TRACE(name + ", " + run["mode"].get<std::string>());
      if (!features.contains(name)) features[name] = encode(root / name);
      const Detection found = judge.detect(features[name], bank);
      compare_scores(image, found, 1e-5, differences);
      const auto compare = [&](const std::string& key, const at::Tensor& map) {
        compare_map(image[key]["mean"], image[key]["max"], image[key]["samples"], goldens["sample_index"],
                    map, 1e-5, differences);
      };
      compare("M", found.map);
      compare("M_text", found.text_map);
      compare("M_vis", found.visual_map);
      compare("M_res", found.residual_map);
      compare_full_patches(tensors, tensor_name(name), fine_tuned, found, differences);
    }
  }
  differences.print("full size");
}

}  // namespace
}  // namespace res2clip
