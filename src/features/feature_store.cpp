#include "res2clip/features/feature_store.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/torch_files/crc32.hpp"

#include "store_description.hpp"
#include "store_files.hpp"

namespace res2clip {
namespace {

/// One entry of the index: that an image's features are whole in a record.
struct Entry {
  char identity[64];  // hexadecimal
  std::int64_t record;
  std::uint32_t features_checksum;
  std::uint32_t checksum;  // of the fields above: an entry half written is none
};
static_assert(sizeof(Entry) == 80);

std::uint32_t checksum_of(const Entry& entry) {
  return crc32({reinterpret_cast<const char*>(&entry), offsetof(Entry, checksum)});
}

Entry make_entry(const std::string& identity, std::int64_t record, std::uint32_t features_checksum) {
  Entry entry{};
  std::memcpy(entry.identity, identity.data(), std::min(identity.size(), sizeof entry.identity));
  entry.record = record;
  entry.features_checksum = features_checksum;
  entry.checksum = checksum_of(entry);
  return entry;
}

std::string size_text(std::uint64_t bytes) {
  char text[32];
  const bool large = bytes >= 100'000'000;
  std::snprintf(text, sizeof text, large ? "%.2f GB" : "%.3f MB",
                static_cast<double>(bytes) / (large ? 1e9 : 1e6));
  return text;
}

at::ScalarType element_type(const StoreDescription& description) {
  return description.stored_as == StoredAs::float32 ? at::kFloat : at::kHalf;
}

/// The tensors of a batch in the order of a record that holds the description's layers, each [B, ...].
std::vector<at::Tensor> parts_of(const Features& features, const StoreDescription& description) {
  const std::int64_t batch = features.batch();
  std::vector<at::Tensor> parts{features.global};
  TORCH_INTERNAL_ASSERT(features.grid == description.grid);
  TORCH_INTERNAL_ASSERT(features.global.sizes() == at::IntArrayRef({batch, description.embed}));
  for (const int layer : description.layers) {
    parts.push_back(features.patches.at(layer));
    TORCH_INTERNAL_ASSERT(parts.back().sizes() ==
                          at::IntArrayRef({batch, description.grid.size(), description.embed}));
  }
  return parts;
}

/// Copies those layers of a record that `features` has into its image `i`.
void copy_record(const char* at, const StoreDescription& held, std::int64_t i, const Features& features) {
  const auto copy = [&](const at::Tensor* batch, at::IntArrayRef sizes) {
    const at::Tensor stored = at::from_blob(const_cast<char*>(at), sizes, element_type(held));
    if (batch != nullptr) batch->select(0, i).copy_(stored);
    at += stored.nbytes();
  };
  copy(&features.global, {held.embed});
  for (const int layer : held.layers) {
    const auto wanted = features.patches.find(layer);
    copy(wanted == features.patches.end() ? nullptr : &wanted->second, {held.grid.size(), held.embed});
  }
}

}  // namespace

std::uint64_t free_bytes(const Path& folder) {
  std::error_code failed;
  const auto space = std::filesystem::space(folder, failed);
  if (failed) throw runtime_error(folder.string() + ": its free space is unknown: " + failed.message());
  return space.available;
}

struct FeatureStore::State {
  struct Slot {
    std::int64_t record;
    std::uint32_t checksum;
    bool verified;
  };

  State(Path where, StoreDescription what)
      : folder(std::move(where)),
        description(std::move(what)),
        held(description),
        index(made(folder) / "index.log"),
        data(folder / "features.bin") {
    std::sort(description.layers.begin(), description.layers.end());
    const StoreLock lock(index);
    require_own();
    held.layers = match_description(folder / "store.json", description);
    replay();
  }

  static const Path& made(const Path& folder) {
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) throw runtime_error(folder.string() + ": the folder cannot be made: " + failed.message());
    return folder;
  }

  /// A store is known by its description, which is written before all else. What other files of its names
  /// hold would be taken for its own, and cut.
  void require_own() const {
    std::error_code ignored;
    if (std::filesystem::exists(folder / "store.json", ignored) || (index.size() == 0 && data.size() == 0))
      return;
    throw data_error(folder.string() +
                     ": holds an index.log or a features.bin, but no store.json: it is not a feature store; "
                     "name another folder");
  }

  /// Reads what was appended to the index since the last time. Under the lock.
  void replay() {
    constexpr std::int64_t kEntry = sizeof(Entry);
    const std::int64_t size = index.size(), whole = size / kEntry * kEntry;
    // A writer was killed within an entry. (Or is at work, where this process may only read.)
    if (size != whole && index.writable()) index.truncate(whole);
    const std::string bytes = index.read(replayed, std::max<std::int64_t>(whole - replayed, 0));
    const std::int64_t records = data.size() / record_stride(held);
    for (std::size_t at = 0; at + sizeof(Entry) <= bytes.size(); at += sizeof(Entry)) {
      Entry entry;
      std::memcpy(&entry, bytes.data() + at, sizeof entry);
      if (entry.checksum != checksum_of(entry) || entry.record < 0 || entry.record >= records) continue;
      slots[std::string(entry.identity, sizeof entry.identity)] = {entry.record, entry.features_checksum,
                                                                   false};
      next_record = std::max(next_record, entry.record + 1);
    }
    replayed = whole;
  }

  /// Writes image `i` of a batch into `record`, returns its entry for the index.
  Entry write_record(const std::vector<at::Tensor>& parts, std::int64_t i, const std::string& identity,
                     std::int64_t record) const {
    std::string bytes;
    bytes.reserve(static_cast<std::size_t>(record_stride(held)));
    for (const at::Tensor& part : parts) {
      const at::Tensor row = part.select(0, i);
      bytes.append(static_cast<const char*>(row.const_data_ptr()), row.nbytes());
    }
    const std::uint32_t checksum = crc32(bytes);
    bytes.resize(static_cast<std::size_t>(record_stride(held)), '\0');
    data.write(record * record_stride(held), bytes);
    return make_entry(identity, record, checksum);
  }

  /// Bytes of a record. Read, not mapped: another process may cut or change the file at any time.
  std::string bytes_of(const Slot& slot) const {
    return data.read(slot.record * record_stride(held), record_bytes(held));
  }

  /// Whether these are what was written. That they are finite numbers is looked at once: the same bytes are.
  bool intact(Slot& slot, const std::string& bytes) const {
    if (static_cast<std::int64_t>(bytes.size()) != record_bytes(held) || crc32(bytes) != slot.checksum)
      return false;
    if (!slot.verified) slot.verified = are_finite(bytes);
    return slot.verified;
  }

  bool are_finite(const std::string& bytes) const {
    const at::ScalarType type = element_type(held);
    const auto count = static_cast<std::int64_t>(bytes.size() / at::elementSize(type));
    return at::isfinite(at::from_blob(const_cast<char*>(bytes.data()), {count}, type)).all().item<bool>();
  }

  Path folder;
  StoreDescription description;  // of what is asked for
  StoreDescription held;         // of the records
  StoreFile index;
  StoreFile data;
  std::unordered_map<std::string, Slot> slots;
  std::int64_t replayed = 0;  // bytes of the index
  std::int64_t next_record = 0;
};

FeatureStore::FeatureStore(Path folder, StoreDescription description)
    : state_(std::make_unique<State>(std::move(folder), std::move(description))) {}
FeatureStore::~FeatureStore() = default;
FeatureStore::FeatureStore(FeatureStore&&) noexcept = default;
FeatureStore& FeatureStore::operator=(FeatureStore&&) noexcept = default;

const StoreDescription& FeatureStore::description() const {
  return state_->description;
}

const std::vector<int>& FeatureStore::layers_held() const {
  return state_->held.layers;
}

const Path& FeatureStore::folder() const {
  return state_->folder;
}

bool FeatureStore::contains(const std::string& identity) const {
  return state_->slots.contains(identity);
}

std::int64_t FeatureStore::size() const {
  return static_cast<std::int64_t>(state_->slots.size());
}

std::vector<std::string> FeatureStore::missing(std::span<const std::string> identities) {
  {
    const StoreLock lock(state_->index);
    state_->replay();
  }
  std::unordered_set<std::string> seen;
  std::vector<std::string> absent;
  for (const std::string& identity : identities)
    if (!contains(identity) && seen.insert(identity).second) absent.push_back(identity);
  return absent;
}

std::vector<std::string> FeatureStore::forget_damaged(std::span<const std::string> identities) {
  std::vector<std::string> damaged;
  for (const std::string& identity : identities) {
    const auto slot = state_->slots.find(identity);
    if (slot == state_->slots.end() || slot->second.verified) continue;
    if (state_->intact(slot->second, state_->bytes_of(slot->second))) continue;
    damaged.push_back(identity);
    state_->slots.erase(slot);
  }
  return damaged;
}

void FeatureStore::require_space(std::int64_t images, const FreeSpace& free) const {
  const std::uint64_t needed = predicted_bytes(state_->held, images), available = free(state_->folder);
  if (needed > available)
    throw runtime_error(
        state_->folder.string() + ": the features of " + std::to_string(images) + " images need " +
        size_text(needed) + ", but only " + size_text(available) +
        " are free; store them as float16, in a folder on another disk, or go without a store");
}

void FeatureStore::put(std::span<const std::string> identities, const Features& features) {
  TORCH_INTERNAL_ASSERT(static_cast<std::int64_t>(identities.size()) == features.batch());
  std::vector<at::Tensor> parts = parts_of(features, state_->held);
  for (at::Tensor& part : parts) part = part.detach().to(at::kCPU, element_type(state_->held)).contiguous();
  if (!state_->index.writable() || !state_->data.writable())
    throw runtime_error(state_->folder.string() +
                        ": may only be read, but lacks images that are needed; name another store folder");
  const StoreLock lock(state_->index);
  state_->replay();
  std::string entries;
  std::int64_t record = state_->next_record;
  std::unordered_set<std::string> written;
  for (std::size_t i = 0; i < identities.size(); ++i) {
    if (contains(identities[i]) || !written.insert(identities[i]).second) continue;
    const Entry entry = state_->write_record(parts, static_cast<std::int64_t>(i), identities[i], record++);
    entries.append(reinterpret_cast<const char*>(&entry), sizeof entry);
  }
  if (entries.empty()) return;
  state_->data.flush();  // records first, then the entries that vouch for them
  state_->index.write(state_->replayed, entries);
  state_->replay();
}

Features FeatureStore::read(std::span<const std::string> identities, bool page_locked) const {
  const StoreDescription& what = state_->description;
  const auto batch = static_cast<std::int64_t>(identities.size());
  const auto room = at::TensorOptions(at::kFloat).pinned_memory(page_locked);
  Features features;
  features.grid = what.grid;
  features.global = at::empty({batch, what.embed}, room);
  for (const int layer : what.layers)
    features.patches[layer] = at::empty({batch, what.grid.size(), what.embed}, room);
  for (std::int64_t i = 0; i < batch; ++i) {
    const std::string& identity = identities[static_cast<std::size_t>(i)];
    const auto slot = state_->slots.find(identity);
    TORCH_INTERNAL_ASSERT(slot != state_->slots.end(), "the image is not in the store");
    const std::string bytes = state_->bytes_of(slot->second);
    if (!state_->intact(slot->second, bytes))
      throw data_error(
          state_->data.path().string() + ": the features of image " + identity.substr(0, 12) +
          "... are damaged, or were changed while they were in use; start again, they will be computed anew");
    copy_record(bytes.data(), state_->held, i, features);
  }
  return features;
}

}  // namespace res2clip
