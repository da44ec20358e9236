#include "res2clip/retrieval/match_weights.hpp"
#include "res2clip/settings/settings.hpp"

#include "forms.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::EveryForm;
using testing::Goldens;
using testing::largest_difference;

constexpr double kTolerance = 5e-6;  // the goldens' own float32 against float64 is 4.7e-7

/// The authors' strategy name ("sparse_radial_knn", "polar_linear_2nn", "1nn") as options.
MatchOptions options_of(const nlohmann::json& run) {
  MatchOptions options;
  std::string name = run.at("strategy");
  const bool sparse = name.starts_with("sparse_");
  if (sparse) name = name.substr(7);
  const auto split = name.rfind('_');
  const auto count = split == std::string::npos ? name : name.substr(split + 1);
  options.weighting = sparse ? Weighting::sparsemax : Weighting::top_k;
  options.penalty =
      split == std::string::npos ? Penalty::none : value_of<Penalty>(name.substr(0, split), "penalty");
  options.neighbours = count == "knn" ? 5 : std::stoll(count);
  options.gamma = run.at("gamma");
  options.pooled_similarity = run.at("pooling");
  return options;
}

struct Differences {
  double map = 0, reference = 0, weights = 0;
  int runs = 0;

  static void widen(double& worst, const at::Tensor& found, const at::Tensor& expected) {
    EXPECT_TENSORS_NEAR(found, expected, kTolerance);
    worst = std::max(worst, largest_difference(found, expected));
  }
};

/// Compares everything that the file holds of every run.
Differences compare(const testing::Form& form, const Path& tensors, const Path& runs) {
  const auto goldens = Goldens::read(tensors);
  const auto list = testing::read_json(runs);
  Differences worst;
  for (const auto& run : list.at("runs")) {
    const std::string key = run.at("key"), inputs = key.substr(0, key.find('/'));
    if (!goldens.has(key + "/map_vis")) continue;
    SCOPED_TRACE(key);
    const auto &query = goldens[inputs + "/feat"], reference = goldens[inputs + "/ref"][0];
    const auto side = static_cast<std::int64_t>(std::sqrt(run.at("L").get<double>()));
    const Grid grid{side, side};
    const auto options = options_of(run);

    const auto found = form(query, reference, grid, options);
    // The authors' map is the cosine distance, which for unit vectors is half the residual's square.
    const auto map = (found.residual_norm.square() / 2).reshape({query.size(0), 1, side, side});
    Differences::widen(worst.map, map, goldens[key + "/map_vis"]);
    EXPECT_TENSORS_NEAR(found.residual, query - found.reference, 0);
    if (goldens.has(key + "/matched_ref"))
      Differences::widen(worst.reference, found.reference, goldens[key + "/matched_ref"]);
    if (goldens.has(key + "/weights"))
      Differences::widen(worst.weights,
                         match_weights(query.to(form.device), reference.to(form.device), grid, options).cpu(),
                         goldens[key + "/weights"]);
    ++worst.runs;
  }
  std::cout << "largest differences of " << worst.runs << " runs: map " << worst.map << ", reference "
            << worst.reference << ", weights " << worst.weights << "\n";
  return worst;
}

class MatchGoldens : public EveryForm {};
INSTANTIATE_TEST_SUITE_P(Forms, MatchGoldens, testing::kForms, testing::form_name);

TEST_P(MatchGoldens, EqualsTheAuthorsCodeInEveryStrategy) {
  const auto worst = compare(GetParam(), testing::test_data("goldens/retrieval.pt"),
                             testing::test_data("goldens/retrieval.json"));
  EXPECT_EQ(worst.runs, 82);
}

TEST_P(MatchGoldens, EqualsTheAuthorsCodeInEveryStrategyOfTheFullSet) {
  const auto folder = testing::full_fixtures();
  if (!folder) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  const auto worst = compare(GetParam(), *folder / "retrieval.pt", *folder / "retrieval.json");
  EXPECT_EQ(worst.runs, 113);
}

}  // namespace
}  // namespace res2clip
