#include "res2clip/clip/weights.hpp"

#include <cstdint>
#include <gmock/gmock.h>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

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

/// The message of the data error that reading a file gives; fails where it gives none, or more than a line.
std::string refusal(const Path& path) {
  try {
    read_clip_weights(path);
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
    expect_golden(read_clip_weights(folder / "weights").tensors, format.name.starts_with("half"));
  }
}

TEST(ClipWeights, SizesAreReadOffTheTensors) {
  const auto tensors = small_clip();
  for (const auto& format : testing::weight_formats()) {
    SCOPED_TRACE(format.name);
    const TemporaryFolder folder;
    format.write(folder / "weights", tensors);
    const auto sizes = read_clip_weights(folder / "weights").sizes;
    EXPECT_EQ(sizes.embed_dim, 32);
    EXPECT_EQ(sizes.native_size, 24);
    EXPECT_EQ(sizes.patch_size, 8);
    EXPECT_EQ(sizes.vision_width, 64);
    EXPECT_EQ(sizes.vision_layers, 2);
    EXPECT_EQ(sizes.vision_heads(), 1);
    EXPECT_EQ(sizes.text_width, 64);
    EXPECT_EQ(sizes.text_layers, 1);
    EXPECT_EQ(sizes.context_length, 77);
    EXPECT_EQ(sizes.vocabulary_size, 300);
  }
}

TEST(ClipWeights, HaveAChecksumThatIsNotThePublishedOne) {
  const TemporaryFolder folder;
  testing::write_safetensors(folder / "clip.safetensors", small_clip());
  const auto weights = read_clip_weights(folder / "clip.safetensors");
  EXPECT_EQ(weights.name, "clip.safetensors");
  EXPECT_EQ(weights.sha256, sha256_of_file(folder / "clip.safetensors"));
  EXPECT_FALSE(weights.verified);
  EXPECT_THAT(describe_weights(weights), AllOf(HasSubstr(weights.sha256), HasSubstr("not a checksum")));
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

TEST(ClipWeights, AConfigBesideThemMustNotSayThatTheyAreRunInAnotherWay) {
  const TemporaryFolder folder;
  const Path file = folder / "model.safetensors";
  testing::write_safetensors(file, testing::to_hugging_face(small_clip()));
  const auto with_config = [&](const std::string& config) {
    write_file(folder / "config.json", config);
    try {
      read_clip_weights(file);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(
      with_config(
          R"({"vision_config": {"num_attention_heads": 1, "hidden_act": "quick_gelu"}, "text_config": {}})"),
      "");
  EXPECT_THAT(with_config(R"({"vision_config": {"num_attention_heads": 2}})"),
              HasSubstr("num_attention_heads is 2"));
  EXPECT_THAT(with_config(R"({"text_config": {"hidden_act": "gelu"}})"), HasSubstr("hidden_act"));
  EXPECT_THAT(with_config("nonsense"), HasSubstr("config.json"));
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
  EXPECT_THAT(refusal_of(testing::formula_clip({96, 1, 8, 24, 32, 64, 1})), HasSubstr("multiples of 64"));
  tensors = small_clip();
  tensors["visual.proj"] = at::zeros({64, 32}, at::kLong);
  EXPECT_THAT(refusal_of(tensors), HasSubstr("visual.proj holds no floating-point"));
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
        read_clip_weights(folder / "damaged");
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
  write_file(folder / "old", "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 \x6a\xa8"s);
  EXPECT_THAT(refusal(folder / "old"), HasSubstr("before version 1.6"));
  EXPECT_THAT(refusal(folder / "absent"), HasSubstr("no such file"));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("no such file"));
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
}

}  // namespace
}  // namespace res2clip
