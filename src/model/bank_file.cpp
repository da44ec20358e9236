// Reference banks on disk. A safetensors file: eight bytes of header length (little-endian), a JSON header
// that names each tensor's type, shape and bytes, and the tensors one after the other.
#include <bit>
#include <cstring>
#include <optional>

#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <nlohmann/json.hpp>

#include "res2clip/core/bounded_json.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/json_text.hpp"
#include "res2clip/model/reference_bank.hpp"
#include "res2clip/model/sound_features.hpp"

namespace res2clip {
namespace {

static_assert(std::endian::native == std::endian::little, "the file holds numbers as this machine does");

using Json = nlohmann::json;

constexpr std::string_view kFormat = "res2clip reference bank 2";
/// Without a calibration, otherwise the same.
constexpr std::string_view kFormatOf010 = "res2clip reference bank 1";
constexpr std::size_t kLengthBytes = 8;
constexpr std::string_view kPatches = "patches.";
/// The pixels of the region of interest, 0 and 1. A reader that does not know this tensor refuses the file.
const std::string kInside = "inside";
/// Stands in the header where the checksum of the file will stand, while that is computed.
const std::string kNoChecksum(64, '0');
const std::string kChecksumKey = "\"sha256\":\"";

std::map<std::string, at::Tensor> named_tensors(const ReferenceBank& bank) {
  std::map<std::string, at::Tensor> tensors{{"global", bank.global}};
  for (const auto& [layer, features] : bank.patches)
    tensors[std::string(kPatches) + std::to_string(layer)] = features;
  if (bank.region) tensors[kInside] = bank.region->pixels;
  for (auto& [name, tensor] : tensors) tensor = tensor.to(at::kCPU, at::kFloat).contiguous();
  return tensors;
}

std::string header_of(const ReferenceBank& bank, const std::map<std::string, at::Tensor>& tensors) {
  Json header;
  std::size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t end = offset + tensor.nbytes();
    header[name] = {{"dtype", "F32"}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  header["__metadata__"] = {{"format", kFormat},
                            {"sha256", kNoChecksum},
                            {"rows", std::to_string(bank.grid.rows)},
                            {"cols", std::to_string(bank.grid.cols)},
                            {"backbone", bank.origin.backbone},
                            {"settings", json_text(Json(bank.origin.settings))},
                            {"references", json_text(Json(bank.origin.references))}};
  if (bank.calibration) header["__metadata__"]["calibration"] = to_text(*bank.calibration);
  std::string text = json_text(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

/// What is wrong with a file, thrown inside this file only and given its path by load_bank.
struct Damage {
  std::string what;
};

void require(bool condition, const char* what) {
  if (!condition) throw Damage{what};
}

std::int64_t whole_number(const Json& metadata, const char* key) {
  const auto text = metadata.at(key).get<std::string>();
  require(!text.empty() && text.size() < 6 && text.find_first_not_of("0123456789") == std::string::npos,
          "its grid is not a number");
  return std::stoll(text);
}

class BankReader {
 public:
  explicit BankReader(std::string bytes) : bytes_(std::move(bytes)) {
    require(bytes_.size() > kLengthBytes, "it is too short");
    std::uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), kLengthBytes);
    require(length <= bytes_.size() - kLengthBytes, "it is cut off, or is not a reference bank");
    header_end_ = kLengthBytes + length;
    header_ = parse_bounded(std::string_view(bytes_).substr(kLengthBytes, length));
    require(header_.is_object() && header_.contains("__metadata__"), "its header cannot be read");
    const auto format = header_["__metadata__"].value("format", "");
    require(format == kFormat || format == kFormatOf010, "it is another kind of file");
    check_sum();
  }

  ReferenceBank bank() {
    const Json metadata = header_.at("__metadata__");
    ReferenceBank bank;
    at::Tensor inside;
    bank.grid = {whole_number(metadata, "rows"), whole_number(metadata, "cols")};
    bank.origin.backbone = metadata.at("backbone").get<std::string>();
    bank.origin.settings = parse_bounded(metadata.at("settings").get<std::string>());
    bank.origin.references =
        parse_bounded(metadata.at("references").get<std::string>(), {.values = 1'000'000});
    bank.checksum = metadata.at("sha256").get<std::string>();
    if (metadata.contains("calibration"))
      bank.calibration = calibration_of(metadata.at("calibration").get<std::string>());
    for (const auto& [name, entry] : header_.items()) {
      if (name == "__metadata__") continue;
      if (name == "global")
        bank.global = tensor(entry);
      else if (name == kInside)
        inside = tensor(entry);
      else
        bank.patches[layer_of(name)] = tensor(entry);
    }
    check_shapes(bank);
    if (inside.defined()) bank.region = region(inside, bank.grid);
    return bank;
  }

 private:
  void check_sum() {
    const auto stated = header_["__metadata__"].value("sha256", "");
    require(stated.size() == kNoChecksum.size(), "its checksum is missing");
    const std::size_t place = bytes_.find(kChecksumKey + stated, kLengthBytes);
    require(place != std::string::npos && place < header_end_, "its checksum is missing");
    std::string blank = bytes_;
    blank.replace(place + kChecksumKey.size(), stated.size(), kNoChecksum);
    require(sha256(blank) == stated, "its checksum does not match: it is cut off or was changed");
  }

  static int layer_of(const std::string& name) {
    const bool known =
        name.starts_with(kPatches) && name.size() > kPatches.size() && name.size() < kPatches.size() + 5;
    require(known && name.find_first_not_of("0123456789", kPatches.size()) == std::string::npos,
            "it holds a tensor that does not belong in a bank");
    return std::stoi(name.substr(kPatches.size()));
  }

  at::Tensor tensor(const Json& entry) const {
    require(entry.at("dtype") == "F32", "its tensors are not float32");
    const auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
    const auto offsets = entry.at("data_offsets").get<std::vector<std::uint64_t>>();
    const std::uint64_t available = bytes_.size() - header_end_;
    require(
        shape.size() == 2 && shape[0] > 0 && shape[1] > 0 && shape[0] < 1'000'000'000 && shape[1] < 1'000'000,
        "a tensor has an impossible shape");
    require(offsets.size() == 2 && offsets[0] <= offsets[1] && offsets[1] <= available &&
                offsets[1] - offsets[0] == static_cast<std::uint64_t>(shape[0] * shape[1]) * sizeof(float),
            "a tensor's place in the file does not fit its shape");
    at::Tensor result = at::empty(shape);
    std::memcpy(result.mutable_data_ptr(), bytes_.data() + header_end_ + offsets[0], offsets[1] - offsets[0]);
    require(at::isfinite(result).all().item<bool>(), "it holds numbers that are not finite");
    return result;
  }

  static std::optional<RegionOfInterest> region(const at::Tensor& inside, const Grid& grid) {
    require(inside.eq(0).logical_or(inside.eq(1)).all().item<bool>(),
            "its region of interest holds other numbers than 0 and 1");
    try {
      return region_of_interest(inside.to(at::kBool), grid);
    } catch (const Error&) {
      throw Damage{"its region of interest does not fit its grid"};
    }
  }

  static void check_shapes(const ReferenceBank& bank) {
    require(bank.global.defined() && !bank.patches.empty(), "it holds no features");
    for (const auto& [layer, features] : bank.patches)
      require(features.size(0) == bank.shots() * bank.grid.size(),
              "its patches do not fit its grid and shots");
  }

  std::string bytes_;
  std::size_t header_end_ = 0;
  Json header_;
};

}  // namespace

std::string bytes_of_bank(const ReferenceBank& bank) {
  std::vector<int> layers;
  for (const auto& [layer, rows] : bank.patches) layers.push_back(layer);
  require_sound(bank, layers);
  const auto tensors = named_tensors(bank);
  const std::string header = header_of(bank, tensors);
  const std::uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), kLengthBytes);
  bytes += header;
  for (const auto& [name, tensor] : tensors)
    bytes.append(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
  const std::size_t place = bytes.find(kChecksumKey + kNoChecksum) + kChecksumKey.size();
  bytes.replace(place, kNoChecksum.size(), sha256(bytes));
  return bytes;
}

void save_bank(const ReferenceBank& bank, const Path& path) {
  write_file(path, bytes_of_bank(bank));
}

ReferenceBank bank_of_bytes(std::string bytes, const std::string& source) {
  std::string problem;
  try {
    return BankReader(std::move(bytes)).bank();
  } catch (const Damage& damage) {
    problem = damage.what;
  } catch (const Json::exception&) {
    problem = "its header cannot be read";
  }
  throw data_error(source + ": is not a complete reference bank: " + problem +
                   "; make it again with `res2clip bank`");
}

ReferenceBank load_bank(const Path& path) {
  return bank_of_bytes(read_file(path), path.string());
}

}  // namespace res2clip
