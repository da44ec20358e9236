#pragma once

#include <cstdlib>
#include <map>
#include <string>
#include <utility>

namespace res2clip::testing {

using Values = std::map<std::string, std::string>;

/// Environment variables for as long as it lives.
class Variables {
 public:
  explicit Variables(Values values) : values_(std::move(values)) {
    for (const auto& [name, value] : values_) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Variables() {
    for (const auto& [name, value] : values_) ::unsetenv(name.c_str());
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  Values values_;
};

}  // namespace res2clip::testing
