#include "res2clip/image/write.hpp"

#include <ATen/ATen.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/image/read.hpp"

#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::TemporaryFolder;

TEST(WritePng, ReadsBackAsItWas) {
  const TemporaryFolder folder;
  const at::Tensor colour = at::randint(0, 256, {17, 23, 3}, at::kByte);
  const at::Tensor grey = at::randint(0, 256, {17, 23}, at::kByte);
  write_png(folder / "deep/colour.png", colour);
  write_png(folder / "grey.png", grey);
  EXPECT_TRUE(at::equal(read_image(folder / "deep/colour.png"), colour));
  EXPECT_TRUE(at::equal(read_grey(folder / "grey.png"), grey));
}

TEST(WritePng, NamesAPlaceThatCannotBeWritten) {
  const TemporaryFolder folder;
  write_file(folder / "file", "x");
  EXPECT_THROW(write_png(folder / "file/below.png", at::zeros({2, 2}, at::kByte)), Error);
}

TEST(WriteFloatMap, WritesRowAfterRow) {
  const TemporaryFolder folder;
  const at::Tensor turned = at::randn({70, 98}).t();
  write_float_map(folder / "map.npy", turned);
  std::string bytes = read_file(folder / "map.npy");
  ASSERT_EQ(bytes.size(), 128u + 98 * 70 * 4);
  EXPECT_TRUE(at::equal(at::from_blob(bytes.data() + 128, {98, 70}, at::kFloat), turned));
}

TEST(WriteFloatMap, PutsNumpysHeaderBeforeAlignedData) {
  const TemporaryFolder folder;
  write_float_map(folder / "map.npy", at::ones({2, 3}));
  const std::string bytes = read_file(folder / "map.npy");
  EXPECT_EQ(bytes.size(), 128u + 6 * 4);  // the data begin at a multiple of 64
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_EQ(bytes.substr(10, 60), "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } ");
  EXPECT_EQ(bytes[127], '\n');
}

}  // namespace
}  // namespace res2clip
