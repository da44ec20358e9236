#include "res2clip/data/examination.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <nlohmann/json.hpp>

#include "res2clip/compute/parallel.hpp"
#include "res2clip/core/error.hpp"

#include "layouts.hpp"
#include "listing.hpp"

namespace res2clip {

// What travels between processes: the index of a sample and what was found, of those with a finding.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MaskTraits, empty, full, over_half, many_values)

namespace {

using Json = nlohmann::json;

/// Rounded sides of scaled masks differ less, turned or cropped ones more.
constexpr double kAspectTolerance = 0.05;

std::string size_text(std::int64_t width, std::int64_t height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

std::string aspect_fault(const Sample& sample, const ExaminedImage& image, const at::Tensor& mask) {
  const auto width = static_cast<double>(mask.size(1)), height = static_cast<double>(mask.size(0));
  const double ratio =
      width * static_cast<double>(image.height) / (height * static_cast<double>(image.width));
  if (std::abs(std::log(ratio)) <= std::log1p(kAspectTolerance)) return {};
  return sample.mask.string() + ": the mask has " + size_text(mask.size(1), mask.size(0)) +
         " pixels, its image " + sample.image.string() + " " + size_text(image.width, image.height) +
         ": another ratio of width to height (is one of them turned or cropped? An image that is turned by "
         "EXIF alone: image.exif_rotation)";
}

struct Mistake {
  bool MaskTraits::*trait;
  const char* text;
};
constexpr Mistake kMistakes[] = {
    {&MaskTraits::empty, "are empty, so that all pixels of these images count as good"},
    {&MaskTraits::full, "mark every pixel"},
    {&MaskTraits::over_half, "mark more than half of the pixels (inverted?)"},
    {&MaskTraits::many_values,
     "hold values other than 0 and one more (JPEG, or classes); every value above 0 counts"},
};

void remark_on_class(Dataset& dataset, const std::string& category, std::span<const Sample> samples,
                     std::span<const Finding> findings, const Mistake& mistake) {
  std::size_t masks = 0, mistaken = 0;
  Path first;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].category != category || samples[i].mask.empty()) continue;
    ++masks;
    if (!(findings[i].mask.*mistake.trait)) continue;
    if (mistaken++ == 0) first = samples[i].mask;
  }
  if (mistaken > 0)
    dataset.remarks.push_back(category + ": " + std::to_string(mistaken) + " of " + std::to_string(masks) +
                              " masks " + mistake.text + " (first: " + first.string() + ")");
}

void require_usable(std::span<const Finding> findings) {
  constexpr std::size_t kNamed = 10;
  std::vector<std::string> faults;
  for (const Finding& finding : findings)
    if (!finding.fault.empty()) faults.push_back(finding.fault);
  if (faults.empty()) return;
  std::string message = faults.size() > 1 ? std::to_string(faults.size()) + " images cannot be used: " : "";
  for (std::size_t i = 0; i < std::min(faults.size(), kNamed); ++i)
    message += (i > 0 ? "; " : "") + faults[i];
  if (faults.size() > kNamed) message += "; and " + std::to_string(faults.size() - kNamed) + " more";
  throw data_error(message + " (--skip-broken goes on without)");
}

/// Takes what cannot be used out of the data set, and adds it to `unusable`.
void leave_out_unusable(Dataset& dataset, std::span<const Sample> samples, std::span<const Finding> findings,
                        std::set<Path>& unusable) {
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (findings[i].fault.empty()) continue;
    if (unusable.insert(samples[i].image).second) dataset.left_out.push_back(findings[i].fault);
  }
  for (auto* split : {&dataset.train, &dataset.test})
    for (auto& [category, images] : *split)
      std::erase_if(images, [&](const Sample& sample) { return unusable.contains(sample.image); });
  for (const std::string& category : dataset.categories)
    if (dataset.test[category].empty())
      throw data_error(dataset.root.string() + ": class '" + category +
                       "' has no test image left that can be used");
}

void remark_on_masks(Dataset& dataset, std::span<const Sample> samples, std::span<const Finding> findings) {
  for (const std::string& category : dataset.categories)
    for (const Mistake& mistake : kMistakes) remark_on_class(dataset, category, samples, findings, mistake);
}

Json packed(std::size_t index, const Finding& finding) {
  // A path in a message may hold bytes that are not UTF-8; CBOR keeps them as they are in binary.
  const auto& text = finding.fault;
  return {{"sample", index}, {"fault", Json::binary({text.begin(), text.end()})}, {"mask", finding.mask}};
}

Finding unpacked(const Json& json) {
  const auto& text = json.at("fault").get_binary();
  return {{text.begin(), text.end()}, json.at("mask").get<MaskTraits>()};
}

bool says_something(const Finding& finding) {
  const MaskTraits& mask = finding.mask;
  return !finding.fault.empty() || mask.empty || mask.full || mask.over_half || mask.many_values;
}

}  // namespace

Finding examine(const Sample& sample, Examination how, const ReadOptions& reading) {
  Finding finding;
  const ExaminedImage image = examine_image(sample.image, how, reading);
  finding.fault = image.fault;
  if (sample.mask.empty()) return finding;
  try {
    const at::Tensor mask = read_whole_mask(sample.mask, reading);
    finding.mask = traits_of(mask);
    if (finding.fault.empty()) finding.fault = aspect_fault(sample, image, mask);
  } catch (const std::exception& error) {
    finding.fault += (finding.fault.empty() ? "" : "; ") + std::string(error.what());
  }
  return finding;
}

std::vector<Sample> samples_of(const Dataset& dataset, const References& references) {
  std::vector<Sample> samples;
  for (const std::string& category : dataset.categories) {
    if (const auto found = references.find(category); found != references.end())
      for (const Path& path : found->second) samples.push_back({path, {}, {}, category, "good", false});
    if (const auto found = dataset.test.find(category); found != dataset.test.end())
      samples.insert(samples.end(), found->second.begin(), found->second.end());
  }
  return samples;
}

std::vector<Finding> examine(std::span<const Sample> samples, Examination how, Communicator& processes,
                             const ReadOptions& reading) {
  const auto rank = static_cast<std::size_t>(processes.rank()),
             step = static_cast<std::size_t>(processes.size());
  std::vector<Finding> own(samples.size());
  parallel_for_each((samples.size() + step - 1 - rank) / step, [&](std::size_t i) {
    own[i * step + rank] = examine(samples[i * step + rank], how, reading);
    processes.progress();
  });
  Json found = Json::array();
  for (std::size_t i = 0; i < own.size(); ++i)
    if (says_something(own[i])) found.push_back(packed(i, own[i]));
  const auto bytes = Json::to_cbor(found);
  std::vector<Finding> all(samples.size());
  for (const std::string& others : processes.gather({bytes.begin(), bytes.end()}))
    for (const Json& one : Json::from_cbor(others)) all[one.at("sample").get<std::size_t>()] = unpacked(one);
  return all;
}

References examine_dataset(Dataset& dataset, const std::optional<ReferenceChoice>& choice, bool skip_broken,
                           Communicator& processes, const ReadOptions& reading) {
  std::vector<ReferenceChoice> choices;
  if (choice) choices.push_back(*choice);
  const auto references = examine_dataset(dataset, choices, skip_broken, processes, reading);
  return references.empty() ? References() : references.front();
}

std::vector<References> examine_dataset(Dataset& dataset, std::span<const ReferenceChoice> choices,
                                        bool skip_broken, Communicator& processes,
                                        const ReadOptions& reading) {
  std::set<Path> unusable;
  for (;;) {
    std::vector<References> references;
    for (const ReferenceChoice& choice : choices)
      references.push_back(references_for(dataset, choice, unusable));
    const References all = joined(references);
    const std::vector<Sample> samples = samples_of(dataset, all);
    const auto findings =
        examine(samples, skip_broken ? Examination::pixels : Examination::header, processes, reading);
    if (!skip_broken) require_usable(findings);
    const std::size_t before = unusable.size();
    leave_out_unusable(dataset, samples, findings, unusable);
    if (unusable.size() > before)
      continue;  // other references may have been taken, which nobody has looked at
    remark_on_masks(dataset, samples, findings);
    remark_on_references(dataset, all);
    return references;
  }
}

std::vector<std::string> leave_out_unusable(std::vector<Path>& images, bool skip_broken,
                                            const ReadOptions& reading) {
  std::vector<Sample> samples;
  for (const Path& image : images)
    if (std::error_code ignored; !std::filesystem::exists(image, ignored) || is_file(image))
      samples.push_back({image, {}, {}, {}, {}, false});
  const auto findings =
      examine(samples, skip_broken ? Examination::pixels : Examination::header, *single_process(), reading);
  std::vector<std::string> left_out;
  std::set<Path> unusable;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (findings[i].fault.empty()) continue;
    unusable.insert(samples[i].image);
    left_out.push_back(findings[i].fault);
  }
  if (!skip_broken || unusable.size() == images.size()) require_usable(findings);
  std::erase_if(images, [&](const Path& image) { return unusable.contains(image); });
  return left_out;
}

}  // namespace res2clip
