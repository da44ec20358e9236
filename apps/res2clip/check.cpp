#include "check.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include <ATen/ops/zeros.h>

#include "res2clip/metrics/accumulator.hpp"
#include "res2clip/model/calibrate.hpp"
#include "res2clip/pipeline/inspector.hpp"

#include "command.hpp"
#include "finding.hpp"
#include "progress_bar.hpp"
#include "text_of.hpp"

namespace res2clip::app {
namespace {

/// What was found of images of one kind.
struct Checked {
  std::vector<double> scores;
  std::array<std::int64_t, 3> verdicts{};  // by Verdict

  std::int64_t images() const { return static_cast<std::int64_t>(scores.size()); }
  std::int64_t with(Verdict verdict) const { return verdicts[static_cast<std::size_t>(verdict)]; }
  std::int64_t not_good() const { return images() - with(Verdict::good); }
  std::int64_t above(double threshold) const {
    return std::count_if(scores.begin(), scores.end(), [&](double score) { return score > threshold; });
  }
};

Checked inspect(const Pipeline& pipeline, const ReferenceBank& bank, std::span<const Path> images,
                bool quiet) {
  Checked checked;
  ProgressBar bar("check", quiet);
  const Measure measure = measure_of(bank);
  InspectionStages stages;
  stages.finish = [&](const InspectedImage& image) -> InOrder::Rest {
    const Finding finding = finding_of(images[image.index], *image.scores, image.row, measure);
    return [&checked, &bar, finding, total = images.size()] {
      checked.scores.push_back(finding.score);
      ++checked.verdicts[static_cast<std::size_t>(finding.judgement->verdict)];
      bar.update(checked.images(), static_cast<std::int64_t>(total));
    };
  };
  stages.failed = [](std::size_t, const std::exception_ptr& failure) { std::rethrow_exception(failure); };
  stages.stop_requested = interrupted;
  Inspector(pipeline, bank, /*pixels=*/false, stages).inspect(images);
  bar.finish();
  if (interrupted()) throw runtime_error("interrupted; not all images were inspected");
  return checked;
}

/// "8.3 % (1 of 12; 90 % interval 0.4 to 33.9 %)": of a share that was counted, by Clopper and Pearson.
std::string share_text(std::int64_t count, std::int64_t of) {
  const double low = count == 0 ? 0.0 : false_alarm_rate(of, count - 1).low;
  const double high = count == of ? 1.0 : false_alarm_rate(of, count).high;
  return text_of("%.1f %% (%lld of %lld; 90 %% interval %.1f to %.1f %%)",
                 100.0 * static_cast<double>(count) / static_cast<double>(of), static_cast<long long>(count),
                 static_cast<long long>(of), 100 * low, 100 * high);
}

void print_verdicts(const char* name, const Checked& checked) {
  print(text_of("%-12s %6lld %10lld %8lld", name, static_cast<long long>(checked.with(Verdict::good)),
                static_cast<long long>(checked.with(Verdict::anomalous)),
                static_cast<long long>(checked.with(Verdict::unknown))));
}

std::string auroc_text(const Checked& good, const Checked& defective) {
  ClassAccumulator scores;  // of images alone: their maps are one normal pixel
  for (const double score : good.scores) scores.add(at::zeros({1, 1}), {}, score, false);
  for (const double score : defective.scores) scores.add(at::zeros({1, 1}), {}, score, true);
  const Figure auroc = scores.finish(MetricMode::exact)[Metric::image_auroc];
  return auroc.value ? text_of("%.4f", *auroc.value) : "none (" + auroc.reason + ")";
}

/// The bank's threshold, and those that 0 to 20 % of the good images exceed.
std::set<double, std::greater<>> thresholds_of(double own, std::vector<double> good) {
  std::sort(good.begin(), good.end(), std::greater<>());
  std::set<double, std::greater<>> thresholds{own};
  for (const double rate : {0.0, 0.01, 0.02, 0.05, 0.1, 0.2})
    thresholds.insert(good[static_cast<std::size_t>(rate * static_cast<double>(good.size()))]);
  return thresholds;
}

void print_thresholds(double own, const Checked& good, const Checked& defective) {
  const auto share = [](const Checked& checked, double threshold) {
    return 100.0 * static_cast<double>(checked.above(threshold)) / static_cast<double>(checked.images());
  };
  print(defective.scores.empty() ? "threshold  good above" : "threshold  good above  defective above");
  for (const double threshold : thresholds_of(own, good.scores))
    print(text_of("%9.4f  %8.1f %%", threshold, share(good, threshold)) +
          (defective.scores.empty() ? "" : text_of("  %13.1f %%", share(defective, threshold))) +
          (threshold == own ? "  the bank's" : ""));
}

}  // namespace

void check_bank(const Pipeline& pipeline, const ReferenceBank& bank, std::span<const Path> good,
                std::span<const Path> defective, bool quiet) {
  const Checked of_good = inspect(pipeline, bank, good, quiet);
  const Checked of_defective = inspect(pipeline, bank, defective, quiet);
  print("images         good  anomalous  unknown");
  print_verdicts("good", of_good);
  if (!defective.empty()) print_verdicts("defective", of_defective);
  print("false alarms " + share_text(of_good.not_good(), of_good.images()));
  if (!defective.empty()) {
    print("detection " + share_text(of_defective.not_good(), of_defective.images()));
    print("image AUROC " + auroc_text(of_good, of_defective));
  }
  print_thresholds(bank.calibration->threshold, of_good, of_defective);
}

}  // namespace res2clip::app
