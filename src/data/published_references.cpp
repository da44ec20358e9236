#include <algorithm>
#include <string_view>
#include <utility>

#include "res2clip/core/error.hpp"
#include "res2clip/data/references.hpp"

namespace res2clip {
namespace {

/// Class and name of an image in its folder of normal images (train/good, Data/Images/Normal, train/ok).
struct PublishedReference {
  std::string_view category, image;
};

// The authors' 1-shot lists.
constexpr PublishedReference kPublished[] = {
    // MVTec AD
    {"carpet", "148.png"},
    {"bottle", "093.png"},
    {"hazelnut", "056.png"},
    {"leather", "148.png"},
    {"cable", "009.png"},
    {"capsule", "063.png"},
    {"grid", "190.png"},
    {"pill", "184.png"},
    {"transistor", "078.png"},
    {"metal_nut", "104.png"},
    {"screw", "093.png"},
    {"toothbrush", "051.png"},
    {"zipper", "189.png"},
    {"tile", "066.png"},
    {"wood", "014.png"},
    // VisA
    {"candle", "0281.JPG"},
    {"capsules", "470.JPG"},
    {"cashew", "222.JPG"},
    {"chewinggum", "454.JPG"},
    {"fryum", "381.JPG"},
    {"macaroni1", "0670.JPG"},
    {"macaroni2", "0712.JPG"},
    {"pcb1", "0243.JPG"},
    {"pcb2", "0061.JPG"},
    {"pcb3", "0850.JPG"},
    {"pcb4", "0704.JPG"},
    {"pipe_fryum", "066.JPG"},
    // BTAD
    {"01", "0341.bmp"},
    {"02", "0154.png"},
    {"03", "0708.bmp"},
};

const Path& training_image(const Dataset& dataset, const std::string& category, std::string_view name) {
  const auto found = dataset.train.find(category);
  if (found != dataset.train.end())
    for (const Sample& sample : found->second)
      if (!sample.anomalous && sample.image.filename() == name) return sample.image;
  throw data_error(dataset.root.string() + ": class '" + category + "' has no training image " +
                   std::string(name) + ", which the published list names");
}

}  // namespace

References published_references(const Dataset& dataset) {
  References references;
  for (const std::string& category : dataset.categories) {
    const auto* const listed = std::find_if(std::begin(kPublished), std::end(kPublished),
                                            [&](const auto& one) { return one.category == category; });
    if (listed == std::end(kPublished))
      throw settings_error(
          "--references published: the authors' lists are for the classes of MVTec AD, VisA and BTAD; '" +
          category + "' is none of them");
    references[category] = {training_image(dataset, category, listed->image)};
  }
  return references;
}

}  // namespace res2clip
