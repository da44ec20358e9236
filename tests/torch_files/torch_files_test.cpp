// Files as PyTorch and training scripts write them (tests/tools/make_torch_files.py), and such as strangers
// would.
#include <caffe2/serialize/inline_container.h>
#include <cstdint>
#include <cstring>
#include <gmock/gmock.h>

#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/torch_files/pickle_reader.hpp"
#include "res2clip/torch_files/zip.hpp"

#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using testing::test_data;

const TorchFileRules kObjects{.objects = true, .inside = {"state_dict"}};

template <class Job>
std::string refusal(const Job& job) {
  try {
    job();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

at::Tensor part_weight() {
  return at::arange(6, at::kFloat).view({2, 3});
}
at::Tensor part_bias() {
  return at::tensor({0.5f, -0.5f});
}

TEST(TorchFiles, OfBeforePyTorch16AreRead) {
  const auto state = read_torch_pickle(test_data("torch_files/before_1_6.pth"));
  ASSERT_NE(state.find("part.weight"), nullptr);
  EXPECT_TRUE(state.find("part.weight")->tensor()->equal(part_weight()));
  EXPECT_TRUE(state.find("part.bias")->tensor()->equal(part_bias()));
  EXPECT_EQ(state.find("input_resolution")->tensor()->item<std::int64_t>(), 224);
}

TEST(TorchFiles, TensorsThatShareNumbersComeWithMemoryOfTheirOwn) {
  const auto state = read_torch_pickle(test_data("torch_files/before_1_6_shared.pth"));
  state.find("part.weight")->tensor()->fill_(7);
  EXPECT_TRUE(state.find("part.turned")->tensor()->equal(part_weight().t()));
}

TEST(TorchFiles, ACutFileOfBeforePyTorch16IsAnErrorAtAnyLength) {
  const TemporaryFolder folder;
  const std::string bytes = read_file(test_data("torch_files/before_1_6.pth"));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    write_file(folder / "cut.pth", bytes.substr(0, size));
    EXPECT_THAT(refusal([&] { read_torch_pickle(folder / "cut.pth"); }), HasSubstr("cut.pth")) << size;
  }
}

TEST(TorchFiles, DamageAnywhereInAFileOfBeforePyTorch16IsAnErrorOrAnotherNumber) {
  const TemporaryFolder folder;
  const std::string bytes = read_file(test_data("torch_files/before_1_6.pth"));
  for (std::size_t place = 0; place < bytes.size(); ++place) {
    std::string damaged = bytes;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x55);
    write_file(folder / "damaged.pth", damaged);
    try {
      read_torch_pickle(folder / "damaged.pth", kObjects);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data) << error.what();
    }
  }
}

TEST(TorchFiles, ATorchScriptArchiveFromAGpuIsABagOfAttributes) {
  const Path path = test_data("torch_files/gpu.pt");
  const auto module = read_torch_pickle(path, kObjects);
  const auto* part = module.find("part");
  ASSERT_NE(part, nullptr);
  ASSERT_NE(part->find("weight"), nullptr);
  EXPECT_TRUE(part->find("weight")->tensor()->equal(part_weight().to(at::kHalf)));
  EXPECT_TRUE(part->find("bias")->tensor()->device().is_cpu());
  EXPECT_EQ(module.find("input_resolution")->tensor()->item<std::int64_t>(), 224);
  EXPECT_EQ(*module.find("widths")->list()->front().integer(), 3);
  EXPECT_THAT(refusal([&] { read_torch_pickle(path); }), HasSubstr("__torch__.Model"));
}

TEST(TorchFiles, OfATrainingOnlyTheWrappedWeightsAreRead) {
  const Path path = test_data("torch_files/training.pt");
  const auto state = read_torch_pickle(path, kObjects);
  EXPECT_EQ(state.find("optimizer"), nullptr);
  EXPECT_TRUE(state.find("module.part.weight")->tensor()->equal(part_weight()));
  const auto whole = read_torch_pickle(path, {.objects = true, .inside = {}});
  EXPECT_NE(whole.find("optimizer")->dict(), nullptr);
  EXPECT_EQ(*whole.find("args")->find("name")->text(), "run");
  EXPECT_TRUE(whole.find("best")->is_none());  // a number that only a function of NumPy could make
  EXPECT_THAT(refusal([&] { read_torch_pickle(path); }), HasSubstr("argparse.Namespace"));
}

TEST(TorchFiles, APythonModuleIsABagOfAttributesToo) {
  const auto module = read_torch_pickle(test_data("torch_files/module.pt"), kObjects);
  const auto* part = module.find("_modules")->find("part");
  ASSERT_NE(part, nullptr);
  EXPECT_TRUE(part->find("_parameters")->find("weight")->tensor()->equal(part_weight()));
}

/// A zip of PyTorch's with these records.
void write_zip(const Path& path, const std::vector<std::pair<std::string, std::string>>& records,
               bool compress = false) {
  caffe2::serialize::PyTorchStreamWriter writer(path.string());
  for (const auto& [name, bytes] : records) writer.writeRecord(name, bytes.data(), bytes.size(), compress);
  writer.writeEndOfFile();
}

std::string refusal_of_records(const std::vector<std::pair<std::string, std::string>>& records,
                               bool compress = false) {
  const TemporaryFolder folder;
  write_zip(folder / "f.pt", records, compress);
  return refusal([&] { read_torch_pickle(folder / "f.pt", kObjects); });
}

TEST(TorchFiles, ACompressedPickleIsRefusedUnread) {
  const std::string bomb = "\x80\x02(" + std::string(64 << 20, 'N') + "t.";
  EXPECT_THAT(refusal_of_records({{"data.pkl", bomb}}, /*compress=*/true), HasSubstr("compressed"));
}

TEST(TorchFiles, ATextThatIsNamedManyTimesIsHeldOnce) {
  // 20,000 copies of a text of 300 KB would be 6 GB.
  const std::uint32_t size = 300'000;
  std::string pickle =
      "\x80\x02X" + std::string(reinterpret_cast<const char*>(&size), 4) + std::string(size, 'x') + "q\0("s;
  for (int i = 0; i < 20'000; ++i) pickle += "h\0"s;
  const TemporaryFolder folder;
  write_zip(folder / "f.pt", {{"data.pkl", pickle + "t\x86."}});  // the text, and a tuple of it
  const auto value = read_torch_pickle(folder / "f.pt");
  const auto& many = *value.list()->back().list();
  ASSERT_EQ(many.size(), 20'000u);
  EXPECT_EQ(many.front().text(), many.back().text());  // the same memory
}

TEST(TorchFiles, AMemoOfFourBillionIsNoMemory) {
  const TemporaryFolder folder;
  write_zip(folder / "f.pt", {{"data.pkl", "\x80\x02Nr\xff\xff\xff\xff."s}});
  EXPECT_TRUE(read_torch_pickle(folder / "f.pt").is_none());
}

TEST(TorchFiles, OtherZipsSayWhatTheyAre) {
  EXPECT_THAT(refusal_of_records({{"words.txt", "hello"}}), HasSubstr("no data.pkl"));
  EXPECT_THAT(refusal_of_records({{"data.pkl", "\x80\x02N."s}, {"byteorder", "big"}}),
              HasSubstr("big-endian"));
}

// Zip archives, byte by byte
// -------------------------------------------------------------------------------------------------------

class Zip {
 public:
  /// `claimed`: the size that the directory states, if another than the data's.
  void add(const std::string& name, const std::string& data, std::uint32_t at, std::uint32_t claimed) {
    entries_ += "PK\1\2"s + std::string(6, '\0') + number(0, 2) + number(0, 2) + std::string(2, '\0') +
                number(0, 4) + number(claimed, 4) + number(claimed, 4) +
                number(static_cast<std::uint32_t>(name.size()), 2) + std::string(12, '\0') + number(at, 4) +
                name;
    ++count_;
    if (at < bytes_.size()) return;
    bytes_ += "PK\3\4"s + std::string(14, '\0') + number(claimed, 4) + number(claimed, 4) +
              number(static_cast<std::uint32_t>(name.size()), 2) + number(0, 2) + name + data;
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(bytes_.size()); }

  std::string finished(int count_more = 0) const {
    const auto start = static_cast<std::uint32_t>(bytes_.size());
    const auto count = static_cast<std::uint32_t>(count_ + count_more);
    return bytes_ + entries_ + "PK\5\6"s + std::string(4, '\0') + number(count, 2) + number(count, 2) +
           number(static_cast<std::uint32_t>(entries_.size()), 4) + number(start, 4) + number(0, 2);
  }

 private:
  static std::string number(std::uint32_t value, std::size_t bytes) {
    return {reinterpret_cast<const char*>(&value), bytes};
  }
  std::string bytes_, entries_;
  int count_ = 0;
};

std::string zip_refusal(const std::string& bytes) {
  const TemporaryFolder folder;
  write_file(folder / "f.zip", bytes);
  return refusal([&] { ZipArchive(folder / "f.zip"); });
}

TEST(ZipArchive, EntriesThatShareBytesAreRefused) {
  Zip many;
  many.add("a", std::string(1000, 'x'), 0, 1000);
  for (int i = 0; i < 20'000; ++i) many.add("b" + std::to_string(i), "", 0, 1000);
  EXPECT_THAT(zip_refusal(many.finished()), HasSubstr("shares bytes"));
}

TEST(ZipArchive, EntriesOutsideTheFileTwiceNamedOrUncountedAreRefused) {
  Zip beyond;
  beyond.add("a", "data", 0, 5000);
  EXPECT_THAT(zip_refusal(beyond.finished()), HasSubstr("reaches beyond"));
  Zip twice;
  twice.add("a", "data", 0, 4);
  twice.add("a", "data", twice.size(), 4);
  EXPECT_THAT(zip_refusal(twice.finished()), HasSubstr("one name"));
  Zip whole;
  whole.add("a", "data", 0, 4);
  EXPECT_THAT(zip_refusal(whole.finished(1)), HasSubstr("as many entries"));
  const TemporaryFolder folder;
  write_file(folder / "f.zip", whole.finished());
  EXPECT_EQ(ZipArchive(folder / "f.zip").read("a", 100), "data");
  EXPECT_THAT(refusal([&] { ZipArchive(folder / "f.zip").read("a", 3); }), HasSubstr("more than any"));
  EXPECT_THAT(refusal([&] { ZipArchive(folder / "f.zip").read("b", 3); }), HasSubstr("missing"));
}

}  // namespace
}  // namespace res2clip
