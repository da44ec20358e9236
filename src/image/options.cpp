#include "res2clip/image/options.hpp"

#include "res2clip/settings/settings.hpp"

namespace res2clip {

void describe(Fields& fields, ImageOptions& options) {
  fields.field("size", options.size, Range<std::int64_t>{0, 8192},
               "side of the square that images are resized to; 0: what the backbone was exported for");
  fields.field("convert_before_resize", options.convert_before_resize,
               "convert to RGB before resizing (false: after, as the authors' loader does)");
  describe(fields, options.reading);
}

void describe(Fields& fields, OverlayOptions& options) {
  fields.field("palette", options.palette, "colours of the heat map");
  fields.field("opacity", options.opacity, Range<double>{0.0, 1.0},
               "of the hottest pixels; calm ones are transparent");
  fields.field("outline", options.outline, "draw a line around the hottest region");
  fields.field("outline_fraction", options.outline_fraction, Range<double>{0.0, 1.0},
               "the region reaches this part of the way from the map's median to its maximum");
  fields.field("side_by_side", options.side_by_side,
               "show the original beside the overlay, with caption and scale");
  fields.field("smallest_edge", options.smallest_edge, Range<std::int64_t>{1, 4096},
               "images with a smaller edge are enlarged by a whole factor");
  fields.field("calm", options.calm, Range<double>{0.0, 100.0},
               "map value that normal images reach; 0: as the references tell");
}

}  // namespace res2clip
