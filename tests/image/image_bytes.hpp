#pragma once

#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/read.hpp"
#include "res2clip/torch_files/crc32.hpp"

namespace res2clip::testing {

inline std::string bytes_of(const at::Tensor& tensor) {
  const at::Tensor whole = tensor.contiguous();
  return {static_cast<const char*>(whole.data_ptr()), static_cast<std::size_t>(whole.numel())};
}

inline std::string from_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2)
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

inline std::string message_of(const Path& path, const ReadOptions& options = {}) {
  try {
    decode_image(path, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
    return error.what();
  }
  ADD_FAILURE() << path << " was read";
  return {};
}

/// What decode_image finds wrong with these bytes; empty: nothing.
inline std::string decoding_fault(const std::string& bytes, const Path& name) {
  try {
    decode_image(bytes, name);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

/// Big-endian 32 bits.
inline std::string be32(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

inline std::string png_chunk(const std::string& name, const std::string& data) {
  return be32(static_cast<std::uint32_t>(data.size())) + name + data + be32(crc32(name + data));
}

}  // namespace res2clip::testing
