#include "region_options.hpp"

#include "res2clip/core/error.hpp"
#include "res2clip/image/read.hpp"
#include "res2clip/image/region_mask.hpp"

#include "text_of.hpp"

namespace res2clip::app {
namespace {

std::string text_of_size(const ImageSize& size) {
  return std::to_string(size.width) + "x" + std::to_string(size.height);
}

ImageSize common_size(std::span<const Path> images, const ReadOptions& reading) {
  const ImageSize first = image_size(images.front(), reading);
  for (const Path& image : images) {
    const ImageSize size = image_size(image, reading);
    if (size.height != first.height || size.width != first.width)
      throw data_error(image.string() + ": is " + text_of_size(size) + " pixels large, " +
                       images.front().string() + " " + text_of_size(first) +
                       "; --roi and --ignore need references of one size");
  }
  return first;
}

}  // namespace

void RegionOptions::add_to(CLI::App& command) {
  command
      .add_option("--roi", roi,
                  "Look at this part of images alone: x,y,w,h (pixels of the references; percent with %), a "
                  "polygon \"x,y x,y x,y\" or a mask image; repeatable")
      ->allow_extra_args(false)  // images may follow
      ->type_name("REGION");
  command.add_option("--ignore", ignore, "Look everywhere but here: as --roi; repeatable")
      ->allow_extra_args(false)
      ->type_name("REGION");
}

std::vector<Path> RegionOptions::masks() const {
  std::vector<Path> all(roi.begin(), roi.end());
  all.insert(all.end(), ignore.begin(), ignore.end());
  return all;
}

ReferenceBank within(ReferenceBank bank, const RegionOptions& options, std::span<const Path> references,
                     const Pipeline& pipeline) {
  if (!options.given()) return bank;
  const ImageSize size = common_size(references, pipeline.settings().image.reading);
  const std::int64_t side = pipeline.image_size();
  return res2clip::within(std::move(bank), region_mask(options.roi, options.ignore, size, side, side));
}

std::string region_text(const ReferenceBank& bank) {
  if (!bank.region) return {};
  const double inside =
      static_cast<double>(bank.region->places.numel()) / static_cast<double>(bank.region->pixels.numel());
  return text_of(", %.1f %% of each image looked at", 100 * inside);
}

}  // namespace res2clip::app
