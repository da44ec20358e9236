// A class's pixels on their way from one process to another.
#include <cstring>
#include <type_traits>

#include "res2clip/core/error.hpp"
#include "res2clip/metrics/accumulator.hpp"

namespace res2clip {
namespace {

template <class Number>
void put(std::string& bytes, const Number& number) {
  static_assert(std::is_trivially_copyable_v<Number>);
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

template <class Number>
void put_all(std::string& bytes, const std::vector<Number>& numbers) {
  bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number));
}

template <class Number>
void put_list(std::string& bytes, const std::vector<Number>& numbers) {
  put(bytes, static_cast<std::uint64_t>(numbers.size()));
  put_all(bytes, numbers);
}

/// Takes numbers from the front of what is left.
class Bytes {
 public:
  explicit Bytes(std::string_view left) : left_(left) {}

  template <class Number>
  Number one() {
    Number number;
    take(&number, sizeof number);
    return number;
  }

  template <class Number>
  std::vector<Number> list() {
    const auto count = one<std::uint64_t>();
    if (count > left_.size() / sizeof(Number)) throw damaged();
    std::vector<Number> numbers(static_cast<std::size_t>(count));
    take(numbers.data(), numbers.size() * sizeof(Number));
    return numbers;
  }

  void require_end() const {
    if (!left_.empty()) throw damaged();
  }

 private:
  static Error damaged() { return data_error("the scores of another process arrived damaged"); }

  void take(void* to, std::size_t size) {
    if (size > left_.size()) throw damaged();
    if (size > 0) std::memcpy(to, left_.data(), size);
    left_.remove_prefix(size);
  }

  std::string_view left_;
};

template <class Number>
void append(std::vector<Number>& numbers, const std::vector<Number>& more) {
  numbers.insert(numbers.end(), more.begin(), more.end());
}

}  // namespace

std::string ClassAccumulator::bytes() const {
  std::uint64_t normal_pixels = normal_.size();
  for (const auto& keys : added_) normal_pixels += keys.size();
  std::string bytes;
  bytes.reserve(normal_pixels * sizeof(std::uint32_t) + anomalous_.size() * sizeof(std::uint64_t) +
                static_cast<std::size_t>(images()) * sizeof(double) + 64);
  put_list(bytes, normal_scores_);
  put_list(bytes, anomalous_scores_);
  put(bytes, finite_scores_);
  put(bytes, finite_pixels_);
  put(bytes, regions_);
  put_list(bytes, anomalous_);
  put(bytes, normal_pixels);
  put_all(bytes, normal_);
  for (const auto& keys : added_) put_all(bytes, keys);
  return bytes;
}

void ClassAccumulator::add(std::string_view bytes) {
  Bytes left(bytes);
  append(normal_scores_, left.list<double>());
  append(anomalous_scores_, left.list<double>());
  finite_scores_ &= left.one<bool>();
  finite_pixels_ &= left.one<bool>();
  regions_ += left.one<std::int64_t>();
  append(anomalous_, left.list<std::uint64_t>());
  added_.push_back(left.list<std::uint32_t>());
  left.require_end();
  sorted_ = false;
}

}  // namespace res2clip
