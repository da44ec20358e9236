#include "res2clip/c.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "res2clip/compute/foreign_errors.hpp"
#include "res2clip/config/settings.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/image/image_view.hpp"
#include "res2clip/model/calibrate.hpp"
#include "res2clip/pipeline/pipeline.hpp"
#include "res2clip/pipeline/product.hpp"
#include "res2clip/settings/settings.hpp"

struct res2clip_pipeline {
  res2clip::Pipeline own;
};
struct res2clip_bank {
  res2clip::ReferenceBank own;
};
struct res2clip_product {
  res2clip::Product own;
};
struct res2clip_finding {
  res2clip::Finding own;
  double threshold;
};

namespace {

using namespace res2clip;

void write_text(const char* text, char* error, std::size_t bytes) {
  if (!error || bytes == 0) return;
  std::size_t length = std::min(std::strlen(text), bytes - 1);
  // Not within a character of several bytes.
  if (text[length] != '\0')
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  std::memcpy(error, text, length);
  error[length] = '\0';
}

/// Runs `work`; no exception leaves it.
template <class Work>
int guarded(char* error, std::size_t bytes, Work&& work) {
  write_text("", error, bytes);
  try {
    as_ours("the call", work);
    return RES2CLIP_DONE;
  } catch (const Error& failure) {
    write_text(failure.what(), error, bytes);
    return failure.exit_code();
  } catch (...) {
    write_text("the call failed", error, bytes);
    return RES2CLIP_FAILED;
  }
}

template <class Pointer>
void require(const Pointer* pointer, const char* name) {
  if (!pointer) throw settings_error(std::string(name) + " is NULL");
}

/// Stores a new handle once everything has succeeded.
template <class Handle, class... Parts>
void store(Handle** place, Parts&&... parts) {
  *place = new Handle{std::forward<Parts>(parts)...};
}

ImageView view_of(const res2clip_image& image) {
  ImageView view{image.data, image.width, image.height, image.row_bytes, PixelFormat::rgb8};
  switch (image.format) {
    case RES2CLIP_RGB8:
      return view;
    case RES2CLIP_BGR8:
      view.format = PixelFormat::bgr8;
      return view;
    case RES2CLIP_RGBA8:
      view.format = PixelFormat::rgba8;
      return view;
    case RES2CLIP_GREY8:
      view.format = PixelFormat::grey8;
      return view;
    default:
      throw data_error("an image in memory has format " + std::to_string(image.format) +
                       ", which is not one of RES2CLIP_RGB8, BGR8, RGBA8 and GREY8");
  }
}

template <class Text>
std::vector<Text> texts_of(const char* const* texts, std::size_t count, const char* name) {
  std::vector<Text> all;
  for (std::size_t i = 0; i < count; ++i) {
    require(texts[i], name);
    all.emplace_back(texts[i]);
  }
  return all;
}

Settings settings_of(const char* text) {
  Settings settings;
  if (text) SettingsLayer::from_text(text, "settings").apply(settings);
  return settings;
}

}  // namespace

extern "C" {

const char* res2clip_version(void) {
  return RES2CLIP_VERSION;
}

int res2clip_pipeline_load(const char* archive, const char* settings, const char* checkpoint,
                           res2clip_pipeline** pipeline, char* error, size_t error_bytes) {
  return guarded(error, error_bytes, [&] {
    require(archive, "archive");
    require(pipeline, "pipeline");
    store(pipeline, Pipeline::load(archive, settings_of(settings), checkpoint ? checkpoint : ""));
  });
}

int64_t res2clip_pipeline_image_size(const res2clip_pipeline* pipeline) {
  return pipeline ? pipeline->own.image_size() : 0;
}

void res2clip_pipeline_free(res2clip_pipeline* pipeline) {
  delete pipeline;
}

int res2clip_bank_of_images(const res2clip_pipeline* pipeline, const res2clip_image* images,
                            const char* const* names, size_t count, res2clip_bank** bank, char* error,
                            size_t error_bytes) {
  return guarded(error, error_bytes, [&] {
    require(pipeline, "pipeline");
    require(images, "images");
    require(bank, "bank");
    std::vector<ImageView> views;
    for (const res2clip_image& image : std::span(images, count)) views.push_back(view_of(image));
    const auto known = names ? texts_of<std::string>(names, count, "a name") : std::vector<std::string>();
    store(bank, pipeline->own.remember(views, known));
  });
}

int res2clip_bank_of_files(const res2clip_pipeline* pipeline, const char* const* paths, size_t count,
                           res2clip_bank** bank, char* error, size_t error_bytes) {
  return guarded(error, error_bytes, [&] {
    require(pipeline, "pipeline");
    require(paths, "paths");
    require(bank, "bank");
    store(bank, pipeline->own.remember(texts_of<Path>(paths, count, "a path")));
  });
}

int res2clip_bank_open(const res2clip_pipeline* pipeline, const char* path, res2clip_bank** bank, char* error,
                       size_t error_bytes) {
  return guarded(error, error_bytes, [&] {
    require(pipeline, "pipeline");
    require(path, "path");
    require(bank, "bank");
    store(bank, pipeline->own.open_bank(Path(path)));
  });
}

int res2clip_bank_save(const res2clip_bank* bank, const char* path, char* error, size_t error_bytes) {
  return guarded(error, error_bytes, [&] {
    require(bank, "bank");
    require(path, "path");
    save_bank(bank->own, path);
  });
}

int res2clip_bank_calibrate(const res2clip_pipeline* pipeline, res2clip_bank* bank, double false_alarm_rate,
                            char* error, size_t error_bytes) {
  return guarded(error, error_bytes, [&] {
    require(pipeline, "pipeline");
    require(bank, "bank");
    pipeline->own.require_fitting(bank->own);
    ReferenceBank calibrated = pipeline->own.calibrated(bank->own, false_alarm_rate);
    if (!calibrated.calibration)
      throw settings_error("a bank of " + std::to_string(bank->own.shots()) +
                           " images cannot be calibrated; it takes " + std::to_string(kFewestCalibrated) +
                           " or more");
    bank->own = std::move(calibrated);
  });
}

int64_t res2clip_bank_images(const res2clip_bank* bank) {
  return bank ? bank->own.shots() : 0;
}

void res2clip_bank_free(res2clip_bank* bank) {
  delete bank;
}

int res2clip_product_new(const res2clip_pipeline* pipeline, const res2clip_bank* bank,
                         const double* threshold, res2clip_product** product, char* error,
                         size_t error_bytes) {
  return guarded(error, error_bytes, [&] {
    require(pipeline, "pipeline");
    require(bank, "bank");
    require(product, "product");
    const auto given = threshold ? std::optional(*threshold) : std::nullopt;
    Product made(pipeline->own, bank->own, given);
    if (!given && !made.changed().empty())
      throw data_error("the bank was calibrated with other settings (" + one_of(made.changed()) +
                       "); calibrate it with these, or give a threshold");
    store(product, std::move(made));
  });
}

void res2clip_product_free(res2clip_product* product) {
  delete product;
}

int res2clip_inspect(const res2clip_product* product, const res2clip_image* image, res2clip_finding** finding,
                     char* error, size_t error_bytes) {
  return guarded(error, error_bytes, [&] {
    require(product, "product");
    require(image, "image");
    require(finding, "finding");
    store(finding, product->own.inspect(view_of(*image)),
          product->own.measure().threshold.value_or(std::numeric_limits<double>::quiet_NaN()));
  });
}

int res2clip_inspect_file(const res2clip_product* product, const char* path, res2clip_finding** finding,
                          char* error, size_t error_bytes) {
  return guarded(error, error_bytes, [&] {
    require(product, "product");
    require(path, "path");
    require(finding, "finding");
    store(finding, product->own.inspect(Path(path)),
          product->own.measure().threshold.value_or(std::numeric_limits<double>::quiet_NaN()));
  });
}

double res2clip_finding_score(const res2clip_finding* finding) {
  return finding->own.score;
}
double res2clip_finding_text(const res2clip_finding* finding) {
  return finding->own.text;
}
double res2clip_finding_visual(const res2clip_finding* finding) {
  return finding->own.visual;
}
double res2clip_finding_residual(const res2clip_finding* finding) {
  return finding->own.residual;
}
double res2clip_finding_threshold(const res2clip_finding* finding) {
  return finding->threshold;
}
const char* res2clip_finding_verdict(const res2clip_finding* finding) {
  return finding->own.judgement ? name_of(finding->own.judgement->verdict) : "";
}
const char* res2clip_finding_reason(const res2clip_finding* finding) {
  return finding->own.judgement ? finding->own.judgement->reason.c_str() : "";
}
const float* res2clip_finding_map(const res2clip_finding* finding, int64_t* side) {
  const at::Tensor& map = finding->own.map;
  const bool square = map.size(0) == map.size(1);
  if (side) *side = square ? map.size(1) : 0;
  return square ? map.const_data_ptr<float>() : nullptr;
}

const float* res2clip_finding_any_map(const res2clip_finding* finding, int64_t* rows, int64_t* columns) {
  *rows = finding->own.map.size(0);
  *columns = finding->own.map.size(1);
  return finding->own.map.const_data_ptr<float>();
}
void res2clip_finding_box(const res2clip_finding* finding, int64_t box[4]) {
  const Box& found = finding->own.region.box;
  box[0] = found.x;
  box[1] = found.y;
  box[2] = found.width;
  box[3] = found.height;
}
void res2clip_finding_free(res2clip_finding* finding) {
  delete finding;
}

}  // extern "C"
