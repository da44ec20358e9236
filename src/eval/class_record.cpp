#include "res2clip/eval/class_record.hpp"

#include <filesystem>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "class_json.hpp"

namespace res2clip {
namespace {

using Json = nlohmann::json;

}  // namespace

void write_class_record(const Path& file, const ClassResult& result, const std::string& identity) {
  const auto bytes = Json::to_cbor({{"identity", sha256(identity)}, {"class", class_json(result)}});
  write_file(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::optional<ClassResult> read_class_record(const Path& file, const std::string& identity) {
  if (!std::filesystem::is_regular_file(file)) return std::nullopt;
  try {
    const Json json = Json::from_cbor(read_file(file));
    if (json.at("identity") != sha256(identity)) return std::nullopt;
    return class_from(json.at("class"));
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace res2clip
