#pragma once

#include <cstdint>

#include "res2clip/retrieval/penalty_kind.hpp"
#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

template <>
struct EnumNames<Penalty> {
  static constexpr std::pair<Penalty, std::string_view> values[] = {
      {Penalty::none, "none"},
      {Penalty::radial, "radial"},
      {Penalty::radial_new, "radial_new"},
      {Penalty::radial_margin, "radial_margin"},
      {Penalty::radial_laplace, "radial_laplace"},
      {Penalty::radial_euc, "radial_euc"},
      {Penalty::local, "local"},
      {Penalty::euc_new, "euc_new"},
      {Penalty::polar, "polar"},
      {Penalty::polar_linear, "polar_linear"}};
};

/// How penalised similarities S become weights over the references. In the names of the authors' strategies a
/// leading "sparse_" is sparsemax; without it, "1nn", "2nn", ... and "knn" (5 neighbours) are top_k.
enum class Weighting {
  /// sparsemax(S) over all references of all shots at once (Eq. 33).
  sparsemax,
  /// The `neighbours` largest S, weighted by softmax(similarity / temperature): the penalty (and the pooling)
  /// decides who is chosen, the bare similarity how much each counts.
  top_k,
};

template <>
struct EnumNames<Weighting> {
  static constexpr std::pair<Weighting, std::string_view> values[] = {{Weighting::sparsemax, "sparsemax"},
                                                                      {Weighting::top_k, "top_k"}};
};

/// The matching strategy; the defaults are the authors' ("sparse_radial_knn").
struct MatchOptions {
  Weighting weighting = Weighting::sparsemax;
  Penalty penalty = Penalty::radial;
  double gamma = 0.01;             ///< weight of the penalty (Eq. 8)
  std::int64_t neighbours = 5;     ///< top_k: how many references; all of them where the bank holds fewer
  double temperature = 0.05;       ///< top_k: of the softmax over the chosen ones
  bool pooled_similarity = false;  ///< compare 3x3 neighbourhoods too (see similarity() in match_weights.hpp)
};
void describe(Fields& fields, MatchOptions& options);

}  // namespace res2clip
