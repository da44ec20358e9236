#include "res2clip/compute/processor.hpp"

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace res2clip {
namespace {

struct Instructions {
  const char* flag;  // Linux's
  const char* name;  // as people say
  bool Processor::*offers;
};
constexpr Instructions kInstructions[] = {{"avx2", "AVX2", &Processor::avx2},
                                          {"avx_vnni", "AVX-VNNI", &Processor::int8_products},
                                          {"avx512_vnni", "AVX512-VNNI", &Processor::int8_products},
                                          {"avx512_bf16", "AVX512-BF16", &Processor::bf16_products},
                                          {"amx_int8", "AMX-INT8", &Processor::int8_products},
                                          {"amx_bf16", "AMX-BF16", &Processor::bf16_products}};

/// What stands after the colon of the first line that begins with `key`.
std::string value_of(const std::string& key, const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (const auto colon = line.find(": "); line.starts_with(key) && colon != std::string::npos)
      return line.substr(colon + 2);
  return {};
}

}  // namespace

Processor read_processor(const std::string& cpuinfo) {
  std::istringstream words(value_of("flags", cpuinfo));
  const std::set<std::string> flags{std::istream_iterator<std::string>(words), {}};
  Processor processor;
  processor.name = value_of("model name", cpuinfo);
  for (const auto& [flag, name, offers] : kInstructions) {
    if (!flags.contains(flag)) continue;
    processor.*offers = true;
    processor.instructions += (processor.instructions.empty() ? "" : ", ") + std::string(name);
  }
  return processor;
}

const Processor& this_processor() {
  static const Processor processor = [] {
    std::ifstream file("/proc/cpuinfo");
    return read_processor({std::istreambuf_iterator<char>(file), {}});
  }();
  return processor;
}

}  // namespace res2clip
