#include "store_description.hpp"

#include <algorithm>
#include <functional>

#include <nlohmann/json.hpp>

#include "res2clip/core/bounded_json.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/json_text.hpp"

namespace res2clip {
namespace {

constexpr int kFormat = 1;

nlohmann::ordered_json to_json(const StoreDescription& description) {
  return {{"format", kFormat},
          {"dataset", description.dataset},
          {"backbone", description.backbone},
          {"image_size", description.image_size},
          {"layers", description.layers},
          {"embed", description.embed},
          {"grid", {description.grid.rows, description.grid.cols}},
          {"stored_as", std::string(name_of(description.stored_as))},
          {"encoding", description.encoding}};
}

/// Whether a list of layers, as a store's description has it, is one and names all of these.
bool holds_all(const nlohmann::ordered_json& stored, const std::vector<int>& layers) {
  if (!stored.is_array() || !std::all_of(stored.begin(), stored.end(), [](const auto& layer) {
        return layer.is_number_unsigned() && layer.template get<std::uint64_t>() < 1'000'000;
      }))
    return false;
  const auto held = stored.get<std::vector<int>>();
  return std::adjacent_find(held.begin(), held.end(), std::greater_equal<>()) == held.end() &&
         std::includes(held.begin(), held.end(), layers.begin(), layers.end());
}

}  // namespace

std::int64_t record_bytes(const StoreDescription& description) {
  const std::int64_t vectors =
      1 + static_cast<std::int64_t>(description.layers.size()) * description.grid.size();
  return vectors * description.embed * (description.stored_as == StoredAs::float32 ? 4 : 2);
}

std::int64_t record_stride(const StoreDescription& description) {
  constexpr std::int64_t kPage = 4096;  // records begin on pages, as they have since the first version
  return (record_bytes(description) + kPage - 1) / kPage * kPage;
}

std::uint64_t predicted_bytes(const StoreDescription& description, std::int64_t images) {
  return static_cast<std::uint64_t>(record_stride(description)) * static_cast<std::uint64_t>(images);
}

std::vector<int> match_description(const Path& file, const StoreDescription& description) {
  const auto expected = to_json(description);
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    write_file(file, json_text(expected, 1) + "\n");
    return description.layers;
  }
  const auto found = parse_bounded<nlohmann::ordered_json>(read_file(file));
  if (!found.is_object())
    throw data_error(file.string() + ": is not the description of a feature store; name another folder");
  std::string differences;
  for (const auto& [name, value] : expected.items()) {
    const auto stored = found.contains(name) ? found[name] : nlohmann::ordered_json();
    if (stored == value || (name == "layers" && holds_all(stored, description.layers))) continue;
    differences += (differences.empty() ? "" : ", ") + name + " is " + json_text(stored) + " there and " +
                   json_text(value) + " here";
  }
  if (!differences.empty())
    throw data_error(file.parent_path().string() + ": these stored features do not match: " + differences +
                     "; name another folder or delete this one");
  return found["layers"].get<std::vector<int>>();
}

}  // namespace res2clip
