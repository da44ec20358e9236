#include "res2clip/model/checkpoint.hpp"

#include <array>
#include <caffe2/serialize/inline_container.h>
#include <cstdlib>
#include <functional>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/torch_files/pickle_writer.hpp"

#include "support/adapter_tensors.hpp"
#include "support/fails.hpp"
#include "support/formula.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using testing::Fails;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using testing::tensors_of;

const std::vector<int> kLayers{6, 12, 18, 24};

void expect_equal(const std::map<std::string, at::Tensor>& actual,
                  const std::map<std::string, at::Tensor>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, tensor] : expected) EXPECT_TRUE(actual.at(name).equal(tensor)) << name;
}

auto reading(const Path& path) {
  return [path] { read_checkpoint(path); };
}

/// A small checkpoint as a value to be spoilt and written.
using Content = std::map<std::string, std::map<std::string, PickleValue>>;

Content small_content() {
  Content content;
  for_each_tensor(assemble_adapters(testing::formula_adapters(8, {1}, {1}, 2), "formula"),
                  [&](const AdapterTensor& which, const at::Tensor& tensor) {
                    content[std::string(name_of(which.group))][which.key()] = PickleValue(tensor);
                  });
  return content;
}

void write(const Path& path, const Content& content) {
  auto outer = std::make_shared<PickleValue::Dict>();
  for (const auto& [group, state] : content) {
    auto inner = std::make_shared<PickleValue::Dict>();
    for (const auto& [key, value] : state) inner->emplace_back(PickleValue(key), value);
    outer->emplace_back(PickleValue(group), PickleValue(inner));
  }
  write_torch_pickle(path, PickleValue(outer));
}

auto reading_spoilt(const std::function<void(Content&)>& spoil) {
  return [spoil] {
    const TemporaryFolder folder;
    Content content = small_content();
    spoil(content);
    write(folder / "spoilt.pth", content);
    read_checkpoint(folder / "spoilt.pth");
  };
}

/// A data error that names the file that reading_spoilt() writes.
auto refused_since(const std::string& reason) {
  return Fails(ErrorKind::data, AllOf(HasSubstr("spoilt.pth: "), HasSubstr(reason)));
}

TEST(ReadCheckpoint, ReadsWhatTheReleasedCodeWrote) {
  const Adapters adapters = read_checkpoint(testing::test_data("generated/checkpoint_ep2.pth"));
  EXPECT_EQ(embed_dim(adapters), 96);
  EXPECT_NO_THROW(require_fit(adapters, 96, kLayers, kLayers, "checkpoint_ep2.pth"));
  const auto goldens = testing::Goldens::read(testing::test_data("generated/training_tiny.pt"));
  int compared = 0;
  for (const auto& [name, tensor] : tensors_of(adapters)) {
    if (!goldens.has("final/" + name)) continue;
    EXPECT_TRUE(tensor.equal(goldens["final/" + name])) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 84);
}

TEST(ReadCheckpoint, ReadsWhatTheReleasedCodeWroteAtFullWidth) {
  const auto folder = testing::full_fixtures();
  if (!folder) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  expect_equal(tensors_of(read_checkpoint(*folder / "checkpoint_768.pth")),
               testing::formula_adapters(768, kLayers, kLayers, 2));
  const auto goldens = testing::Goldens::read(*folder / "training_tiny.pt");
  for (const auto& [name, tensor] : tensors_of(read_checkpoint(*folder / "checkpoint_ep4.pth")))
    EXPECT_TRUE(tensor.equal(goldens["final/" + name])) << name;
}

TEST(WriteCheckpoint, IsReadBackToTheBit) {
  const TemporaryFolder folder;
  const std::array visual{3, 10};
  const std::array residual{10};
  const Adapters adapters = fresh_adapters(96, visual, residual, 111);
  write_checkpoint(folder / "a.pth", adapters);
  const Adapters again = read_checkpoint(folder / "a.pth");
  EXPECT_EQ(again.vis_adapters.size(), 2u);
  EXPECT_EQ(again.res_vis_local_adapters.size(), 1u);
  expect_equal(tensors_of(again), tensors_of(adapters));
}

TEST(WriteCheckpoint, GivesTheSameBytesUnderAnyName) {
  const TemporaryFolder folder;
  const Adapters adapters = fresh_adapters(16, std::array{1}, std::array{1}, 111);
  write_checkpoint(folder / "a.pth", adapters);
  write_checkpoint(folder / "deeper/other name.pt", adapters);
  EXPECT_EQ(read_file(folder / "a.pth"), read_file(folder / "deeper/other name.pt"));
}

TEST(CheckpointDigest, IsVerifiedWhereItIsStated) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "a.pth", fresh_adapters(16, std::array{1}, std::array{1}, 111));
  EXPECT_EQ(checkpoint_digest(folder / "a.pth").size(), 64u);
  EXPECT_EQ(checkpoint_digest(testing::test_data("generated/checkpoint_ep2.pth")), "");
  std::string bytes = read_file(folder / "a.pth");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_file(folder / "changed.pth", bytes);
  EXPECT_THAT(reading(folder / "changed.pth"), Fails(ErrorKind::data, HasSubstr("SHA-256 over its members")));
}

TEST(WriteCheckpoint, IsLoadedByPython) {
  // A Python that has torch: the environment variable RES2CLIP_PYTHON, or the one on the path.
  const char* named = std::getenv("RES2CLIP_PYTHON");
  const std::string python = named != nullptr ? named : "python3";
  if (std::system((python + " -c 'import torch' 2> /dev/null").c_str()) != 0)
    GTEST_SKIP() << python << " has no torch; name one that has with RES2CLIP_PYTHON";
  const TemporaryFolder folder;
  const Adapters adapters = read_checkpoint(testing::test_data("generated/checkpoint_ep2.pth"));
  write_checkpoint(folder / "ours.pth", adapters);
  const std::string script = R"(
import sys, torch
from collections import OrderedDict
ours, theirs = (torch.load(path, weights_only=True) for path in sys.argv[1:])
assert type(ours) is dict and list(ours) == list(theirs)
for group in theirs:
    assert type(ours[group]) is OrderedDict and list(ours[group]) == list(theirs[group])
    for key, tensor in theirs[group].items():
        assert ours[group][key].dtype == tensor.dtype and torch.equal(ours[group][key], tensor), key
)";
  write_file(folder / "compare.py", script);
  const std::string command = python + " " + (folder / "compare.py").string() + " " +
                              (folder / "ours.pth").string() + " " +
                              testing::test_data("generated/checkpoint_ep2.pth").string();
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST(ReadCheckpoint, NamesWhatIsMissing) {
  EXPECT_THAT(reading_spoilt([](Content& content) { content.erase("text_adapter"); }),
              refused_since("it has no 'text_adapter'"));
  EXPECT_THAT(reading_spoilt([](Content& content) { content["text_adapter"].erase("fc1.weight"); }),
              refused_since("has no text_adapter.fc1.weight"));
  EXPECT_THAT(reading_spoilt([](Content& content) { content["vis_adapters"].erase("1.up.weight"); }),
              refused_since("has no vis_adapters.1.up.weight"));
}

TEST(ReadCheckpoint, NamesWhatDoesNotBelongThere) {
  const PickleValue tensor(at::zeros({8}));
  EXPECT_THAT(reading_spoilt([&](Content& content) { content["optimizer"]["step"] = tensor; }),
              refused_since("it has entries besides"));
  EXPECT_THAT(reading_spoilt([&](Content& content) { content["text_adapter"]["fc1.bias"] = tensor; }),
              refused_since("text_adapter.fc1.bias belongs to no adapter"));
  EXPECT_THAT(reading_spoilt([&](Content& content) { content["vis_adapters"]["1.extra"] = tensor; }),
              refused_since("vis_adapters.1.extra belongs to no adapter"));
  EXPECT_THAT(reading_spoilt([&](Content& content) { content["vis_adapters"]["x.norm.weight"] = tensor; }),
              refused_since("vis_adapters.x.norm.weight belongs to no adapter"));
}

TEST(ReadCheckpoint, NamesTensorsOfWrongShapeTypeOrValue) {
  const auto with = [](const std::string& key, const PickleValue& value) {
    return reading_spoilt([=](Content& content) { content["res_text_adapter"][key] = value; });
  };
  EXPECT_THAT(with("fc1.weight", PickleValue(at::zeros({2, 7}))),
              refused_since("res_text_adapter.fc1.weight has shape [2, 7]; it must be [2, 8]"));
  EXPECT_THAT(with("fc1.weight", PickleValue(at::zeros({2, 8}, at::kLong))), refused_since("floating-point"));
  EXPECT_THAT(with("norm.bias", PickleValue(at::full({8}, std::nan("")))), refused_since("not finite"));
  EXPECT_THAT(with("norm.bias", PickleValue(at::full({8}, 1e300, at::kDouble))), refused_since("not finite"));
  EXPECT_THAT(with("norm.bias", PickleValue(std::string("zero"))),
              refused_since("norm.bias is not a tensor"));
}

TEST(ReadCheckpoint, ReadsHalfPrecisionTensors) {
  const TemporaryFolder folder;
  Content content = small_content();
  content["text_adapter"]["norm.weight"] = PickleValue(at::ones({8}, at::kHalf));
  write(folder / "half.pth", content);
  EXPECT_TRUE(read_checkpoint(folder / "half.pth").text_adapter.norm_weight.equal(at::ones({8})));
}

TEST(ReadCheckpoint, RefusesFilesThatAreNoCheckpoints) {
  const TemporaryFolder folder;
  EXPECT_THAT(reading(folder / "absent.pth"), Fails(ErrorKind::data, HasSubstr("absent.pth")));
  write_file(folder / "empty.pth", "");
  EXPECT_THAT(reading(folder / "empty.pth"), Fails(ErrorKind::data, HasSubstr("empty.pth")));
  write_file(folder / "text.pth", "learning_rate: 0.1\n");
  EXPECT_THAT(reading(folder / "text.pth"), Fails(ErrorKind::data, HasSubstr("text.pth")));
  write_torch_pickle(folder / "tensor.pth", PickleValue(at::zeros({3})));
  EXPECT_THAT(reading(folder / "tensor.pth"), Fails(ErrorKind::data, HasSubstr("it holds no dict")));
  EXPECT_THAT(reading(testing::test_data("generated/training_tiny.pt")),
              Fails(ErrorKind::data, HasSubstr("it has no 'vis_adapters'")));
}

TEST(ReadCheckpoint, RefusesAFileCutOffAnywhere) {
  const TemporaryFolder folder;
  write(folder / "whole.pth", small_content());
  const std::string bytes = read_file(folder / "whole.pth");
  for (std::size_t size = 0; size < bytes.size(); size += 997) {
    write_file(folder / "cut.pth", std::string_view(bytes).substr(0, size));
    EXPECT_THAT(reading(folder / "cut.pth"), Fails(ErrorKind::data, HasSubstr("cut.pth"))) << size;
  }
}

TEST(ReadCheckpoint, RunsNothingOfAHostileFile) {
  const TemporaryFolder folder;
  const Path proof = folder / "proof";
  const std::string command = "touch " + proof.string();
  // What Python would run on loading: os.system(command).
  std::string pickle = "\x80\x02";
  pickle += "cos\nsystem\n(X";
  for (int i = 0; i < 4; ++i) pickle += static_cast<char>(command.size() >> (8 * i));
  pickle += command + "tR.";
  {
    caffe2::serialize::PyTorchStreamWriter writer((folder / "hostile.pth").string());
    writer.writeRecord("data.pkl", pickle.data(), pickle.size());
    writer.writeEndOfFile();
  }
  EXPECT_THAT(reading(folder / "hostile.pth"), Fails(ErrorKind::data, HasSubstr("os.system")));
  EXPECT_FALSE(std::filesystem::exists(proof));
}

}  // namespace
}  // namespace res2clip
