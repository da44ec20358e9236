#include "res2clip/pipeline/pipeline.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <ATen/ops/empty.h>
#include <nlohmann/json.hpp>

#include "res2clip/compute/foreign_errors.hpp"
#include "res2clip/compute/parallel.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/json_text.hpp"
#include "res2clip/image/tiles.hpp"
#include "res2clip/model/calibrate.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/model/fetched_scores.hpp"

namespace res2clip {
namespace {

/// What an archive was exported with. Settings at their defaults leave it open; others were meant for it.
void take_export_of(const ModelCard& card, Settings& settings) {
  EncoderForm& asked = settings.encoder;
  if (asked.vv_blocks != -1 && asked.vv_blocks != card.encoder.vv_blocks) {
    const std::string own = std::to_string(card.encoder.vv_blocks);
    throw settings_error("this archive has " + own + " V-V blocks, the settings ask for " +
                         std::to_string(asked.vv_blocks) + " (export.vv_blocks); " +
                         (settings.profile == Profile::paper
                              ? "export with --profile paper, or say that it is meant with --set "
                                "export.vv_blocks=" +
                                    own
                              : "export again, or leave the setting out"));
  }
  const EncoderForm defaults;
  const auto take = [](const char* key, bool& value, bool open, bool own) {
    if (value != open && value != own)
      throw settings_error("this archive was exported with " + std::string(key) + "=" +
                           (own ? "true" : "false") + ", the settings ask for " + (value ? "true" : "false") +
                           "; export again, or leave the setting out");
    value = own;
  };
  asked.vv_blocks = card.encoder.vv_blocks;
  take("export.global_ln_post", asked.global_ln_post, defaults.global_ln_post, card.encoder.global_ln_post);
  take("export.patch_ln_post", asked.patch_ln_post, defaults.patch_ln_post, card.encoder.patch_ln_post);
  take("export.patch_projection", asked.patch_projection, defaults.patch_projection,
       card.encoder.patch_projection);
}

std::string name_in_memory(std::size_t i) {
  return "image " + std::to_string(i) + " in memory";
}

/// The detections of all batches. A score that is not finite is above no threshold, and would pass as that of
/// a good part: the first image that has one is an error.
Detection whole(std::vector<Detection> parts, const std::function<std::string(std::size_t)>& name_of) {
  Detection found = parts.size() == 1 ? std::move(parts.front()) : concatenate(parts);
  const at::Tensor finite = finite_images(found).cpu();
  for (std::int64_t i = 0; i < finite.size(0); ++i)
    if (!finite[i].item<bool>()) throw FetchedScores::not_finite(name_of(static_cast<std::size_t>(i)));
  return found;
}

}  // namespace

Settings fit_to_backbone(Settings settings, const ModelCard& card) {
  check(settings);
  if (settings.image.size == 0) settings.image.size = card.image_size;
  if (settings.image.size % card.sizes.patch_size != 0)
    throw settings_error("image.size is " + std::to_string(settings.image.size) +
                         "; this backbone needs a multiple of " + std::to_string(card.sizes.patch_size));
  settings.image.normalisation = card.form.normalisation;
  take_export_of(card, settings);
  return settings;
}

Settings fit_to_backbone(Settings settings, const Backbone& backbone) {
  settings.compute.precision = backbone.precision();
  return fit_to_backbone(std::move(settings), backbone.card());
}

Pipeline::Pipeline(std::shared_ptr<const Backbone> backbone, Detector detector, Settings settings,
                   std::string checkpoint)
    : backbone_(std::move(backbone)),
      detector_(std::move(detector)),
      settings_(std::move(settings)),
      checkpoint_(std::move(checkpoint)) {}

Pipeline Pipeline::of(std::shared_ptr<const Backbone> backbone, const Settings& settings,
                      const Path& checkpoint) {
  Settings own = fit_to_backbone(settings, *backbone);
  const TextAnchors anchors = encode_anchors(*backbone, own.prompts, own.text);
  std::optional<Adapters> adapters;
  if (!checkpoint.empty()) adapters = to_device(read_checkpoint(checkpoint), backbone->device());
  Detector detector(anchors, backbone->card(), own.detector(), std::move(adapters));
  return {std::move(backbone), std::move(detector), std::move(own),
          checkpoint.empty() ? std::string() : sha256_of_file(checkpoint)};
}

Pipeline Pipeline::load(const Path& archive, const Settings& settings, const Path& checkpoint) {
  check(settings);
  return as_ours("loading the pipeline", [&] {
    return of(std::make_shared<const Backbone>(Backbone::load(archive, settings.compute)), settings,
              checkpoint);
  });
}

Pipeline Pipeline::with(const Settings& settings, const Path& checkpoint) const {
  Settings own = settings;
  if (own.compute.precision != settings_.compute.precision)
    throw settings_error("compute.precision is " + std::string(name_of(own.compute.precision)) +
                         ", but the shared backbone computes in " +
                         std::string(name_of(settings_.compute.precision)) + "; load it once more for that");
  own.compute.device = settings_.compute.device;
  own.compute.threads = settings_.compute.threads;
  return as_ours("setting up a pipeline", [&] { return of(backbone_, own, checkpoint); });
}

EncodedFeatures Pipeline::features() const {
  return features(detector_.layers_needed());
}

EncodedFeatures Pipeline::features(std::vector<int> layers) const {
  return features(std::move(layers), std::nullopt);
}

EncodedFeatures Pipeline::features(std::vector<int> layers, const std::optional<Tiling>& tiling) const {
  const auto encode = [backbone = backbone_](const at::Tensor& images, std::span<const int> wanted) {
    return backbone->encode(images, wanted);
  };
  ReadingOptions how = reading(/*pixels=*/false, tiling);
  how.identities = true;
  return {encode, how, std::move(layers), static_cast<std::int64_t>(images_at_once(tiling))};
}

ReadingOptions Pipeline::reading(bool pixels, const std::optional<Tiling>& tiling) const {
  return {.image = settings_.image,
          .page_locked = backbone_->device().is_cuda(),
          .pixels = pixels,
          .remarks = remarks_,
          .tiling = tiling};
}

std::size_t Pipeline::images_at_once(const std::optional<Tiling>& tiling) const {
  return static_cast<std::size_t>(
      std::max<std::int64_t>(1, settings_.compute.batch_size / inputs_of(tiling)));
}

at::Tensor Pipeline::prepare(std::span<const Path> images, const std::optional<Tiling>& tiling) const {
  return as_ours("preparing images", [&] {
    BatchReader reader(reading(false, tiling));
    const ImageBatch batch = reader.read(images);
    batch.require_whole();
    return batch.input;
  });
}

at::Tensor Pipeline::prepare(std::span<const ImageView> images, const std::optional<Tiling>& tiling) const {
  return as_ours("preparing images", [&] {
    const std::int64_t size = image_size(), each = inputs_of(tiling);
    const at::Tensor input =
        at::empty({static_cast<std::int64_t>(images.size()) * each, 3, size, size},
                  at::TensorOptions(at::kFloat).pinned_memory(backbone_->device().is_cuda()));
    parallel_for_each(images.size(), [&](std::size_t i) {
      prepare_inputs_into(input.narrow(0, static_cast<std::int64_t>(i) * each, each),
                          decoded(images[i], settings_.image.reading), settings_.image, tiling,
                          name_in_memory(i));
    });
    return input;
  });
}

Features Pipeline::encode(const at::Tensor& images) const {
  const std::int64_t size = image_size();
  if (!images.defined() || images.dim() != 4 || images.size(2) != size || images.size(3) != size)
    throw data_error("images must be [B, 3, " + std::to_string(size) + ", " + std::to_string(size) +
                     "], as prepare() makes them for this pipeline");
  return backbone_->encode(images, detector_.layers_needed());
}

void Pipeline::encode_each(std::span<const Path> images, const std::optional<Tiling>& tiling,
                           const ProgressCallback& progress,
                           const std::function<void(Features)>& take) const {
  EncodedFeatures source = features(detector_.layers_needed(), tiling);
  const std::size_t at_once = images_at_once(tiling);
  const auto tell = [&](std::size_t done) {
    if (progress) progress(static_cast<std::int64_t>(done), static_cast<std::int64_t>(images.size()), {});
  };
  for (std::size_t first = 0; first < images.size(); first += at_once) {
    tell(first);
    as_ours("encoding images", [&] {
      const auto rest = images.subspan(first);
      source.soon(rest);
      take(source.of(rest.first(std::min(at_once, rest.size()))));
    });
  }
  tell(images.size());
}

void Pipeline::encode_each(std::span<const ImageView> images, const std::optional<Tiling>& tiling,
                           const std::function<void(Features)>& take) const {
  const std::size_t at_once = images_at_once(tiling);
  for (std::size_t first = 0; first < images.size(); first += at_once)
    take(encode(prepare(images.subspan(first, std::min(at_once, images.size() - first)), tiling)));
}

Features Pipeline::encode(std::span<const Path> images, const ProgressCallback& progress,
                          const std::optional<Tiling>& tiling) const {
  std::vector<Features> parts;
  encode_each(images, tiling, progress, [&](Features part) { parts.push_back(std::move(part)); });
  return concatenate(parts);
}

Features Pipeline::encode(std::span<const ImageView> images, const std::optional<Tiling>& tiling) const {
  std::vector<Features> parts;
  encode_each(images, tiling, [&](Features part) { parts.push_back(std::move(part)); });
  return concatenate(parts);
}

ReferenceBank Pipeline::remember(std::span<const Path> normals, const ProgressCallback& progress) const {
  return remember(normals, Tiling{}, progress);
}

ReferenceBank Pipeline::remember(std::span<const ImageView> normals,
                                 std::span<const std::string> names) const {
  return remember(normals, Tiling{}, names);
}

ReferenceBank Pipeline::remember(std::span<const Path> normals, const Tiling& tiling,
                                 const ProgressCallback& progress) const {
  if (normals.empty()) throw settings_error("no reference images: name at least one image of a good part");
  std::vector<std::string> names;
  for (const Path& path : normals) names.push_back(path.generic_string());
  return named(detector_.remember(encode(normals, progress, tiling), tiling), names);
}

ReferenceBank Pipeline::remember(std::span<const ImageView> normals, const Tiling& tiling,
                                 std::span<const std::string> names) const {
  if (normals.empty()) throw settings_error("no reference images: give at least one image of a good part");
  return named(detector_.remember(encode(normals, tiling), tiling), names);
}

ReferenceBank Pipeline::remember(const Features& normals, std::span<const std::string> names) const {
  return named(detector_.remember(normals), names);
}

ReferenceBank Pipeline::named(ReferenceBank bank, std::span<const std::string> names) const {
  if (!names.empty() && names.size() != static_cast<std::size_t>(bank.shots()))
    throw settings_error(std::to_string(bank.shots()) + " reference images have " +
                         std::to_string(names.size()) + " names; give one for each, or none");
  bank.origin = origin();
  bank.origin.references.assign(names.begin(), names.end());
  return bank;
}

void Pipeline::require_fitting(const ReferenceBank& bank, const std::string& source) const {
  require_origin(bank, origin(), source);
}

ReferenceBank Pipeline::calibrated(ReferenceBank bank, double false_alarm_rate,
                                   const ProgressCallback& progress) const {
  bank.calibration = calibrate(detector_, bank, false_alarm_rate, progress);
  if (bank.calibration) bank.calibration->settings = scoring_settings();
  return bank;
}

std::map<std::string, std::string> Pipeline::scoring_settings() const {
  return {{"prompts", json_text(settings_json(settings_.prompts))},
          {"text", json_text(settings_json(settings_.text))},
          {"layers", json_text(settings_json(settings_.layers))},
          {"retrieval", json_text(settings_json(settings_.retrieval))},
          {"scoring", json_text(settings_json(settings_.scoring))},
          {"checkpoint", checkpoint_}};
}

std::vector<std::string> Pipeline::changed_since(const Calibration& calibration) const {
  std::vector<std::string> changed;
  for (const auto& [group, value] : scoring_settings()) {
    const auto then = calibration.settings.find(group);
    if (then == calibration.settings.end() || then->second != value) changed.push_back(group);
  }
  return changed;
}

ReferenceBank Pipeline::open_bank(const Path& file) const {
  return as_ours("opening a reference bank", [&] {
    const ReferenceBank bank = load_bank(file);
    require_fitting(bank, file.string());
    return bank.to(backbone_->device());
  });
}

ReferenceBank Pipeline::open_bank(std::string bytes, const std::string& source) const {
  return as_ours("opening a reference bank", [&] {
    const ReferenceBank bank = bank_of_bytes(std::move(bytes), source);
    require_fitting(bank, source);
    return bank.to(backbone_->device());
  });
}

Detection Pipeline::detect(std::span<const Path> images, const ReferenceBank& bank) const {
  require_fitting(bank);
  std::vector<Detection> parts;
  encode_each(images, bank.tiling, {},
              [&](const Features& part) { parts.push_back(detector_.detect_inputs(part, bank)); });
  return whole(std::move(parts), [&](std::size_t i) { return images[i].string(); });
}

Detection Pipeline::detect(std::span<const ImageView> images, const ReferenceBank& bank) const {
  require_fitting(bank);
  std::vector<Detection> parts;
  encode_each(images, bank.tiling,
              [&](const Features& part) { parts.push_back(detector_.detect_inputs(part, bank)); });
  return whole(std::move(parts), name_in_memory);
}

BankOrigin Pipeline::origin() const {
  BankOrigin origin;
  origin.backbone = backbone_->checksum();
  origin.settings = {
      {"image.size", std::to_string(settings_.image.size)},
      {"image.convert_before_resize", settings_.image.convert_before_resize ? "true" : "false"},
      {"compute.precision", backbone_->arithmetic()}};
  origin.settings.merge(reading_identity(settings_.image.reading));
  return origin;
}

}  // namespace res2clip
