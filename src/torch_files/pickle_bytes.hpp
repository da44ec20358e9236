#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace res2clip {

/// The bytes of a pickle, read from front to back. Throws std::runtime_error where they end too soon.
class PickleBytes {
 public:
  explicit PickleBytes(std::string_view program) : program_(program) {}

  std::size_t position() const { return position_; }

  char byte() {
    if (position_ >= program_.size()) throw std::runtime_error("its pickle is cut off");
    return program_[position_++];
  }

  std::string_view bytes(std::uint64_t count) {
    if (count > program_.size() - position_) throw std::runtime_error("its pickle is cut off");
    const auto view = program_.substr(position_, count);
    position_ += count;
    return view;
  }

  template <class Number>
  Number number() {  // little-endian, as the machines this runs on
    Number value;
    std::memcpy(&value, bytes(sizeof value).data(), sizeof value);
    return value;
  }

  std::string line() {
    std::string text;
    for (char letter = byte(); letter != '\n'; letter = byte()) text += letter;
    return text;
  }

  std::int64_t long_integer() {
    const auto view = bytes(number<std::uint8_t>());
    if (view.size() > 8) throw std::runtime_error("its pickle holds an integer beyond 64 bits");
    std::uint64_t value = !view.empty() && (view.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = view.size(); i-- > 0;) value = (value << 8) | static_cast<unsigned char>(view[i]);
    return static_cast<std::int64_t>(value);
  }

  double real() {  // big-endian
    std::uint64_t bits = 0;
    for (const char letter : bytes(8)) bits = (bits << 8) | static_cast<unsigned char>(letter);
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

 private:
  std::string_view program_;
  std::size_t position_ = 0;
};

}  // namespace res2clip
