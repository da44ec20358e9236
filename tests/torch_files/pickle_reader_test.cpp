#include "res2clip/torch_files/pickle_reader.hpp"

#include <caffe2/serialize/inline_container.h>

#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "support/fails.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::_;
using testing::Fails;
using testing::Goldens;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using testing::test_data;
using namespace std::string_literals;

const std::string kStart = "\x80\x02"s;

/// A torch.save file with this pickle, and one storage "0" of the floats 0, 1, .., 5.
Path saved(const TemporaryFolder& folder, const std::string& pickle) {
  const Path path = folder / "saved.pth";
  caffe2::serialize::PyTorchStreamWriter writer(path.string());
  writer.writeRecord("data.pkl", pickle.data(), pickle.size());
  writer.writeRecord("byteorder", "little", 6);
  const float values[] = {0, 1, 2, 3, 4, 5};
  writer.writeRecord("data/0", values, sizeof values);
  writer.writeEndOfFile();
  return path;
}

std::string text(const std::string& value) {
  return "X"s + static_cast<char>(value.size()) + "\0\0\0"s + value;
}

std::string whole(int value) {
  return "K"s + static_cast<char>(value);
}

/// The pickle of a tensor over storage "0" on a given device; sizes and strides as pickled tuples.
std::string tensor_pickle(const std::string& sizes, const std::string& strides, int offset = 0, int count = 6,
                          const std::string& device = "cuda:0") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text("0") +
         text(device) + whole(count) + "tQ" + whole(offset) + sizes + strides + "\x89" +
         "ccollections\nOrderedDict\n)RtR";
}

PickleValue read(const std::string& pickle) {
  const TemporaryFolder folder;
  return read_torch_pickle(saved(folder, kStart + pickle));
}

auto reading(const std::string& pickle) {
  return [pickle] { read(pickle); };
}

/// A data error that names the file that saved() writes.
template <class Matcher>
auto refused(Matcher reason) {
  return Fails(ErrorKind::data, ::testing::AllOf(HasSubstr("/saved.pth"), reason));
}

TEST(PickleReader, ReadsTheOfficialCheckpointWithItsNestedOrderedDicts) {
  const auto checkpoint = read_torch_pickle(test_data("generated/checkpoint_ep2.pth"));
  const auto final_state = Goldens::read(test_data("generated/training_tiny.pt"));
  std::size_t compared = 0;
  for (const std::string group : {"vis_adapters", "res_vis_local_adapters", "res_vis_global_adapter",
                                  "res_text_adapter", "text_adapter"}) {
    const auto* state = checkpoint.find(group);
    ASSERT_NE(state, nullptr) << group;
    ASSERT_NE(state->dict(), nullptr) << group;
    for (const auto& [key, value] : *state->dict()) {
      ASSERT_NE(value.tensor(), nullptr) << group << "." << *key.text();
      EXPECT_TRUE(value.tensor()->equal(final_state["final/" + group + "." + *key.text()])) << *key.text();
      ++compared;
    }
  }
  EXPECT_EQ(compared, 84u);
}

TEST(PickleReader, ReadsScalarsAndContainers) {
  const auto value = read("}(" + text("list") + "](K\x05J\xff\xff\xff\xffM\x01\x02" + "e" + text("float") +
                          "G\x3f\xf8\0\0\0\0\0\0"s + text("long") + "\x8a\x05\0\0\0\0\x80"s + text("yes") +
                          "\x88" + text("none") + "N" + text("pair") + "K\x01K\x02\x86" + "u.");
  const auto& list = *value.find("list")->list();
  EXPECT_EQ(*list[0].integer(), 5);
  EXPECT_EQ(*list[1].integer(), -1);
  EXPECT_EQ(*list[2].integer(), 513);
  EXPECT_EQ(*value.find("float")->real(), 1.5);
  EXPECT_EQ(*value.find("long")->integer(), -549755813888);
  EXPECT_TRUE(*value.find("yes")->boolean());
  ASSERT_NE(value.find("none"), nullptr);
  EXPECT_EQ(value.find("none")->text(), nullptr);
  EXPECT_EQ(value.find("none")->integer(), nullptr);
  EXPECT_EQ(value.find("pair")->list()->size(), 2u);
  EXPECT_EQ(value.find("absent"), nullptr);
}

TEST(PickleReader, BringsATensorOfAGpuToTheCpuInMemoryOfItsOwn) {
  const auto value = read(tensor_pickle("K\x03K\x02\x86", "K\x01K\x03\x86") + ".");
  const at::Tensor expected = at::arange(6, at::kFloat).view({2, 3}).t();
  ASSERT_NE(value.tensor(), nullptr);
  EXPECT_TRUE(value.tensor()->device().is_cpu());
  EXPECT_TRUE(value.tensor()->is_contiguous());
  EXPECT_TRUE(value.tensor()->equal(expected));
}

TEST(PickleReader, RefusesEveryOtherClassAndFunctionByName) {
  EXPECT_THAT(reading("cos\nsystem\n" + text("true") + "\x85R."), refused(HasSubstr("os.system")));
  EXPECT_THAT(reading("cbuiltins\neval\n" + text("1") + "\x85R."), refused(HasSubstr("builtins.eval")));
  EXPECT_THAT(reading("c__torch__.Module\nModule\n)\x81."), refused(HasSubstr("__torch__")));
}

TEST(PickleReader, RefusesTensorsThatReachOutsideTheirStorage) {
  EXPECT_THAT(reading(tensor_pickle("K\x07\x85", "K\x01\x85") + "."), refused(_));     // too long
  EXPECT_THAT(reading(tensor_pickle("K\x02\x85", "K\x06\x85") + "."), refused(_));     // stride too wide
  EXPECT_THAT(reading(tensor_pickle("K\x06\x85", "K\x01\x85", 1) + "."), refused(_));  // offset
  EXPECT_THAT(reading(tensor_pickle("J\xff\xff\xff\xff\x85", "K\x01\x85") + "."),
              refused(_));  // negative size
  EXPECT_THAT(reading(tensor_pickle("K\x02\x85", "J\xff\xff\xff\xff\x85", 3) + "."),
              refused(_));  // negative stride
  EXPECT_THAT(reading(tensor_pickle("K\x02K\x02\x86", "K\x01\x85") + "."),
              refused(_));  // shape and strides differ
  EXPECT_THAT(reading(tensor_pickle("K\x06\x85", "K\x01\x85", 0, 7) + "."),
              refused(_));  // storage shorter than said
  EXPECT_THAT(reading(tensor_pickle("K\xffK\xffK\xff\x87", "K\0K\0K\0\x87"s) + "."),
              refused(_));  // a bomb of stride 0
  const std::string huge = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
  EXPECT_THAT(reading(tensor_pickle(huge + huge + "\x86", huge + huge + "\x86") + "."),
              refused(_));  // overflow
}

TEST(PickleReader, RefusesProgramsThatMakeNoSense) {
  for (const std::string& pickle : {""s,       "."s,         "N"s,
                                    "NN."s,    "(."s,        "t."s,
                                    "0."s,     "K"s,         "X\xff\xff\xff\xff"s,
                                    "h\x05."s, "(NNNu."s,    "}(Nu."s,
                                    "Na."s,    "]Ns."s,      "NNR."s,
                                    "NNb."s,   "NQ."s,       "c"s,
                                    "cos"s,    "\x8a\xff."s, "\x80"s,
                                    "I01\n."s, "R."s,        "ctorch\nFloatStorage\n."s,
                                    "}}(Nb."s})
    EXPECT_THAT(reading(pickle), refused(_)) << ::testing::PrintToString(pickle);
}

TEST(PickleReader, RefusesRingsDepthAndValuesThatMultiply) {
  EXPECT_THAT(reading("]q\0h\0a."s), refused(_));  // a list that holds itself
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "]";
  for (int i = 0; i < 99999; ++i) deep += "a";
  EXPECT_THAT(reading(deep + "."), refused(_));
  std::string bomb = "]q\0"s;  // each list holds the one before ten times
  for (char i = 1; i < 40; ++i) {
    bomb += "](";
    for (int k = 0; k < 10; ++k) bomb += "h"s + static_cast<char>(i - 1);
    bomb += "eq"s + i;
  }
  bomb += "0"s;
  for (char i = 1; i < 39; ++i) bomb += "0"s;
  EXPECT_THAT(reading(bomb + "h\x27."), refused(_));
}

TEST(PickleReader, RefusesATruncatedFileAtAnyLength) {
  const TemporaryFolder folder;
  const std::string bytes = read_file(test_data("generated/checkpoint_ep2.pth"));
  for (std::size_t size = 0; size < bytes.size(); size += 4001) {
    write_file(folder / "cut.pth", std::string_view(bytes).substr(0, size));
    EXPECT_THAT([&] { read_torch_pickle(folder / "cut.pth"); }, Fails(ErrorKind::data, HasSubstr("cut.pth")))
        << size << " bytes";
  }
}

TEST(PickleReader, NoticesDamageInATensor) {
  const TemporaryFolder folder;
  std::string bytes = read_file(test_data("generated/checkpoint_ep2.pth"));
  for (const std::size_t place : {bytes.size() / 3, bytes.size() / 2, bytes.size() * 3 / 4}) {
    std::string damaged = bytes;
    damaged[place] = static_cast<char>(damaged[place] ^ 1);
    write_file(folder / "damaged.pth", damaged);
    EXPECT_THAT([&] { read_torch_pickle(folder / "damaged.pth"); },
                Fails(ErrorKind::data, HasSubstr("is not what was written")))
        << "byte " << place;
  }
}

TEST(PickleReader, TakesAFileThatWasWrittenWithoutChecksums) {
  const TemporaryFolder folder;
  const std::string pickle = kStart + "K\x05.";
  {
    caffe2::serialize::PyTorchStreamWriter writer((folder / "plain.pth").string(), /*compute_crc32=*/false);
    writer.writeRecord("data.pkl", pickle.data(), pickle.size());
    writer.writeEndOfFile();
  }
  EXPECT_EQ(*read_torch_pickle(folder / "plain.pth").integer(), 5);
}

TEST(PickleReader, RefusesManyCopiesOfOneStorage) {
  std::string copies = "](";
  for (int i = 0; i < 100; ++i) copies += tensor_pickle("K\x06\x85", "K\x01\x85");
  EXPECT_THAT(reading(copies + "e."), refused(HasSubstr("share their data too often")));
}

TEST(PickleReader, SurvivesDamageAnywhereInThePickleAndTheDirectory) {
  const TemporaryFolder folder;
  const std::string bytes = read_file(test_data("generated/checkpoint_ep2.pth"));
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < 12000; i += 29) places.push_back(i);
  for (std::size_t i = bytes.size() - 6000; i < bytes.size(); i += 37) places.push_back(i);
  for (const std::size_t place : places) {
    std::string damaged = bytes;
    damaged[place] = static_cast<char>(damaged[place] ^ (0x41 + place % 90));
    write_file(folder / "damaged.pth", damaged);
    try {
      read_torch_pickle(folder / "damaged.pth");  // a changed text or number is still a pickle
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data) << error.what();
    }
  }
}

TEST(PickleReader, SaysWhatOtherFilesAre) {
  const TemporaryFolder folder;
  const auto reading_bytes = [&](const std::string& bytes) {
    return [&folder, bytes] {
      write_file(folder / "file", bytes);
      read_torch_pickle(folder / "file");
    };
  };
  EXPECT_THAT(reading_bytes("\x80\x02\x8a\x0al\xfc\x9c"s),
              Fails(ErrorKind::data, HasSubstr("is a pickle, but not one that torch.save wrote")));
  EXPECT_THAT(reading_bytes("hello, world"), Fails(ErrorKind::data, HasSubstr("not a PyTorch file")));
  EXPECT_THAT(reading_bytes(""), Fails(ErrorKind::data, HasSubstr("not a PyTorch file")));
  EXPECT_THAT([&] { read_torch_pickle(folder.path()); }, Fails(ErrorKind::data, HasSubstr(folder.path().string())));
  EXPECT_THAT([&] { read_torch_pickle(folder / "absent"); }, Fails(ErrorKind::data, HasSubstr("absent")));
}

}  // namespace
}  // namespace res2clip
