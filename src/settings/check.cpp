#include "res2clip/settings/check.hpp"

#include "field_checks.hpp"

namespace res2clip {
namespace {

/// Compares fields with their ranges.
class Checker : public Fields {
 public:
  explicit Checker(std::string_view name) {
    if (!name.empty()) prefix_ = std::string(name) + ".";
  }

  void field(std::string_view, bool&, std::string_view) override {}
  void field(std::string_view, std::string&, std::string_view) override {}
  void field(std::string_view, std::vector<std::string>&, std::string_view) override {}
  void field(std::string_view name, std::int64_t& value, Range<std::int64_t> range,
             std::string_view) override {
    require(name, value, range);
  }
  void field(std::string_view name, double& value, Range<double> range, std::string_view) override {
    require(name, value, range);
  }
  void field(std::string_view name, std::vector<std::int64_t>& values, Range<std::int64_t> range,
             std::string_view) override {
    for (const std::int64_t value : values) require(name, value, range);
  }

 protected:
  void choice(std::string_view name, std::size_t& index, const std::vector<std::string_view>& names,
              std::string_view) override {
    require_named(prefix_ + std::string(name), index, names);
  }
  void enter(std::string_view name) override { prefix_ += std::string(name) + "."; }
  void leave() override {
    prefix_.pop_back();
    prefix_.resize(prefix_.rfind('.') == std::string::npos ? 0 : prefix_.rfind('.') + 1);
  }

 private:
  template <class Number>
  void require(std::string_view name, Number value, Range<Number> range) const {
    if (is_in(range, value)) return;
    throw settings_error(prefix_ + std::string(name) + " is " + text_of_number(value) + "; it must be " +
                         text_of_range(range));
  }

  std::string prefix_;
};

}  // namespace

void require_in_range_with(std::string_view name, const std::function<void(Fields&)>& describe_source) {
  Checker checker(name);
  describe_source(checker);
}

}  // namespace res2clip
