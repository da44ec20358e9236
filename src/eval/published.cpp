#include "res2clip/eval/published.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

extern "C" {
extern const char res2clip_published_figures[], res2clip_published_figures_end[];
}

namespace res2clip {
namespace {

constexpr std::string_view kOwnMethod = "Res2CLIP";

using Json = nlohmann::json;

std::optional<PublishedFigure> figure_of(const Json& row, Metric metric) {
  const auto found = row.at("metrics").find(std::string(name_of(metric)));
  if (found == row.at("metrics").end()) return std::nullopt;
  PublishedFigure figure{found->at(0).get<double>(), std::nullopt};
  if (found->size() > 1) figure.deviation = found->at(1).get<double>();
  return figure;
}

PublishedResult row_of(const Json& row) {
  PublishedResult result;
  result.source = row.at("source").get<std::string>();
  result.dataset = row.at("dataset").get<std::string>();
  result.method = row.at("method").get<std::string>();
  result.fine_tuned = row.at("mode").get<std::string>() == "fine_tuned";
  result.shots = row.at("shots").get<std::int64_t>();
  result.setting = row.value("setting", "");
  result.note = row.value("note", "");
  for (const Metric metric : kMetrics)
    result.figures[static_cast<std::size_t>(metric)] = figure_of(row, metric);
  return result;
}

PublishedDataset dataset_of(const Json& dataset) {
  return {dataset.at("name").get<std::string>(),       dataset.at("title").get<std::string>(),
          dataset.at("normal").get<std::int64_t>(),    dataset.at("anomalous").get<std::int64_t>(),
          dataset.at("trained_on").get<std::string>(), dataset.at("classes").get<std::vector<std::string>>()};
}

/// configs/published/figures.json, as it is compiled into the program.
struct Publication {
  Publication() {
    const Json json = Json::parse(res2clip_published_figures, res2clip_published_figures_end);
    for (const Json& row : json.at("rows")) rows.push_back(row_of(row));
    for (const Json& dataset : json.at("datasets")) datasets.push_back(dataset_of(dataset));
  }
  std::vector<PublishedResult> rows;
  std::vector<PublishedDataset> datasets;
};

const Publication& publication() {
  static const Publication publication;
  return publication;
}

/// Tables 6 to 10 have every metric of every data set.
bool is_of_main_tables(const PublishedResult& row) {
  return row.method == kOwnMethod && row.figures.front() && row.figures.front()->deviation;
}

const PublishedDataset* dataset_named(std::string_view name) {
  for (const PublishedDataset& dataset : published_datasets())
    if (dataset.name == name) return &dataset;
  return nullptr;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string counts_text(std::int64_t normal, std::int64_t anomalous) {
  return std::to_string(normal) + " normal and " + std::to_string(anomalous) + " anomalous test images";
}

/// The first thing in which a run on a data set of the paper differs from the paper's; empty: nothing.
std::string difference(const ComparedRun& run, const PublishedDataset& paper) {
  constexpr std::int64_t kImageSize = 518;
  if (run.normal_images != paper.normal || run.anomalous_images != paper.anomalous)
    return "there are " + counts_text(run.normal_images, run.anomalous_images) + ", " + paper.title +
           " has " + counts_text(paper.normal, paper.anomalous);
  if (!run.backbone_differs.empty()) return run.backbone_differs;
  if (run.image_size != kImageSize)
    return "images are " + std::to_string(run.image_size) + " px, the paper's 518 px";
  if (run.metrics.mode != MetricMode::released) return "metrics.mode is exact, the paper's released";
  if (run.metrics.pro_limit != kPublishedProLimit) return "metrics.pro_limit is not 0.3, the paper's";
  if (!run.changed_settings.empty()) return "settings were changed: " + listed(run.changed_settings);
  if (run.fine_tuned && !run.trained_on.empty() &&
      published_dataset(run.trained_on) != dataset_named(paper.trained_on))
    return "the checkpoint was not trained on " + dataset_named(paper.trained_on)->title;
  return {};
}

PaperComparison ablation_of(const ComparedRun& run, const PublishedDataset& paper) {
  // The text branch needs no references.
  const bool text_alone = run.ablation.setting == "text" || run.ablation.source == "Table 11";
  if (run.shots != 1 && !(run.shots == 0 && text_alone))
    return {nullptr, "the paper's ablations are of 1 shot"};
  const PublishedResult* const row = published_ablation(run.ablation, paper.name, run.fine_tuned);
  if (row == nullptr)
    return {nullptr, run.ablation.source + " has no row \"" + run.ablation.setting + "\" of " + paper.title +
                         (run.fine_tuned ? ", fine-tuned" : ", training-free")};
  return {row, {}};
}

}  // namespace

std::span<const PublishedResult> published_rows() {
  return publication().rows;
}

std::span<const PublishedDataset> published_datasets() {
  return publication().datasets;
}

const PublishedDataset* published_dataset(std::vector<std::string> classes) {
  std::sort(classes.begin(), classes.end());
  for (const PublishedDataset& dataset : published_datasets()) {
    std::vector<std::string> own = dataset.classes;
    std::sort(own.begin(), own.end());
    if (own == classes) return &dataset;
  }
  return nullptr;
}

const PublishedResult* published_result(std::string_view dataset, bool fine_tuned, std::int64_t shots) {
  for (const PublishedResult& row : published_rows())
    if (is_of_main_tables(row) && row.dataset == dataset && row.fine_tuned == fine_tuned &&
        row.shots == shots)
      return &row;
  return nullptr;
}

const PublishedResult* published_ablation(const PublishedSetting& setting, std::string_view dataset,
                                          bool fine_tuned) {
  for (const PublishedResult& row : published_rows())
    if (row.source == setting.source && row.setting == setting.setting && row.dataset == dataset &&
        row.fine_tuned == fine_tuned)
      return &row;
  return nullptr;
}

PaperComparison compare_with_paper(const ComparedRun& run) {
  const PublishedDataset* const paper = published_dataset(run.categories);
  if (paper == nullptr) {
    const PublishedDataset* const named = dataset_named(run.dataset);
    if (named == nullptr) return {};
    return {nullptr, "the classes are not those of " + named->title};
  }
  if (std::string why = difference(run, *paper); !why.empty()) return {nullptr, std::move(why)};
  if (!run.ablation.source.empty()) return ablation_of(run, *paper);
  const PublishedResult* const row = published_result(paper->name, run.fine_tuned, run.shots);
  if (row == nullptr) return {nullptr, "the paper has 1, 2 and 4 shots"};
  return {row, {}};
}

std::string differs_from_papers_backbone(const ModelCard& card, std::int64_t vv_blocks) {
  const ClipSizes& sizes = card.sizes;
  if (sizes.embed_dim != 768 || sizes.native_size != 336 || sizes.patch_size != 14 ||
      sizes.vision_width != 1024 || sizes.vision_layers != 24 || sizes.text_width != 768)
    return "the backbone is not a ViT-L/14@336px";
  if (!card.origin.verified) return "the backbone's weights are not known to be OpenAI's";
  const EncoderForm& encoder = card.encoder;
  if (encoder.vv_blocks != vv_blocks)
    return "the backbone has " + std::to_string(encoder.vv_blocks) + " V-V blocks, not " +
           std::to_string(vv_blocks);
  if (encoder.global_ln_post || !encoder.patch_ln_post || !encoder.patch_projection)
    return "the backbone was exported with other settings";
  return {};
}

}  // namespace res2clip
