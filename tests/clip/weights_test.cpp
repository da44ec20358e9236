#include "res2clip/clip/weights.hpp"

#include <cstdint>
#include <filesystem>
#include <gmock/gmock.h>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "res2clip/clip/archive.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "clip/weight_files.hpp"
#include "support/formula.hpp"
#include "support/goldens.hpp"
#include "support/safetensors.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using namespace std::string_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TemporaryFolder;
using testing::Tensors;

/// A CLIP small enough to be written many times.
Tensors small_clip() {
  auto tensors = testing::formula_clip({64, 2, 8, 24, 32, 64, 1});
  tensors["token_embedding.weight"] = tensors["token_embedding.weight"].slice(0, 0, 300).clone();
  return tensors;
}

/// What files under OpenAI's names do not say.
const StatedForm kOpenAi{.activation = Activation::quick_gelu, .vision_head_width = 64};

/// The message of the data error that reading a file gives; fails where it gives none, or more than a line.
std::string refusal(const Path& path) {
  try {
    read_clip_weights(path, kOpenAi);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_THAT(error.what(), AllOf(HasSubstr(path.string()), Not(HasSubstr("\n"))));
    return error.what();
  }
  ADD_FAILURE() << path << ": no error";
  return "";
}

std::string refusal_of(const Tensors& tensors) {
  const TemporaryFolder folder;
  testing::write_safetensors(folder / "clip.safetensors", tensors);
  return refusal(folder / "clip.safetensors");
}

/// Five values of every tensor and both sums are those of the goldens; of a tensor in half precision, the
/// values rounded.
void expect_golden(const Tensors& tensors, bool half) {
  const auto goldens = testing::read_json(testing::test_data("goldens/weights.json"));
  const auto exact = testing::formula_clip(testing::kTinyClip);
  const auto rounded = testing::halved(exact);
  std::size_t compared = 0;
  for (const auto& golden : goldens["tensors"]) {
    const std::string name = golden["name"];
    if (golden["salt"] != 0 || name == "logit_scale") continue;
    ASSERT_TRUE(tensors.contains(name)) << name;
    const auto& tensor = tensors.at(name);
    EXPECT_EQ(tensor.sizes(), at::IntArrayRef(golden["shape"].get<std::vector<std::int64_t>>())) << name;
    EXPECT_EQ(tensor.scalar_type(), at::kFloat) << name;
    ++compared;
    if (half && rounded.at(name).scalar_type() == at::kHalf) {
      EXPECT_TRUE(tensor.equal(rounded.at(name).to(at::kFloat))) << name;
      continue;
    }
    for (std::size_t i = 0; i < golden["index"].size(); ++i)
      EXPECT_EQ(tensor.flatten()[golden["index"][i].get<std::int64_t>()].item<float>(),
                golden["value"][i].get<float>())
          << name;
    // Two orders of summation in double.
    EXPECT_NEAR(tensor.to(at::kDouble).sum().item<double>(), golden["sum"].get<double>(), 1e-8) << name;
    EXPECT_TRUE(tensor.equal(exact.at(name))) << name;
  }
  EXPECT_EQ(compared, tensors.size());
}

TEST(ClipWeights, OfEveryPublishedFormatAreTheGoldens) {
  const auto tensors = testing::formula_clip(testing::kTinyClip);
  for (const auto& format : testing::weight_formats()) {
    SCOPED_TRACE(format.name);
    const TemporaryFolder folder;
    format.write(folder / "weights", tensors);
    expect_golden(read_clip_weights(folder / "weights", kOpenAi).tensors, format.name.starts_with("half"));
  }
}

TEST(ClipWeights, SizesAreReadOffTheTensors) {
  const auto tensors = small_clip();
  for (const auto& format : testing::weight_formats()) {
    SCOPED_TRACE(format.name);
    const TemporaryFolder folder;
    format.write(folder / "weights", tensors);
    const auto sizes = read_clip_weights(folder / "weights", kOpenAi).sizes;
    EXPECT_EQ(sizes.embed_dim, 32);
    EXPECT_EQ(sizes.native_size, 24);
    EXPECT_EQ(sizes.patch_size, 8);
    EXPECT_EQ(sizes.vision_width, 64);
    EXPECT_EQ(sizes.vision_layers, 2);
    EXPECT_EQ(sizes.text_width, 64);
    EXPECT_EQ(sizes.text_layers, 1);
    EXPECT_EQ(sizes.context_length, 77);
    EXPECT_EQ(sizes.vocabulary_size, 300);
  }
}

TEST(ClipWeights, HaveAChecksumThatIsNotThePublishedOne) {
  const TemporaryFolder folder;
  testing::write_safetensors(folder / "clip.safetensors", small_clip());
  const auto weights = read_clip_weights(folder / "clip.safetensors", kOpenAi);
  EXPECT_EQ(weights.origin.name, "clip.safetensors");
  EXPECT_EQ(weights.origin.sha256, sha256_of_file(folder / "clip.safetensors"));
  EXPECT_FALSE(weights.origin.verified);
  EXPECT_THAT(describe_weights(weights.origin, weights.sizes),
              AllOf(HasSubstr(weights.origin.sha256), HasSubstr("not a checksum")));
}

TEST(ClipWeights, TensorsThatAreMissingTooManyOrMisshapenAreNamed) {
  auto tensors = small_clip();
  tensors.erase("visual.transformer.resblocks.1.mlp.c_fc.bias");
  tensors["ln_final.bias"] = at::zeros({65});
  tensors["visual.adapter.weight"] = at::zeros({2});
  EXPECT_THAT(refusal_of(tensors),
              AllOf(HasSubstr("missing: visual.transformer.resblocks.1.mlp.c_fc.bias"),
                    HasSubstr("ln_final.bias [65] instead of [64]"), HasSubstr("visual.adapter.weight")));
}

TEST(ClipWeights, OfHuggingFaceAreNamedByTheirOwnNamesWhereTheyHaveNoOther) {
  const auto whole = testing::to_hugging_face(small_clip());
  const std::string query = "vision_model.encoder.layers.0.self_attn.q_proj.weight";
  auto tensors = whole;
  tensors.erase(query);
  EXPECT_THAT(refusal_of(tensors), HasSubstr(query + " is missing"));
  tensors = whole;
  tensors[query] = at::zeros({3, 4});
  EXPECT_THAT(refusal_of(tensors), AllOf(HasSubstr(query), HasSubstr("misshapen")));
  tensors = whole;
  for (const std::string part : {"q", "k", "v"})
    tensors["text_model.encoder.layers.0.self_attn." + part + "_proj.bias"] = at::zeros({});
  EXPECT_THAT(refusal_of(tensors), HasSubstr("misshapen"));
  tensors = whole;
  tensors["vision_model.encoder.layers.0.gate.weight"] = at::zeros({2});
  EXPECT_THAT(refusal_of(tensors), HasSubstr("vision_model.encoder.layers.0.gate.weight"));
  tensors = whole;
  tensors["visual_projection.weight"] = at::zeros({2, 2, 2});
  EXPECT_THAT(refusal_of(tensors), HasSubstr("visual.proj"));
  tensors = whole;
  tensors.erase("vision_model.post_layernorm.bias");
  EXPECT_THAT(refusal_of(tensors), HasSubstr("missing: vision_model.post_layernorm.bias"));
}

TEST(ClipWeights, ABlockWithAGapIsABlockAndEveryMissingTensorIsNamed) {
  for (const std::string name :
       {"visual.transformer.resblocks.0.ln_1.weight", "transformer.resblocks.0.ln_1.weight"}) {
    auto tensors = small_clip();
    tensors.erase(name);
    EXPECT_THAT(refusal_of(tensors), AllOf(HasSubstr("missing: " + name), Not(HasSubstr("not part"))));
  }
  auto tensors = small_clip();
  tensors.erase("visual.proj");
  tensors.erase("token_embedding.weight");
  EXPECT_THAT(refusal_of(tensors), AllOf(HasSubstr("visual.proj"), HasSubstr("token_embedding.weight")));
  auto renamed = testing::to_hugging_face(small_clip());
  renamed.erase("visual_projection.weight");
  renamed.erase("text_model.encoder.layers.0.mlp.fc1.bias");
  EXPECT_THAT(refusal_of(renamed), HasSubstr("visual_projection.weight"));
  renamed = testing::to_hugging_face(small_clip());
  renamed.erase("text_model.encoder.layers.0.mlp.fc1.bias");
  EXPECT_THAT(refusal_of(renamed), HasSubstr("missing: text_model.encoder.layers.0.mlp.fc1.bias"));
}

TEST(ClipWeights, ThatAreNotFiniteAreRefusedByName) {
  auto tensors = small_clip();
  tensors["ln_final.bias"][3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(refusal_of(tensors), HasSubstr("ln_final.bias holds numbers that are not finite"));
}

TEST(ClipWeights, OfOtherModelsAreRefusedWithTheReason) {
  EXPECT_THAT(refusal_of({{"conv.weight", at::zeros({3, 3})}}), HasSubstr("is not a CLIP"));
  EXPECT_THAT(refusal_of({{"visual.layer1.0.conv1.weight", at::zeros({3, 3})}}), HasSubstr("ResNet"));
  auto tensors = small_clip();
  tensors["visual.positional_embedding"] = at::zeros({9, 64});
  EXPECT_THAT(refusal_of(tensors), HasSubstr("not a square grid"));
  tensors = small_clip();
  tensors["visual.proj"] = at::zeros({64, 32}, at::kLong);
  EXPECT_THAT(refusal_of(tensors), HasSubstr("visual.proj holds no floating-point"));
}

TEST(ClipWeights, OfOtherModelsAreNamedAsWhatTheyAre) {
  const auto one = [](const std::string& name) { return std::pair{name, at::zeros({1})}; };
  EXPECT_THAT(refusal_of({one("vision_model.head.probe"), one("text_model.head.weight")}),
              HasSubstr("SigLIP"));
  EXPECT_THAT(refusal_of({one("visual.trunk.blocks.0.norm1.weight"), one("logit_bias")}),
              HasSubstr("SigLIP"));
  EXPECT_THAT(refusal_of({one("visual.trunk.stem.0.weight")}), HasSubstr("timm"));
  EXPECT_THAT(
      refusal_of({one("visual.conv1.weight"), one("text.transformer.embeddings.word_embeddings.weight")}),
      HasSubstr("Hugging Face's library"));
  EXPECT_THAT(refusal_of({one("vision_model.embeddings.class_embedding"), one("visual_projection.weight")}),
              HasSubstr("image tower alone"));
  EXPECT_THAT(refusal_of({one("token_embedding.weight"), one("text_projection")}),
              HasSubstr("text tower alone"));
}

TEST(ClipWeights, AnArchiveOfOursIsToldFromWeights) {
  const TemporaryFolder folder;
  testing::write_safetensors(folder / "clip.safetensors", testing::formula_clip({64, 2, 8, 24, 32, 64, 1}));
  export_backbone(read_clip_weights(folder / "clip.safetensors", kOpenAi), {.image_size = 24},
                  folder / "clip.pt");
  EXPECT_THAT(refusal(folder / "clip.pt"), HasSubstr("an archive that `res2clip export` wrote"));
}

TEST(ClipWeights, ABlockMayBeWiderOrNarrowerInsideThanFourTimes) {
  const TemporaryFolder folder;
  testing::write_safetensors(folder / "clip.safetensors",
                             testing::formula_clip({64, 2, 8, 24, 32, 64, 1, 315}));
  EXPECT_EQ(read_clip_weights(folder / "clip.safetensors", kOpenAi)
                .tensors.at("visual.transformer.resblocks.1.mlp.c_proj.weight")
                .size(1),
            315);
}

// Folders, shards, wraps
// ---------------------------------------------------------------------------------------------------------

/// The tensors in two files, with the index that Hugging Face's library writes.
void write_shards(const Path& folder, const Tensors& tensors) {
  Tensors parts[2];
  nlohmann::json map;
  for (const auto& [name, tensor] : tensors) {
    const int part = name < "text_model.encoder.layers.0.mlp" ? 0 : 1;
    parts[part][name] = tensor;
    map[name] = "part-" + std::to_string(part) + ".safetensors";
  }
  for (const int part : {0, 1})
    testing::write_safetensors(folder / ("part-" + std::to_string(part) + ".safetensors"), parts[part]);
  write_file(folder / "model.safetensors.index.json", nlohmann::json{{"weight_map", map}}.dump());
}

TEST(ClipWeights, InShardsAreTheSameWeights) {
  const TemporaryFolder folder;
  const auto tensors = small_clip();
  write_shards(folder.path(), testing::to_hugging_face(tensors));
  const auto whole = read_clip_weights(folder.path(), kOpenAi);
  for (const auto& [name, tensor] : whole.tensors) EXPECT_TRUE(tensor.equal(tensors.at(name))) << name;
  const auto index = read_clip_weights(folder / "model.safetensors.index.json", kOpenAi);
  EXPECT_EQ(index.origin.sha256, whole.origin.sha256);
  EXPECT_THAT(whole.origin.name, HasSubstr("/model.safetensors.index.json"));
  std::filesystem::remove(folder / "part-1.safetensors");
  EXPECT_THAT(refusal(folder.path()), HasSubstr("part-1.safetensors is missing"));
  write_file(folder / "model.safetensors.index.json", R"({"weight_map": {"a": "../secret"}})");
  EXPECT_THAT(refusal(folder.path()), HasSubstr("not a file beside the index"));
  write_file(folder / "model.safetensors.index.json", std::string(100000, '['));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("not an index"));
}

TEST(ClipWeights, InAFolderOfSeveralMustBeNamed) {
  const TemporaryFolder folder;
  testing::write_safetensors(folder / "one.safetensors", small_clip());
  EXPECT_EQ(read_clip_weights(folder.path(), kOpenAi).origin.sha256,
            sha256_of_file(folder / "one.safetensors"));
  testing::write_safetensors(folder / "two.safetensors", small_clip());
  EXPECT_THAT(refusal(folder.path()), HasSubstr("one.safetensors or two.safetensors"));
}

TEST(ClipWeights, UnderTheWrapsOfATrainingAreTheSameWeights) {
  const TemporaryFolder folder;
  const auto tensors = small_clip();
  for (const std::string prefix : {"module.", "_orig_mod.", "module._orig_mod.", "model."}) {
    testing::write_state_dict(folder / "weights", testing::with_prefix(tensors, prefix));
    const auto found = read_clip_weights(folder / "weights", kOpenAi).tensors;
    EXPECT_TRUE(found.at("visual.proj").equal(tensors.at("visual.proj"))) << prefix;
  }
}

TEST(ClipWeights, ATruncatedFileIsAnErrorAtAnyLength) {
  for (const auto& format : testing::weight_formats()) {
    SCOPED_TRACE(format.name);
    const TemporaryFolder folder;
    format.write(folder / "whole", small_clip());
    const std::string bytes = read_file(folder / "whole");
    for (const std::size_t cut :
         {std::size_t{0}, std::size_t{1}, std::size_t{8}, std::size_t{9}, std::size_t{100}, bytes.size() / 3,
          bytes.size() - 1000, bytes.size() - 1}) {
      write_file(folder / "cut", std::string_view(bytes).substr(0, cut));
      EXPECT_NE(refusal(folder / "cut"), "") << cut;
    }
  }
}

TEST(ClipWeights, DamageAnywhereInAFileIsAnErrorOrOtherNumbers) {
  for (const auto& format : testing::weight_formats()) {
    SCOPED_TRACE(format.name);
    const TemporaryFolder folder;
    format.write(folder / "whole", small_clip());
    const std::string bytes = read_file(folder / "whole");
    for (std::size_t i = 0; i < 60; ++i) {
      std::string damaged = bytes;
      const std::size_t place = i < 30 ? i * 61 : bytes.size() - 1 - (i - 30) * 97;
      damaged[place] = static_cast<char>(damaged[place] ^ (0x41 + i));
      write_file(folder / "damaged", damaged);
      try {
        read_clip_weights(folder / "damaged", kOpenAi);
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::data) << error.what();
        EXPECT_THAT(error.what(), AllOf(HasSubstr("damaged"), Not(HasSubstr("\n"))));
      }
    }
  }
}

TEST(ClipWeights, AForeignFileIsAnErrorThatNamesIt) {
  const TemporaryFolder folder;
  write_file(folder / "text", "this is a text and no weights file");
  EXPECT_THAT(refusal(folder / "text"), HasSubstr("not a PyTorch file"));
  write_file(folder / "pointer/model.safetensors",
             "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n");
  EXPECT_THAT(refusal(folder / "pointer/model.safetensors"), HasSubstr("git lfs pull"));
  write_file(folder / "pickle", "\x80\x02}q\0X\1\0\0\0a."s);
  EXPECT_THAT(refusal(folder / "pickle"), HasSubstr("not one that torch.save wrote"));
  EXPECT_THAT(refusal(folder / "absent"), HasSubstr("no such file"));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("holds no weights"));
  EXPECT_THAT(refusal(testing::test_data("generated/backbone_tiny.pt")), HasSubstr("is not a CLIP"));
}

/// A safetensors file of this header and eight bytes of data.
std::string refusal_of_header(const std::string& header) {
  const TemporaryFolder folder;
  const std::uint64_t length = header.size();
  write_file(folder / "f",
             std::string(reinterpret_cast<const char*>(&length), 8) + header + std::string(8, '\0'));
  return refusal(folder / "f");
}

TEST(Safetensors, AHeaderThatMakesNoSenseIsAnErrorThatNamesTheTensor) {
  const auto entry = [](const std::string& type, const std::string& shape, const std::string& offsets) {
    return R"({"x": {"dtype": ")" + type + R"(", "shape": )" + shape + R"(, "data_offsets": )" + offsets +
           "}}";
  };
  for (const auto& header :
       {entry("F32", "[2]", "[0, 4]"), entry("F32", "[2]", "[4, 12]"), entry("F32", "[2]", "[8, 0]"),
        entry("F32", "[-2]", "[0, 8]"), entry("F7", "[2]", "[0, 8]"), entry("F32", "[2]", "[0]"),
        entry("F32", "2", "[0, 8]"), entry("F32", "[4611686018427387904, 4]", "[0, 0]"),
        entry("F32", R"(["2"])", "[0, 8]"), entry("F32", "[2]", "[-8, 0]"), std::string(R"({"x": 7})"),
        std::string(R"({"x": {}})")})
    EXPECT_THAT(refusal_of_header(header), HasSubstr("tensor x")) << header;
  EXPECT_THAT(refusal_of_header("{\"x\": "), HasSubstr("not JSON"));
  EXPECT_THAT(refusal_of_header("{}"), HasSubstr("is not a CLIP"));
  EXPECT_THAT(refusal_of_header("{" + std::string(200000, '[')), HasSubstr("not JSON"));
  EXPECT_THAT(refusal_of_header("{\"x\":" + std::string(90'000'000, '[')),
              HasSubstr("not JSON"));  // in no memory
  EXPECT_THAT(refusal_of_header(R"({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},)"
                                R"( "y": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})"),
              HasSubstr("overlap"));
}

}  // namespace
}  // namespace res2clip
