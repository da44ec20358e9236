#include "res2clip/pipeline/pipeline.hpp"

#include <algorithm>

#include "res2clip/image/prepare.hpp"
#include "res2clip/model/checkpoint.hpp"

namespace res2clip {
namespace {

/// What an archive was exported with. Settings at their defaults leave it open; others were meant for it.
void take_export_of(const ModelCard& card, Settings& settings) {
  ExportOptions& asked = settings.backbone;
  if (asked.vv_blocks != -1 && asked.vv_blocks != card.vv_blocks) {
    const std::string own = std::to_string(card.vv_blocks);
    throw settings_error("this archive has " + own + " V-V blocks, the settings ask for " +
                         std::to_string(asked.vv_blocks) + " (export.vv_blocks); " +
                         (settings.profile == Profile::paper
                              ? "export with --profile paper, or say that it is meant with --set "
                                "export.vv_blocks=" +
                                    own
                              : "export again, or leave the setting out"));
  }
  const ExportOptions defaults;
  const auto take = [](const char* key, bool& value, bool open, bool own) {
    if (value != open && value != own)
      throw settings_error("this archive was exported with " + std::string(key) + "=" +
                           (own ? "true" : "false") + ", the settings ask for " + (value ? "true" : "false") +
                           "; export again, or leave the setting out");
    value = own;
  };
  asked.vv_blocks = card.vv_blocks;
  take("export.global_ln_post", asked.global_ln_post, defaults.global_ln_post, card.global_ln_post);
  take("export.patch_ln_post", asked.patch_ln_post, defaults.patch_ln_post, card.patch_ln_post);
  take("export.patch_projection", asked.patch_projection, defaults.patch_projection, card.patch_projection);
}

}  // namespace

Settings fit_to_backbone(Settings settings, const ModelCard& card) {
  if (settings.image.size == 0) settings.image.size = card.image_size;
  if (settings.image.size % card.patch_size != 0)
    throw settings_error("image.size is " + std::to_string(settings.image.size) +
                         "; this backbone needs a multiple of " + std::to_string(card.patch_size));
  take_export_of(card, settings);
  settings.backbone.image_size = settings.image.size;
  return settings;
}

StoreDescription describe_store(const std::string& dataset, const Backbone& backbone,
                                const Settings& settings, std::vector<int> layers) {
  const ModelCard& card = backbone.card();
  const std::int64_t side = settings.image.size / card.patch_size;
  std::sort(layers.begin(), layers.end());
  StoreDescription description;
  description.dataset = dataset;
  description.backbone = backbone.checksum();
  description.image_size = settings.image.size;
  description.layers = std::move(layers);
  description.embed = card.embed_dim;
  description.grid = {side, side};
  description.stored_as = settings.store.numbers;
  description.encoding = std::string("precision ") + std::string(name_of(settings.compute.precision)) +
                         (settings.image.convert_before_resize ? ", converted first" : ", resized first");
  for (const auto& [name, value] : reading_identity(settings.image.reading))
    description.encoding += ", " + name + "=" + value;
  return description;
}

Pipeline::Pipeline(Backbone backbone, Detector detector, Settings settings)
    : backbone_(std::move(backbone)), detector_(std::move(detector)), settings_(std::move(settings)) {}

Pipeline Pipeline::load(const Path& archive, const Settings& settings, const Path& checkpoint) {
  Backbone backbone = Backbone::load(archive, settings.compute);
  Settings own = fit_to_backbone(settings, backbone.card());
  const TextAnchors anchors = encode_anchors(backbone, own.prompts, own.text);
  std::optional<Adapters> adapters;
  if (!checkpoint.empty()) adapters = to_device(read_checkpoint(checkpoint), backbone.device());
  Detector detector(anchors, backbone.card(), own.detector(), std::move(adapters));
  return {std::move(backbone), std::move(detector), std::move(own)};
}

at::Tensor Pipeline::prepare(std::span<const Path> images) const {
  const at::Tensor prepared = prepare_images(images, settings_.image);
  return backbone_.device().is_cuda() ? prepared.pin_memory() : prepared;
}

Features Pipeline::encode(const at::Tensor& images) const {
  return backbone_.encode(images, detector_.layers_needed());
}

Features Pipeline::encode(std::span<const Path> images, const ProgressCallback& progress) const {
  const auto batch = static_cast<std::size_t>(settings_.compute.batch_size);
  std::vector<Features> parts;
  for (std::size_t first = 0; first < images.size(); first += batch) {
    if (progress) progress(static_cast<std::int64_t>(first), static_cast<std::int64_t>(images.size()), {});
    parts.push_back(encode(prepare(images.subspan(first, std::min(batch, images.size() - first)))));
  }
  return concatenate(parts);
}

ReferenceBank Pipeline::remember(std::span<const Path> normals, const ProgressCallback& progress) const {
  if (normals.empty()) throw settings_error("no reference images: name at least one picture of a good part");
  ReferenceBank bank = detector_.remember(encode(normals, progress));
  bank.origin = origin();
  for (const Path& path : normals) bank.origin.references.push_back(path.generic_string());
  return bank;
}

ReferenceBank Pipeline::open_bank(const Path& file) const {
  ReferenceBank bank = load_bank(file);
  expect_origin(bank, origin(), file.string());
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
