// Who says how weights are run, and what follows from it.
#include <gmock/gmock.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "res2clip/clip/archive.hpp"
#include "res2clip/clip/backbone.hpp"
#include "res2clip/clip/published_weights.hpp"
#include "res2clip/clip/weights.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "clip/tiny_backbone.hpp"
#include "clip/weight_files.hpp"
#include "support/formula.hpp"
#include "support/safetensors.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::TemporaryFolder;
using testing::Tensors;

Tensors small_clip() {
  auto tensors = testing::formula_clip({128, 2, 8, 24, 32, 64, 1});
  tensors["token_embedding.weight"] = tensors["token_embedding.weight"].slice(0, 0, 300).clone();
  return tensors;
}

json open_clip_config() {
  return json::parse(R"({"model_cfg": {"embed_dim": 32, "quick_gelu": true,
      "vision_cfg": {"image_size": 24, "layers": 2, "width": 128, "patch_size": 8},
      "text_cfg": {"context_length": 77, "vocab_size": 300, "width": 64, "heads": 1, "layers": 1}}})");
}

json hugging_face_config() {
  return json::parse(R"({"model_type": "clip",
      "vision_config": {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 8},
      "text_config": {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1}})");
}

/// Weights with what lies beside them.
class Beside {
 public:
  explicit Beside(const Tensors& tensors) {
    testing::write_safetensors(folder_ / "model.safetensors", tensors);
  }
  Beside& put(const std::string& name, const json& content) {
    write_file(folder_ / name, content.dump());
    return *this;
  }
  ClipWeights read(const StatedForm& stated = {}) const {
    return read_clip_weights(folder_ / "model.safetensors", stated);
  }
  std::string refusal(const StatedForm& stated = {}) const {
    try {
      read(stated);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return "";
  }

 private:
  TemporaryFolder folder_;
};

std::string refusal_by_open_clip(const json& config) {
  return Beside(small_clip()).put("open_clip_config.json", config).refusal();
}
std::string refusal_by_hugging_face(const json& config) {
  return Beside(testing::to_hugging_face(small_clip())).put("config.json", config).refusal();
}

TEST(ClipForm, ThatNobodyTellsIsAnErrorThatNamesTheOptions) {
  const Beside weights(small_clip());
  EXPECT_THAT(weights.refusal(), AllOf(HasSubstr("--activation"), HasSubstr("--head-width"),
                                       HasSubstr("open_clip_config.json"), HasSubstr("config.json")));
  EXPECT_THAT(weights.refusal({.activation = Activation::gelu}),
              AllOf(HasSubstr("--head-width"), Not(HasSubstr("--activation"))));
  EXPECT_THAT(Beside(testing::to_hugging_face(small_clip())).refusal(), HasSubstr("--activation"));
}

TEST(ClipForm, IsWhatIsStated) {
  const auto weights = Beside(small_clip())
                           .read({.activation = Activation::gelu,
                                  .vision_head_width = 32,
                                  .mean = {{0.5, 0.5, 0.5}},
                                  .deviation = {{0.25, 0.25, 0.25}}});
  EXPECT_EQ(weights.form, (ClipForm{Activation::gelu, 32, 64, {{0.5, 0.5, 0.5}, {0.25, 0.25, 0.25}}}));
  EXPECT_EQ(weights.origin.form_from, "options");
  EXPECT_EQ(weights.origin.normalisation_from, "options");
  EXPECT_THAT(weights.remarks, IsEmpty());
}

TEST(ClipForm, OfHeadsThatDoNotFitIsAnError) {
  EXPECT_THAT(Beside(small_clip()).refusal({.activation = Activation::gelu, .vision_head_width = 80}),
              AllOf(HasSubstr("128 wide"), HasSubstr("80"), HasSubstr("--head-width")));
}

TEST(ClipForm, IsWhatOpenClipDescribes) {
  json config = open_clip_config();
  EXPECT_EQ(Beside(small_clip()).put("open_clip_config.json", config).read().form, ClipForm{});
  config["model_cfg"].erase("quick_gelu");
  config["model_cfg"]["vision_cfg"]["head_width"] = 32;
  config["preprocess_cfg"] = {{"mean", {0.5, 0.4, 0.3}}, {"std", {0.2, 0.2, 0.2}}};
  const auto weights = Beside(small_clip()).put("open_clip_config.json", config).read();
  EXPECT_EQ(weights.form, (ClipForm{Activation::gelu, 32, 64, {{0.5, 0.4, 0.3}, {0.2, 0.2, 0.2}}}));
  EXPECT_EQ(weights.origin.form_from, "open_clip_config.json");
  EXPECT_EQ(weights.origin.normalisation_from, "open_clip_config.json");
  EXPECT_THAT(weights.remarks, IsEmpty());
  config["model_cfg"]["vision_cfg"]["act_kwargs"] =
      config["model_cfg"]["text_cfg"]["act_kwargs"] = {{"approximate", "tanh"}};
  EXPECT_EQ(Beside(small_clip()).put("open_clip_config.json", config).read().form.activation,
            Activation::gelu_tanh);
}

TEST(ClipForm, IsWhatItsOwnMetadataDescribe) {
  const TemporaryFolder folder;
  json config = open_clip_config()["model_cfg"];
  config["quick_gelu"] = false;
  testing::write_safetensors(folder / "clip.safetensors", small_clip(),
                             {{"open_clip_config", config.dump()}});
  const auto weights = read_clip_weights(folder / "clip.safetensors");
  EXPECT_EQ(weights.form.activation, Activation::gelu);
  EXPECT_EQ(weights.origin.form_from, "its metadata");
}

TEST(ClipForm, ThatOpenClipDescribesOtherwiseIsNamed) {
  const auto refusal = [](const char* tower, const char* key, const json& value) {
    json config = open_clip_config();
    config["model_cfg"][tower][key] = value;
    return refusal_by_open_clip(config);
  };
  EXPECT_THAT(refusal("vision_cfg", "layers", {3, 4, 6, 3}), HasSubstr("ResNet"));
  EXPECT_THAT(refusal("vision_cfg", "width", 1280),
              AllOf(HasSubstr("width is 1280"), HasSubstr("another model")));
  EXPECT_THAT(refusal("vision_cfg", "pool_type", "avg"), HasSubstr("pool_type is \"avg\""));
  EXPECT_THAT(refusal("vision_cfg", "timm_model_name", "vit_base"), HasSubstr("timm_model_name"));
  EXPECT_THAT(refusal("vision_cfg", "norm_kwargs", {{"eps", 1e-6}}), HasSubstr("norm_kwargs"));
  EXPECT_THAT(refusal("vision_cfg", "something_new", 3), HasSubstr("something_new is 3"));
  EXPECT_THAT(refusal("text_cfg", "no_causal_mask", true), HasSubstr("no_causal_mask"));
  EXPECT_THAT(refusal("text_cfg", "hf_model_name", "roberta-base"), HasSubstr("hf_model_name"));
  EXPECT_THAT(refusal("text_cfg", "heads", 7), HasSubstr("heads is 7"));
  EXPECT_THAT(refusal("text_cfg", "act_kwargs", {{"approximate", "tanh"}}), HasSubstr("act_kwargs"));
  EXPECT_THAT(refusal_by_open_clip(json::object()), HasSubstr("no vision_cfg"));
  EXPECT_THAT(refusal_by_open_clip(json("words")), HasSubstr("not a JSON object"));
}

TEST(ClipForm, IsWhatHuggingFaceDescribes) {
  json config = hugging_face_config();
  const auto tensors = testing::to_hugging_face(small_clip());
  const auto assumed = Beside(tensors).put("config.json", config).read();
  EXPECT_EQ(assumed.form, ClipForm{});
  EXPECT_EQ(assumed.origin.normalisation_from, "assumed");
  EXPECT_THAT(assumed.remarks, ElementsAre(HasSubstr("OpenAI's mean and standard deviation are assumed")));
  config["vision_config"]["num_attention_heads"] = 4;
  config["vision_config"]["hidden_act"] = config["text_config"]["hidden_act"] = "gelu";
  const json images = {{"image_mean", {0.5, 0.5, 0.5}}, {"image_std", {0.5, 0.5, 0.5}}};
  const auto told = Beside(tensors).put("config.json", config).put("preprocessor_config.json", images).read();
  EXPECT_EQ(told.form, (ClipForm{Activation::gelu, 32, 64, {{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}}}));
  EXPECT_EQ(told.origin.form_from, "config.json");
  EXPECT_EQ(told.origin.normalisation_from, "preprocessor_config.json");
  EXPECT_THAT(told.remarks, IsEmpty());
}

TEST(ClipForm, ThatHuggingFaceDescribesTwiceIsTheSecond) {
  json config = hugging_face_config();
  config["vision_config_dict"] = config["text_config_dict"] = {{"hidden_act", "gelu"}};
  const auto weights = Beside(testing::to_hugging_face(small_clip())).put("config.json", config).read();
  EXPECT_EQ(weights.form.activation, Activation::gelu);
}

TEST(ClipForm, ThatHuggingFaceDescribesOtherwiseIsNamed) {
  const auto refusal = [](const char* tower, const char* key, const json& value) {
    json config = hugging_face_config();
    config[tower][key] = value;
    return refusal_by_hugging_face(config);
  };
  EXPECT_THAT(refusal("vision_config", "hidden_act", "relu"), HasSubstr("hidden_act is \"relu\""));
  EXPECT_THAT(refusal("text_config", "hidden_act", "gelu"), HasSubstr("other than the image tower's"));
  EXPECT_THAT(refusal("vision_config", "num_attention_heads", 3), HasSubstr("does not divide"));
  EXPECT_THAT(refusal("vision_config", "num_attention_heads", "two"), HasSubstr("not a whole number"));
  EXPECT_THAT(refusal("vision_config", "layer_norm_eps", 1e-6), HasSubstr("layer_norm_eps"));
  EXPECT_THAT(refusal("vision_config", "num_hidden_layers", 12), HasSubstr("another model"));
  json config = hugging_face_config();
  config["vision_config"].erase("num_hidden_layers");  // stands for 12 there
  EXPECT_THAT(refusal_by_hugging_face(config), HasSubstr("stands for 12"));
  EXPECT_THAT(refusal_by_hugging_face({{"model_type", "siglip"}}), HasSubstr("model_type is \"siglip\""));
  Beside images(testing::to_hugging_face(small_clip()));
  images.put("config.json", hugging_face_config())
      .put("preprocessor_config.json", {{"image_mean", {0.5, 0.5}}});
  EXPECT_THAT(images.refusal(), HasSubstr("image_mean is [0.5,0.5]"));
}

TEST(ClipForm, ThatIsStatedAgainstItsDescriptionIsFollowedWithARemark) {
  const auto weights = Beside(small_clip())
                           .put("open_clip_config.json", open_clip_config())
                           .read({.activation = Activation::gelu});
  EXPECT_EQ(weights.form.activation, Activation::gelu);
  EXPECT_THAT(weights.remarks, ElementsAre(AllOf(HasSubstr("--activation says gelu"),
                                                 HasSubstr("open_clip_config.json says quick_gelu"))));
  EXPECT_EQ(weights.origin.form_from, "open_clip_config.json and options");
}

TEST(ClipForm, OfADescriptionTooDeepIsAnErrorAndNoCrash) {
  const TemporaryFolder folder;
  testing::write_safetensors(folder / "model.safetensors", small_clip());
  write_file(folder / "open_clip_config.json", std::string(500'000, '['));
  EXPECT_THROW(read_clip_weights(folder / "model.safetensors"), Error);
}

TEST(PublishedWeights, AreKnownByTheirChecksums) {
  EXPECT_EQ(published_weights("3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02"),
            "ViT-L-14-336px.pt");
  EXPECT_EQ(published_weights("40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"),
            "ViT-B-32.pt");
  EXPECT_EQ(published_weights("5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f"),
            "ViT-B-16.pt");
  EXPECT_EQ(published_weights("b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836"),
            "ViT-L-14.pt");
  EXPECT_EQ(published_weights(""), "");
}

// Archives
// ----------------------------------------------------------------------------------------------------------

TEST(ClipForm, TravelsInTheCardAndIsPartOfTheIdentity) {
  const TemporaryFolder folder;
  const auto exported = [&](const ClipForm& form) {
    ClipWeights weights = testing::tiny_weights();
    weights.form = form;
    weights.origin.form_from = "config.json";
    export_backbone(weights, {.image_size = 70}, folder / "clip.pt");
    return Backbone::load(folder / "clip.pt", {.device = "cpu"});
  };
  const Backbone usual = exported({});
  EXPECT_EQ(usual.card().form, ClipForm{});
  EXPECT_EQ(usual.card().origin.form_from, "config.json");
  std::set<std::string> identities = {usual.checksum()};
  const Normalisation half{{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}};
  for (const ClipForm& form :
       {ClipForm{Activation::gelu, 64, 64, {}}, ClipForm{Activation::gelu_tanh, 64, 64, {}},
        ClipForm{Activation::quick_gelu, 32, 64, {}}, ClipForm{Activation::quick_gelu, 64, 32, {}},
        ClipForm{Activation::quick_gelu, 64, 64, half}}) {
    const Backbone other = exported(form);
    EXPECT_EQ(other.card().form, form);
    EXPECT_TRUE(identities.insert(other.checksum()).second);
  }
}

// What banks and stores of earlier versions know this backbone by.
TEST(ClipForm, OfOpenAiLeavesTheIdentityOfEarlierVersions) {
  EXPECT_EQ(testing::tiny_backbone().checksum(),
            "638b37eff058cf6e60853202641b4efb73434c21b81b3ce70d095e96773ed76d");
}

}  // namespace
}  // namespace res2clip
