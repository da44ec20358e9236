#include "res2clip/pipeline/training.hpp"

#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <nlohmann/json.hpp>

#include "res2clip/compute/parallel.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/image/prepare.hpp"
#include "res2clip/model/text_anchors.hpp"

namespace res2clip {
namespace {

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
  return resolve_layers(settings.layers, backbone.card().sizes.vision_layers, /*fine_tuned=*/true);
}

/// {"prompts": {"noun": "object"}} as "prompts.noun" -> "object".
template <class Struct>
void add_settings(const std::string& prefix, const Struct& settings,
                  std::map<std::string, std::string>& identity) {
  const auto json = settings_json(settings);  // one level deep
  for (const auto& [name, value] : json.items()) identity[prefix + "." + name] = value.dump();
}

std::string digest_of(const Adapters& adapters) {
  std::string weights;
  for_each_tensor(adapters, [&](const AdapterTensor& which, const at::Tensor& tensor) {
    const at::Tensor plain = tensor.detach().cpu().contiguous();
    weights += which.name();
    weights.append(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes());
  });
  return sha256(weights);
}

}  // namespace

TrainingImages::TrainingImages(const Backbone& backbone, const Dataset& dataset, const Settings& settings,
                               std::int64_t mask_bytes)
    : backbone_(backbone),
      settings_((check(settings), settings)),
      samples_(all_test_images(dataset)),
      encoded_(backbone, settings.image, fine_tuned_layers(backbone, settings).needed(),
               settings.compute.batch_size, remarks_),
      masks_(samples_.size()),
      mask_bytes_left_(mask_bytes) {}

std::int64_t TrainingImages::fill_store(FeatureStore store, Communicator& processes,
                                        const ProgressCallback& progress,
                                        const std::function<bool()>& stop_requested) {
  stored_.emplace(std::move(store), encoded_, backbone_.device(), ImageIdentities(settings_.image.reading));
  return stored_->fill(paths_of(samples_), processes, progress, stop_requested);
}

FeatureSource& TrainingImages::source() {
  if (stored_) return *stored_;
  return encoded_;
}

TrainingData TrainingImages::data() {
  TrainingData data{{}, *this, [this](std::span<const std::int64_t> indices) { return masks(indices); }};
  for (const Sample& sample : samples_)
    data.samples.push_back({sample.name, sample.category, sample.anomalous, sample.image});
  return data;
}

at::Tensor TrainingImages::masks(std::span<const std::int64_t> indices) {
  const std::int64_t size = settings_.image.size;
  std::vector<at::Tensor> masks(indices.size());
  parallel_for_each(indices.size(), [&](std::size_t i) {
    const auto index = static_cast<std::size_t>(indices[i]);
    const Sample& sample = samples_[index];
    if (masks_[index].defined())
      masks[i] = masks_[index];
    else
      masks[i] = sample.mask.empty() ? at::zeros({size, size}, at::kByte)
                                     : prepare_mask(sample.mask, size, settings_.image.reading);
  });
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const auto index = static_cast<std::size_t>(indices[i]);
    // A mask without a file costs nothing to make again.
    if (masks_[index].defined() || samples_[index].mask.empty() || mask_bytes_left_ < masks[i].numel())
      continue;
    mask_bytes_left_ -= masks[i].numel();
    masks_[index] = masks[i];
  }
  return at::stack(masks).to(backbone_.device());
}

StoreDescription describe_training_store(const Backbone& backbone, const Settings& settings,
                                         const std::string& dataset) {
  return describe_store(dataset, backbone, settings.image, settings.store.numbers,
                        fine_tuned_layers(backbone, settings).needed());
}

TrainingSetup make_training_setup(const Backbone& backbone, const Settings& settings,
                                  const std::optional<Adapters>& initial) {
  check(settings);
  TrainingSetup setup;
  setup.layers = fine_tuned_layers(backbone, settings);
  setup.initial = to_device(
      initial ? *initial
              : fresh_adapters(backbone.card().sizes.embed_dim, setup.layers.visual, setup.layers.residual,
                               static_cast<std::uint64_t>(settings.train.seed)),
      backbone.device());
  setup.text_residual = encode_anchors(backbone, settings.prompts, settings.text).residual;
  setup.retrieval = settings.retrieval;
  setup.options = settings.train;
  return setup;
}

std::map<std::string, std::string> training_identity(const Backbone& backbone, const Settings& settings,
                                                     const std::optional<Adapters>& initial, bool stored) {
  std::map<std::string, std::string> identity;
  add_settings("prompts", settings.prompts, identity);
  add_settings("text", settings.text, identity);
  identity["backbone"] = backbone.checksum();
  identity["image.size"] = std::to_string(settings.image.size);
  identity["image.convert_before_resize"] = settings.image.convert_before_resize ? "true" : "false";
  identity.merge(reading_identity(settings.image.reading));
  identity["compute.precision"] = backbone.arithmetic();
  // Features that are not stored have all their digits.
  identity["store.numbers"] = std::string(name_of(stored ? settings.store.numbers : StoredAs::float32));
  identity["--initial"] = initial ? digest_of(*initial) : "none";
  return identity;
}

}  // namespace res2clip
