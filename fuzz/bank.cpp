// Reference banks. Each input gets the SHA-256 that belongs to it, which no mutation would meet.
#include "res2clip/model/reference_bank.hpp"

#include "fuzz/fuzz.hpp"

using namespace res2clip;

namespace {

std::string with_checksum(std::string bank) {
  const std::string key = "\"sha256\":\"";
  constexpr std::size_t kDigits = 64;
  const auto found = bank.find(key);
  if (found == std::string::npos || bank.size() - found - key.size() < kDigits) return bank;
  const auto place = found + key.size();
  bank.replace(place, kDigits, std::string(kDigits, '0'));
  return bank.replace(place, kDigits, sha256(bank));
}

}  // namespace

RES2CLIP_FUZZ(bytes) {
  return fuzz::read_or_refuse([&] {
    const ReferenceBank bank = bank_of_bytes(with_checksum(std::string(bytes)), "bank");
    bank_of_bytes(bytes_of_bank(bank), "what was read");
  });
}
