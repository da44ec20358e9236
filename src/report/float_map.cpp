#include "float_map.hpp"

#include <cstdio>
#include <cstring>

#include <ATen/ops/empty.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip {

at::Tensor read_float_map(const Path& path) {
  constexpr std::size_t kBefore = 10;  // magic, version and length
  const std::string bytes = read_file(path);
  const auto fail = [&] { return data_error(path.string() + ": is not a map of this program, or damaged"); };
  if (bytes.size() < kBefore || bytes.compare(0, 6, "\x93NUMPY") != 0) throw fail();
  const std::size_t length =
      static_cast<unsigned char>(bytes[8]) + 256U * static_cast<unsigned char>(bytes[9]);
  long long rows = 0, columns = 0;
  const std::string header = bytes.substr(kBefore, length);
  if (std::sscanf(header.c_str(), "{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld)", &rows,
                  &columns) != 2 ||
      rows < 1 || columns < 1 || rows > 1 << 20 || columns > 1 << 20 ||
      bytes.size() != kBefore + length + static_cast<std::size_t>(rows * columns) * sizeof(float))
    throw fail();
  at::Tensor map = at::empty({rows, columns}, at::kFloat);
  std::memcpy(map.data_ptr(), bytes.data() + kBefore + length,
              static_cast<std::size_t>(rows * columns) * sizeof(float));
  return map;
}

}  // namespace res2clip
