// CLIPs of every form that is supported against what open_clip and transformers compute of them
// (tests/tools/make_clip_parity.py), from the files that each library would write.
#include <cstdio>
#include <functional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "res2clip/clip/archive.hpp"
#include "res2clip/clip/backbone.hpp"
#include "res2clip/core/files.hpp"

#include "clip/weight_files.hpp"
#include "support/devices.hpp"
#include "support/formula.hpp"
#include "support/goldens.hpp"
#include "support/safetensors.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::Tensors;

// As for the goldens of the authors' code: unit vectors, and text features before normalisation.
constexpr double kUnitTolerance = 3e-6;
constexpr double kTextTolerance = 2e-5;

at::Tensor unit(const at::Tensor& x) {
  return x / x.norm(2, -1, true);
}

const nlohmann::json& parity() {
  static const nlohmann::json json = testing::read_json(testing::test_data("weights/parity.json"));
  return json;
}

Tensors weights_of(const nlohmann::json& model) {
  return testing::formula_clip(
      {model["vision_width"], 4, 16, 64, 64, 64, 2, model["vision_hidden"].get<std::int64_t>()});
}

/// The folder that the model's library would write.
void write_model(const Path& folder, const nlohmann::json& model) {
  const Tensors tensors = weights_of(model);
  const bool hugging_face = model["container"] == "hugging_face";
  write_file(folder / (hugging_face ? "config.json" : "open_clip_config.json"), model["config"].dump());
  if (hugging_face)
    testing::write_safetensors(folder / "model.safetensors", testing::to_hugging_face(tensors));
  else
    testing::write_state_dict(folder / "open_clip_pytorch_model.bin", model["container"] == "custom_text"
                                                                          ? testing::to_custom_text(tensors)
                                                                          : tensors);
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& [name, model] : parity()["models"].items()) names.push_back(name);
  return names;
}

class ParityOn : public testing::EveryDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, ParityOn, testing::kDevices, testing::device_name);

TEST_P(ParityOn, FeaturesEqualThoseOfTheLibrariesInBothForms) {
  const auto numbers = testing::Goldens::read(testing::test_data("weights/parity.pt"));
  const auto images = testing::formula_tensor("images", {2, 3, 64, 64}, 2.0, 0.0);
  const auto texts = parity()["texts"].get<std::vector<std::string>>();
  ASSERT_EQ(model_names().size(), 10u);
  for (const std::string& name : model_names()) {
    SCOPED_TRACE(name);
    const testing::TemporaryFolder folder;
    write_model(folder.path(), parity()["models"][name]);
    // V-V attention in the last two blocks: it reaches neither the class token nor the patches of block 2.
    export_backbone(read_clip_weights(folder.path()), {.image_size = 64, .form = {.vv_blocks = 2}},
                    folder / "clip.pt");
    const Backbone backbone = Backbone::load(folder / "clip.pt", {.device = device().str()});
    double image = 0.0;
    for (const auto& features : {backbone.encode(images, std::vector<int>{2, 4}),
                                 backbone.encode_plain(images, std::vector<int>{2, 4})}) {
      EXPECT_TENSORS_NEAR(features.global, unit(numbers[name + "/class_token"]), kUnitTolerance);
      EXPECT_TENSORS_NEAR(features.patches.at(2)[0], unit(numbers[name + "/patches"]), kUnitTolerance);
      image = std::max(
          {image, testing::largest_difference(features.global, unit(numbers[name + "/class_token"])),
           testing::largest_difference(features.patches.at(2)[0], unit(numbers[name + "/patches"]))});
    }
    const auto text = backbone.encode_text(texts);
    EXPECT_TENSORS_NEAR(text, numbers[name + "/text"], kTextTolerance);
    std::printf("%s: images differ by %.1e, texts by %.1e\n", name.c_str(), image,
                testing::largest_difference(text, numbers[name + "/text"]));
    // The V-V blocks have no counterpart there: the two forms must agree.
    EXPECT_TENSORS_NEAR(backbone.encode(images, std::vector<int>{4}).patches.at(4),
                        backbone.encode_plain(images, std::vector<int>{4}).patches.at(4), kUnitTolerance);
  }
}

/// How far features are from the golden ones if the weights are run in another form.
double error_of(const std::string& name, const std::function<void(ClipForm&)>& change) {
  const testing::TemporaryFolder folder;
  write_model(folder.path(), parity()["models"][name]);
  ClipWeights weights = read_clip_weights(folder.path());
  change(weights.form);
  export_backbone(weights, {.image_size = 64}, folder / "clip.pt");
  const auto images = testing::formula_tensor("images", {2, 3, 64, 64}, 2.0, 0.0);
  const auto numbers = testing::Goldens::read(testing::test_data("weights/parity.pt"));
  const auto found = Backbone::load(folder / "clip.pt", {.device = "cpu"}).encode(images, {});
  return testing::largest_difference(found.global, unit(numbers[name + "/class_token"]));
}

TEST(Parity, IsLostIfWeightsAreRunInAnotherForm) {
  constexpr double kNoticed = 100 * kUnitTolerance;
  EXPECT_GT(error_of("open_clip_gelu", [](ClipForm& form) { form.activation = Activation::quick_gelu; }),
            kNoticed);
  EXPECT_GT(error_of("open_clip_quick", [](ClipForm& form) { form.activation = Activation::gelu; }),
            kNoticed);
  EXPECT_GT(error_of("open_clip_head80", [](ClipForm& form) { form.vision_head_width = 64; }), kNoticed);
  // Exact GELU and its approximation differ by less than 5e-4 anywhere.
  EXPECT_GT(error_of("open_clip_tanh", [](ClipForm& form) { form.activation = Activation::gelu; }),
            2 * kUnitTolerance);
}

}  // namespace
}  // namespace res2clip
