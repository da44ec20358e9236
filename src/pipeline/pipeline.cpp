#include "res2clip/pipeline/pipeline.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/json_text.hpp"
#include "res2clip/model/calibrate.hpp"
#include "res2clip/model/checkpoint.hpp"

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

}  // namespace

Settings fit_to_backbone(Settings settings, const ModelCard& card) {
  if (settings.image.size == 0) settings.image.size = card.image_size;
  if (settings.image.size % card.sizes.patch_size != 0)
    throw settings_error("image.size is " + std::to_string(settings.image.size) +
                         "; this backbone needs a multiple of " + std::to_string(card.sizes.patch_size));
  settings.image.normalisation = card.form.normalisation;
  take_export_of(card, settings);
  return settings;
}

Pipeline::Pipeline(Backbone backbone, Detector detector, Settings settings, std::string checkpoint)
    : backbone_(std::move(backbone)),
      detector_(std::move(detector)),
      settings_(std::move(settings)),
      checkpoint_(std::move(checkpoint)) {}

Pipeline Pipeline::load(const Path& archive, const Settings& settings, const Path& checkpoint) {
  Backbone backbone = Backbone::load(archive, settings.compute);
  Settings own = fit_to_backbone(settings, backbone.card());
  const TextAnchors anchors = encode_anchors(backbone, own.prompts, own.text);
  std::optional<Adapters> adapters;
  if (!checkpoint.empty()) adapters = to_device(read_checkpoint(checkpoint), backbone.device());
  Detector detector(anchors, backbone.card(), own.detector(), std::move(adapters));
  return {std::move(backbone), std::move(detector), std::move(own),
          checkpoint.empty() ? std::string() : sha256_of_file(checkpoint)};
}

EncodedFeatures Pipeline::features() const {
  return {backbone_, settings_.image, detector_.layers_needed(), settings_.compute.batch_size, remarks_};
}

ReadingOptions Pipeline::reading(bool pixels) const {
  return {.image = settings_.image,
          .page_locked = backbone_.device().is_cuda(),
          .pixels = pixels,
          .remarks = remarks_};
}

at::Tensor Pipeline::prepare(std::span<const Path> images) const {
  BatchReader reader(reading());
  const ImageBatch batch = reader.read(images);
  batch.expect_whole();
  return batch.input;
}

Features Pipeline::encode(const at::Tensor& images) const {
  return backbone_.encode(images, detector_.layers_needed());
}

Features Pipeline::encode(std::span<const Path> images, const ProgressCallback& progress) const {
  const auto batch = static_cast<std::size_t>(settings_.compute.batch_size);
  EncodedFeatures source = features();
  std::vector<Features> parts;
  for (std::size_t first = 0; first < images.size(); first += batch) {
    if (progress) progress(static_cast<std::int64_t>(first), static_cast<std::int64_t>(images.size()), {});
    const auto rest = images.subspan(first);
    source.soon(rest);
    parts.push_back(source.of(rest.first(std::min(batch, rest.size()))));
  }
  return concatenate(parts);
}

ReferenceBank Pipeline::remember(std::span<const Path> normals, const ProgressCallback& progress) const {
  if (normals.empty()) throw settings_error("no reference images: name at least one image of a good part");
  ReferenceBank bank = detector_.remember(encode(normals, progress));
  bank.origin = origin();
  for (const Path& path : normals) bank.origin.references.push_back(path.generic_string());
  return bank;
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
  ReferenceBank bank = load_bank(file);
  require_origin(bank, origin(), file.string());
  return bank.to(backbone_.device());
}

Detection Pipeline::detect(std::span<const Path> images, const ReferenceBank& bank) const {
  return detector_.detect(encode(images), bank);
}

BankOrigin Pipeline::origin() const {
  BankOrigin origin;
  origin.backbone = backbone_.checksum();
  origin.settings = {
      {"image.size", std::to_string(settings_.image.size)},
      {"image.convert_before_resize", settings_.image.convert_before_resize ? "true" : "false"},
      {"compute.precision", std::string(name_of(settings_.compute.precision))}};
  origin.settings.merge(reading_identity(settings_.image.reading));
  return origin;
}

}  // namespace res2clip
