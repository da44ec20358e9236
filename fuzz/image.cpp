// Images: the kind of file, its size, decoding by every rule of the settings, and resizing as input. The
// limit on pixels is low: how long large images take is known.
#include "res2clip/image/prepare.hpp"
#include "res2clip/image/read.hpp"

#include "fuzz/fuzz.hpp"

using namespace res2clip;

RES2CLIP_FUZZ(bytes) {
  const Path path = "image";
  for (const char* wide : {"refuse", "range:100:3000"}) {
    ImageOptions options;
    options.size = 28;
    options.convert_before_resize = wide[1] == 'e';
    options.reading = {wide_samples(wide), /*exif_rotation=*/true, /*max_pixels=*/1 << 18};
    fuzz::read_or_refuse([&] { prepare_image(decode_image(bytes, path, options.reading), options); });
    fuzz::read_or_refuse([&] { read_grey(bytes, path, options.reading); });
    fuzz::read_or_refuse([&] { image_size(bytes, path, options.reading); });
  }
  return fuzz::read_or_refuse([&] { static_cast<void>(image_fault(bytes, path)); });
}
