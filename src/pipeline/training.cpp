#include "res2clip/pipeline/training.hpp"

#include <algorithm>
#include <exception>

#include <ATen/Parallel.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
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

/// Every `size`-th of them, from `rank` on.
std::vector<std::string> share_of(std::span<const std::string> all, const Communicator& processes) {
  std::vector<std::string> own;
  for (auto i = static_cast<std::size_t>(processes.rank()); i < all.size();
       i += static_cast<std::size_t>(processes.size()))
    own.push_back(all[i]);
  return own;
}

/// Throws on all processes where any of them was asked to stop.
void share_stop(bool asked, Communicator& processes) {
  for (const std::string& other : processes.gather(asked ? "stop" : "", kPatience))
    if (!other.empty())
      throw runtime_error("interrupted; what is encoded stays, the same command again goes on from there");
}

Error not_shared(const FeatureStore& store) {
  return runtime_error(store.folder().string() +
                       ": is not the same folder for all processes of this job; name one in --store that all "
                       "machines share");
}

std::string joined(std::span<const std::string> texts) {
  std::string all;
  for (const std::string& text : texts) all += text + '\n';
  return all;
}

/// Calls `work(i)` for 0 <= i < count on all threads.
void for_each_in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::vector<std::exception_ptr> failures(count);  // exceptions may not leave a parallel region
  at::parallel_for(0, static_cast<std::int64_t>(count), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      try {
        work(i);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  });
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
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
      settings_(settings),
      layers_(fine_tuned_layers(backbone, settings).needed()),
      samples_(all_test_images(dataset)),
      masks_(samples_.size()),
      mask_bytes_left_(mask_bytes) {}

std::int64_t TrainingImages::fill_store(FeatureStore store, Communicator& processes,
                                        const ProgressCallback& progress,
                                        const std::function<bool()>& stop_requested) {
  store_ = std::move(store);
  identities_ = image_identities(paths_of(samples_));
  const std::vector<std::string> missing = store_->missing(identities_);
  store_->require_space(static_cast<std::int64_t>(missing.size()));
  const std::string seen = sha256(joined(missing));
  for (const std::string& other : processes.gather(seen))
    if (other != seen) throw not_shared(*store_);
  std::map<std::string, Path> path_of;
  for (std::size_t i = 0; i < samples_.size(); ++i) path_of.emplace(identities_[i], samples_[i].image);

  // A round is a batch of each process. They go through it together, so that all learn of an interruption,
  // and of a store that is not shared, at its end.
  const std::size_t round =
      static_cast<std::size_t>(settings_.compute.batch_size) * static_cast<std::size_t>(processes.size());
  for (std::size_t first = 0; first < missing.size(); first += round) {
    const auto wanted =
        std::span<const std::string>(missing).subspan(first, std::min(round, missing.size() - first));
    if (progress)
      progress(static_cast<std::int64_t>(first), static_cast<std::int64_t>(missing.size()),
               "encoding images");
    share_stop(stop_requested && stop_requested(), processes);
    const std::vector<std::string> own = share_of(wanted, processes);
    std::vector<Path> images;
    for (const std::string& identity : own) images.push_back(path_of.at(identity));
    if (!own.empty()) store_->put(own, encode(images));
    processes.barrier(kPatience);
    if (!store_->missing(wanted).empty()) throw not_shared(*store_);
  }
  return static_cast<std::int64_t>(missing.size());
}

TrainingData TrainingImages::data() {
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

Features TrainingImages::features(std::span<const std::int64_t> indices) {
  if (store_) return stored_features(indices);
  std::vector<Path> images;
  for (const std::int64_t index : indices) images.push_back(samples_[static_cast<std::size_t>(index)].image);
  const auto batch = static_cast<std::size_t>(settings_.compute.batch_size);
  std::vector<Features> parts;
  for (std::size_t first = 0; first < images.size(); first += batch)
    parts.push_back(
        encode(std::span<const Path>(images).subspan(first, std::min(batch, images.size() - first))));
  return concatenate(parts);
}

Features TrainingImages::stored_features(std::span<const std::int64_t> indices) {
  std::vector<std::string> identities;
  for (const std::int64_t index : indices) identities.push_back(identities_[static_cast<std::size_t>(index)]);
  for (const std::string& damaged : store_->forget_damaged(identities)) {
    const auto index = static_cast<std::size_t>(std::find(identities_.begin(), identities_.end(), damaged) -
                                                identities_.begin());
    store_->put({&damaged, 1}, encode({&samples_[index].image, 1}));
  }
  return to_device(store_->read(identities), backbone_.device());
}

at::Tensor TrainingImages::masks(std::span<const std::int64_t> indices) {
  const std::int64_t size = settings_.image.size;
  std::vector<at::Tensor> masks(indices.size());
  for_each_in_parallel(indices.size(), [&](std::size_t i) {
    const auto index = static_cast<std::size_t>(indices[i]);
    const Sample& sample = samples_[index];
    if (masks_[index].defined())
      masks[i] = masks_[index];
    else
      masks[i] = sample.mask.empty() ? at::zeros({size, size}, at::kByte) : prepare_mask(sample.mask, size);
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

std::map<std::string, std::string> training_identity(const Backbone& backbone, const Settings& settings,
                                                     const std::optional<Adapters>& initial, bool stored) {
  std::map<std::string, std::string> identity;
  add_settings("prompts", settings.prompts, identity);
  add_settings("text", settings.text, identity);
  identity["backbone"] = backbone.checksum();
  identity["image.size"] = std::to_string(settings.image.size);
  identity["image.convert_before_resize"] = settings.image.convert_before_resize ? "true" : "false";
  identity.merge(reading_identity(settings.image.reading));
  identity["compute.precision"] = std::string(name_of(settings.compute.precision));
  // Features that are not stored have all their digits.
  identity["store.numbers"] = std::string(name_of(stored ? settings.store.numbers : StoredAs::float32));
  identity["--initial"] = initial ? digest_of(*initial) : "none";
  return identity;
}

}  // namespace res2clip
