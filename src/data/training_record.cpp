#include "res2clip/data/training_record.hpp"

#include "res2clip/compute/parallel.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/json_text.hpp"

#include "json_file.hpp"
#include "layouts.hpp"
#include "listing.hpp"

namespace res2clip {
namespace {

constexpr const char* kFile = "training_data.json";
constexpr int kFormat = 1;
constexpr std::size_t kDigits = 16;  // of 64: enough to tell apart all images there are

std::vector<Path> test_images(const Dataset& dataset) {
  std::vector<Path> images;
  for (const auto& [category, samples] : dataset.test)
    for (const Sample& sample : samples) images.push_back(sample.image);
  return images;
}

std::vector<std::string> digests_of(const std::vector<Path>& files) {
  std::vector<std::string> digests(files.size());
  parallel_for_each(files.size(),
                    [&](std::size_t i) { digests[i] = sha256_of_file(files[i]).substr(0, kDigits); });
  return digests;
}

std::vector<std::string> texts(const OrderedJson& list, const std::string& where) {
  if (!list.is_array()) throw data_error(where + " is not a list");
  std::vector<std::string> result;
  for (const auto& entry : list) {
    if (!entry.is_string()) throw data_error(where + " lists something that is not text");
    result.push_back(entry.get<std::string>());
  }
  return result;
}

}  // namespace

TrainingRecord training_record(const Dataset& dataset) {
  const auto digests = digests_of(test_images(dataset));
  return {dataset.name, dataset.categories, {digests.begin(), digests.end()}};
}

void write_training_record(const TrainingRecord& record, const Path& folder) {
  const OrderedJson json{{"format", kFormat},
                         {"dataset", record.dataset},
                         {"classes", record.categories},
                         {"images_sha256", record.images}};
  write_file(folder / kFile, json_text(json, 1) + "\n");
}

std::optional<TrainingRecord> read_training_record(const Path& folder) {
  const Path file = folder / kFile;
  if (!is_file(file)) return {};
  const OrderedJson json = read_json_file(file);
  const std::string where = file.string() + ": the file";
  if (!json.is_object() || member(json, "format", where) != kFormat)
    throw data_error(file.string() + ": is not a record of format " + std::to_string(kFormat) +
                     " of what a checkpoint was trained on; remove it, or update res2clip");
  const auto images = texts(member(json, "images_sha256", where), where + ": \"images_sha256\"");
  return TrainingRecord{text_member(json, "dataset", where),
                        texts(member(json, "classes", where), where + ": \"classes\""),
                        {images.begin(), images.end()}};
}

void remark_on_training(Dataset& dataset, const Path& checkpoint) {
  const auto record = read_training_record(checkpoint.parent_path());
  if (!record) {
    dataset.remarks.push_back(checkpoint.string() + ": no " + kFile +
                              " beside it says what it was trained on; these images may be among it");
    return;
  }
  const auto digests = digests_of(test_images(dataset));
  std::size_t seen = 0;
  for (const std::string& digest : digests) seen += record->images.contains(digest);
  if (seen > 0)
    dataset.remarks.push_back(std::to_string(seen) + " of " + std::to_string(digests.size()) +
                              " test images are among those that " + checkpoint.string() +
                              " was trained on: its results on them say nothing about new images");
}

}  // namespace res2clip
