// Feature stores: description and index before a line of "----", and behind it. Entries of the index get the
// checksums that belong to them.
#include <cstring>

#include "res2clip/features/feature_store.hpp"
#include "res2clip/torch_files/crc32.hpp"

#include "fuzz/fuzz.hpp"

using namespace res2clip;

namespace {

constexpr std::string_view kBetween = "\n----\n";
constexpr std::size_t kEntry = 80, kChecksum = kEntry - 4;

std::string with_checksums(std::string index) {
  for (std::size_t at = 0; at + kEntry <= index.size(); at += kEntry) {
    const std::uint32_t checksum = crc32(std::string_view(index).substr(at, kChecksum));
    std::memcpy(index.data() + at + kChecksum, &checksum, sizeof checksum);
  }
  return index;
}

}  // namespace

RES2CLIP_FUZZ(bytes) {
  const auto cut = std::min(bytes.find(kBetween), bytes.size());
  const auto rest = bytes.substr(std::min(cut + kBetween.size(), bytes.size()));
  fuzz::file("store.json", bytes.substr(0, cut));
  fuzz::file("index.log", with_checksums(std::string(rest)));
  fuzz::file("features.bin", std::string(8192, '\0'));
  return fuzz::read_or_refuse([&] {
    // As tests/data/formats describes its store.
    FeatureStore store(fuzz::folder(),
                       {"formats", std::string(64, 'b'), 28, {3, 12}, 8, {2, 3}, StoredAs::float32, "fp32"});
    const std::string first(rest.substr(0, std::min<std::size_t>(rest.size(), 64)));
    if (store.contains(first)) store.read(std::vector{first});
    store.forget_damaged(std::vector{first});
  });
}
