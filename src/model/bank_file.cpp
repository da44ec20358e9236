// Reference banks on disk. A safetensors file: eight bytes of header length (little-endian), a JSON header
// that names each tensor's type, shape and bytes, and the tensors one after the other.
#include <algorithm>
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
const std::string kGlobal = "global";
/// Before the names of a tile's tensors, with its place. A reader that does not know it refuses the file.
constexpr std::string_view kTile = "tile.";
/// The pixels of the region of interest, 0 and 1. A reader that does not know this tensor refuses the file.
const std::string kInside = "inside";
/// Stands in the header where the checksum of the file will stand, while that is computed.
const std::string kNoChecksum(64, '0');
const std::string kChecksumKey = "\"sha256\":\"";

std::map<std::string, at::Tensor> named_tensors(const ReferenceBank& bank) {
  std::map<std::string, at::Tensor> tensors;
  const auto add = [&tensors](const std::string& prefix, const ReferenceBank& part) {
    tensors[prefix + kGlobal] = part.global;
    for (const auto& [layer, features] : part.patches)
      tensors[prefix + std::string(kPatches) + std::to_string(layer)] = features;
  };
  add("", bank);
  for (std::size_t i = 0; i < bank.tiles.size(); ++i)
    add(std::string(kTile) + std::to_string(i) + ".", bank.tiles[i]);
  if (bank.region) tensors[kInside] = bank.region->pixels;
  for (auto& [name, tensor] : tensors) tensor = tensor.to(at::kCPU, at::kFloat).contiguous();
  return tensors;
}

std::string to_text(const Tiling& tiling) {
  return json_text(Json{{"rows", tiling.layout.rows},
                        {"cols", tiling.layout.cols},
                        {"height", tiling.size.height},
                        {"width", tiling.size.width},
                        {"common", tiling.common}});
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
  if (bank.tiling) header["__metadata__"]["tiles"] = to_text(*bank.tiling);
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

/// Of other numbers the conversion would mean nothing.
bool holds_whole_numbers(const Json& list) {
  return list.is_array() &&
         std::all_of(list.begin(), list.end(), [](const Json& value) { return value.is_number_integer(); });
}

Tiling tiling_of(const std::string& text) {
  const Json json = parse_bounded(text);
  const Tiling tiling{
      {json.at("rows"), json.at("cols")}, {json.at("height"), json.at("width")}, json.at("common")};
  const auto fits = [](std::int64_t value, std::int64_t most) { return value >= 1 && value <= most; };
  constexpr std::int64_t kLargestSide = 1'000'000'000;
  require(fits(tiling.layout.rows, kMostTilesAlong) && fits(tiling.layout.cols, kMostTilesAlong) &&
              tiling.layout.count() > 1 && fits(tiling.size.height, kLargestSide) &&
              fits(tiling.size.width, kLargestSide),
          "its tiles are impossible");
  return tiling;
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
    begin_tiles(metadata, bank);
    for (const auto& [name, entry] : header_.items()) {
      if (name == "__metadata__") continue;
      if (name == kInside)
        inside = tensor(entry);
      else if (name.starts_with(kTile))
        add(bank.tiles.at(place_of(name, bank.tiles.size())), name.substr(name.find('.', kTile.size()) + 1),
            entry);
      else
        add(bank, name, entry);
    }
    check_shapes(bank);
    check_tiles(bank);
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

  void add(ReferenceBank& part, const std::string& name, const Json& entry) const {
    if (name == kGlobal)
      part.global = tensor(entry);
    else
      part.patches[layer_of(name)] = tensor(entry);
  }

  static void begin_tiles(const Json& metadata, ReferenceBank& bank) {
    if (!metadata.contains("tiles")) return;
    bank.tiling = tiling_of(metadata.at("tiles").get<std::string>());
    bank.tiles.resize(bank.tiling->common ? 1 : static_cast<std::size_t>(bank.tiling->layout.count()));
    for (ReferenceBank& tile : bank.tiles) tile.grid = bank.grid;
  }

  /// The place of a tensor "tile.<place>.<name>".
  static std::size_t place_of(const std::string& name, std::size_t places) {
    const std::size_t end = name.find('.', kTile.size());
    const std::string digits = name.substr(kTile.size(), end - kTile.size());
    const bool known = end != std::string::npos && !digits.empty() && digits.size() < 4 &&
                       digits.find_first_not_of("0123456789") == std::string::npos &&
                       static_cast<std::size_t>(std::stoi(digits)) < places;
    require(known, "it holds a tensor that does not belong in a bank");
    return static_cast<std::size_t>(std::stoi(digits));
  }

  static void check_tiles(const ReferenceBank& bank) {
    const std::int64_t shots =
        bank.tiling && bank.tiling->common ? bank.shots() * bank.tiling->layout.count() : bank.shots();
    for (const ReferenceBank& tile : bank.tiles) {
      check_shapes(tile);
      require(tile.shots() == shots && tile.global.size(1) == bank.global.size(1) &&
                  tile.patches.size() == bank.patches.size() &&
                  std::equal(tile.patches.begin(), tile.patches.end(), bank.patches.begin(),
                             [](const auto& one, const auto& other) { return one.first == other.first; }),
              "its tiles do not fit its references");
    }
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
    require(holds_whole_numbers(entry.at("shape")) && holds_whole_numbers(entry.at("data_offsets")),
            "a tensor's shape or place is not of whole numbers");
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
