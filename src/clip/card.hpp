#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/clip/model_card.hpp"

namespace res2clip {

/// Names of the files that ride along in an archive.
inline constexpr const char* kCardFile = "card.json";
inline constexpr const char* kVocabularyFile = "vocabulary.txt";

/// What an archive holds beside the tensors: the card, and the identity of the features that it makes.
struct ArchiveCard {
  ModelCard card;
  std::string checksum;
};

std::string card_json(const ArchiveCard& card);
/// Identity of the features that an archive makes: the SHA-256 of everything that goes into them, and not of
/// the file that it happened to lie in. Of each tensor, by the archive's names, the SHA-256 of its numbers.
std::string features_checksum(const std::map<std::string, std::string>& sha256_of_tensors,
                              const ModelCard& card);
/// Of contiguous tensors on the CPU.
std::map<std::string, std::string> sha256_of_tensors(const std::map<std::string, at::Tensor>& tensors);

/// Throws a data error for attention heads that do not divide their tower's width; `source` names the file.
void require_heads_fit(const ClipSizes& sizes, const ClipForm& form, const std::string& source);

/// Throws a data error; `source` names the archive.
ArchiveCard card_from_json(const std::string& text, const std::string& source);

}  // namespace res2clip
