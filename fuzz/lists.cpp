// Lists of images: meta.json, VisA's CSV, Real-IAD's JSON, references, lists of paths.
#include <sstream>

#include "res2clip/data/inputs.hpp"
#include "res2clip/data/layout.hpp"
#include "res2clip/data/references.hpp"

#include "fuzz/fuzz.hpp"

using namespace res2clip;

namespace {

int read_layout(Layout layout, const Path& root) {
  DatasetOptions options;
  options.layout = layout;
  options.root = root.string();
  options.skip_broken = true;
  return fuzz::read_or_refuse([&] { load_dataset(options); });
}

}  // namespace

RES2CLIP_FUZZ(bytes) {
  static const bool made = std::filesystem::create_directories(fuzz::folder() / "visa/split_csv") &&
                           std::filesystem::create_directories(fuzz::folder() / "real/realiad_jsons");
  if (!made) std::abort();
  if (!bytes.empty() && (bytes.front() == '{' || bytes.front() == '[')) {
    const Path meta = fuzz::file("meta.json", bytes);
    fuzz::file("real/realiad_jsons/part.json", bytes);
    fuzz::read_or_refuse([&] { read_meta(meta, fuzz::folder()); });
    read_layout(Layout::real_iad, fuzz::folder() / "real");
    return fuzz::read_or_refuse([&] { read_references(meta, fuzz::folder()); });
  }
  fuzz::file("visa/split_csv/1cls.csv", bytes);
  read_layout(Layout::visa, fuzz::folder() / "visa");
  std::istringstream lines{std::string(bytes)};
  return fuzz::read_or_refuse([&] {
    InputLines paths(lines);
    for (std::string path; paths.next(path);) continue;
  });
}
