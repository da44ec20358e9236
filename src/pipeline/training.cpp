#include "res2clip/pipeline/training.hpp"

#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "res2clip/image/prepare.hpp"
#include "res2clip/model/text_anchors.hpp"

namespace res2clip {
namespace {

/// A process on a faster device is done with its share of the images long before the others.
constexpr std::chrono::hours kPatience{24 * 7};

std::vector<Sample> all_test_images(const Dataset& dataset) {
  std::vector<Sample> samples;
  for (const auto& category : dataset.categories)
    if (const auto found = dataset.test.find(category); found != dataset.test.end())
      samples.insert(samples.end(), found->second.begin(), found->second.end());
  return samples;
}

std::vector<Path> paths_of(const std::vector<Sample>& samples) {
  std::vector<Path> paths;
  for (const Sample& sample : samples) paths.push_back(sample.image);
  return paths;
}

Layers fine_tuned_layers(const Backbone& backbone, const Settings& settings) {
  return resolve_layers(settings.layers, backbone.card().vision_layers, /*fine_tuned=*/true);
}

}  // namespace

TrainingImages::TrainingImages(const Backbone& backbone, const Dataset& dataset, const Settings& settings,
                               std::optional<FeatureStore> store)
    : backbone_(backbone),
      settings_(settings),
      layers_(fine_tuned_layers(backbone, settings).needed()),
      samples_(all_test_images(dataset)),
      store_(std::move(store)) {
  if (store_) identities_ = image_identities(paths_of(samples_));
}

std::int64_t TrainingImages::fill_store(Communicator& processes, const ProgressCallback& progress) {
  if (!store_) return 0;
  const std::vector<std::string> missing = store_->missing(identities_);
  store_->require_space(static_cast<std::int64_t>(missing.size()));
  processes.barrier();  // all have seen the same store
  std::map<std::string, Path> path_of;
  for (std::size_t i = 0; i < samples_.size(); ++i) path_of.emplace(identities_[i], samples_[i].image);
  std::vector<std::string> own;
  for (std::size_t i = static_cast<std::size_t>(processes.rank()); i < missing.size();
       i += static_cast<std::size_t>(processes.size()))
    own.push_back(missing[i]);

  const auto batch = static_cast<std::size_t>(settings_.compute.batch_size);
  for (std::size_t first = 0; first < own.size(); first += batch) {
    const auto part = std::span<const std::string>(own).subspan(first, std::min(batch, own.size() - first));
    if (progress)
      progress(static_cast<std::int64_t>(first), static_cast<std::int64_t>(own.size()), "encoding images");
    std::vector<Path> images;
    for (const std::string& identity : part) images.push_back(path_of.at(identity));
    store_->put(part, encode(images));
  }
  processes.barrier(kPatience);
  TORCH_INTERNAL_ASSERT(store_->missing(identities_).empty());
  return static_cast<std::int64_t>(missing.size());
}

TrainingData TrainingImages::data() const {
  TrainingData data;
  for (const Sample& sample : samples_)
    data.samples.push_back({sample.name, sample.category, sample.anomalous});
  data.features = [this](std::span<const std::int64_t> indices) { return features(indices); };
  data.masks = [this](std::span<const std::int64_t> indices) { return masks(indices); };
  return data;
}

Features TrainingImages::encode(std::span<const Path> images) const {
  return backbone_.encode(prepare_images(images, settings_.image), layers_);
}

Features TrainingImages::features(std::span<const std::int64_t> indices) const {
  if (store_) {
    std::vector<std::string> identities;
    for (const std::int64_t index : indices)
      identities.push_back(identities_[static_cast<std::size_t>(index)]);
    return to_device(store_->read(identities), backbone_.device());
  }
  std::vector<Path> images;
  for (const std::int64_t index : indices) images.push_back(samples_[static_cast<std::size_t>(index)].image);
  const auto batch = static_cast<std::size_t>(settings_.compute.batch_size);
  std::vector<Features> parts;
  for (std::size_t first = 0; first < images.size(); first += batch)
    parts.push_back(
        encode(std::span<const Path>(images).subspan(first, std::min(batch, images.size() - first))));
  return concatenate(parts);
}

at::Tensor TrainingImages::masks(std::span<const std::int64_t> indices) const {
  const std::int64_t size = settings_.image.size;
  std::vector<at::Tensor> masks;
  for (const std::int64_t index : indices) {
    const Sample& sample = samples_[static_cast<std::size_t>(index)];
    masks.push_back(sample.mask.empty() ? at::zeros({size, size}, at::kByte)
                                        : prepare_mask(sample.mask, size));
  }
  return at::stack(masks).to(backbone_.device());
}

TrainingSetup make_training_setup(const Backbone& backbone, const Settings& settings,
                                  const std::optional<Adapters>& initial) {
  TrainingSetup setup;
  setup.layers = fine_tuned_layers(backbone, settings);
  setup.initial = to_device(
      initial ? *initial
              : fresh_adapters(backbone.card().embed_dim, setup.layers.visual, setup.layers.residual,
                               static_cast<std::uint64_t>(settings.train.seed)),
      backbone.device());
  setup.text_residual = encode_anchors(backbone, settings.prompts, settings.text).residual;
  setup.retrieval = settings.retrieval;
  setup.options = settings.train;
  return setup;
}

}  // namespace res2clip
