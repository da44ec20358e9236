#include "res2clip/demo/generator.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/image/write.hpp"
#include "res2clip/settings/settings.hpp"

#include "camera.hpp"
#include "defect.hpp"
#include "family.hpp"

namespace res2clip {
namespace {

using demo::all_defect_kinds;
using demo::all_families;
using demo::ClassStyle;
using demo::DefectKind;
using demo::Dice;
using demo::Family;
using nlohmann::ordered_json;

// Raised whenever the same options give other pictures than before.
constexpr int kGeneration = 1;

template <class Things>
std::vector<std::string_view> names_of(const Things& things) {
  std::vector<std::string_view> names;
  for (const auto& thing : things) names.push_back(thing.name);
  return names;
}

const Family& family_of(const std::string& class_name) {
  std::string_view stem = class_name;
  const std::size_t digits = stem.find_last_not_of("0123456789");
  const bool numbered = digits != std::string_view::npos && digits > 0 && digits + 1 < stem.size() &&
                        stem[digits] == '_' && stem[digits + 1] != '0' && stem.size() - digits <= 7;
  if (numbered) stem = stem.substr(0, digits);
  for (const Family& family : all_families())
    if (family.name == stem) return family;
  throw settings_error("there is no demo class '" + class_name + "'; it must be " +
                       one_of(names_of(all_families())) +
                       ", with _1, _2, ... for more classes of one family");
}

const DefectKind& kind_of(const std::string& name) {
  for (const DefectKind& kind : all_defect_kinds())
    if (kind.name == name) return kind;
  throw settings_error("there is no kind of demo defect '" + name + "'; it must be " +
                       one_of(names_of(all_defect_kinds())));
}

ClassStyle style_of(const std::string& class_name, std::int64_t seed) {
  Dice dice(static_cast<std::uint64_t>(seed), "class " + class_name);
  return family_of(class_name).style(dice);
}

DemoImage drawn(const ClassStyle& style, const std::string& class_name, std::int64_t seed,
                const std::string& specimen, const DefectKind* kind, int size) {
  Dice dice(static_cast<std::uint64_t>(seed), "specimen " + class_name + "/" + specimen);
  demo::Picture picture = style.draw(size, dice);
  DemoImage image;
  image.size = size;
  if (kind != nullptr) {
    demo::Spoiled result = demo::spoiled(picture, *kind, dice);
    picture = std::move(result.picture);
    image.mask.assign(result.mask.begin(), result.mask.end());
  }
  // A stream of its own: the same specimen with and without a defect differs by the defect alone.
  Dice camera(static_cast<std::uint64_t>(seed), "camera " + class_name + "/" + specimen);
  image.rgb = demo::photograph(picture, camera);
  return image;
}

struct PlannedClass {
  std::string name;
  const Family* family;
  ClassStyle style;
  std::vector<const DefectKind*> kinds;
};

// Kinds in the seed's order that a trial shows to be visible on the class: no dent in soot, no crack in
// gravel.
std::vector<const DefectKind*> chosen_kinds(const std::string& class_name, const ClassStyle& style,
                                            const DemoOptions& options) {
  constexpr int kTrialAttempts = 12;
  const int size = static_cast<int>(std::min<std::int64_t>(options.size, 128));  // larger ones show no less
  std::vector<const DefectKind*> kinds;
  for (const std::string& name : options.defects) kinds.push_back(&kind_of(name));
  if (kinds.empty())
    for (const DefectKind& kind : all_defect_kinds()) kinds.push_back(&kind);
  const auto seed = static_cast<std::uint64_t>(options.seed);
  RandomStream order(seed, "kinds " + class_name);
  Dice dice(seed, "trial " + class_name);
  const demo::Picture trial = style.draw(size, dice);
  std::vector<const DefectKind*> chosen;
  for (const std::int64_t i : order.permutation(static_cast<std::int64_t>(kinds.size()))) {
    if (static_cast<std::int64_t>(chosen.size()) == options.kinds) break;
    const DefectKind* kind = kinds[static_cast<std::size_t>(i)];
    if (demo::try_spoil(trial, *kind, dice, kTrialAttempts)) chosen.push_back(kind);
  }
  return chosen;
}

std::vector<PlannedClass> plan(const DemoOptions& options) {
  DemoOptions checked;  // each value against its range
  SettingsLayer::from_text(settings_yaml(options), "options of the demo data").apply(checked);
  std::vector<std::string> names = options.classes;
  if (names.empty())
    for (const Family& family : all_families()) names.emplace_back(family.name);
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size())
    throw settings_error("classes names a class twice; name each once");
  if (std::set<std::string>(options.defects.begin(), options.defects.end()).size() != options.defects.size())
    throw settings_error("defects names a kind twice; name each once");
  std::vector<PlannedClass> classes;
  for (const std::string& name : names) {
    ClassStyle style = style_of(name, options.seed);
    std::vector<const DefectKind*> kinds = chosen_kinds(name, style, options);
    classes.push_back({name, &family_of(name), std::move(style), std::move(kinds)});
  }
  return classes;
}

struct Job {
  const PlannedClass* of;
  const DefectKind* kind;
  std::string specimen;  // also the path below the class's folder, without ".png"
  std::string mask;      // likewise; empty without a defect
};

std::string numbered(std::int64_t i) {
  const std::string digits = std::to_string(i);
  return std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits;
}

std::vector<Job> jobs_of(const std::vector<PlannedClass>& classes, const DemoOptions& options) {
  std::vector<Job> jobs;
  for (const PlannedClass& of : classes) {
    for (std::int64_t i = 0; i < options.train; ++i)
      jobs.push_back({&of, nullptr, "train/good/" + numbered(i), {}});
    for (std::int64_t i = 0; i < options.good; ++i)
      jobs.push_back({&of, nullptr, "test/good/" + numbered(i), {}});
    for (const DefectKind* kind : of.kinds)
      for (std::int64_t i = 0; i < options.defective; ++i) {
        const std::string name = std::string(kind->name) + "/" + numbered(i);
        jobs.push_back({&of, kind, "test/" + name, "ground_truth/" + name + "_mask"});
      }
  }
  return jobs;
}

void write_png(const Path& path, int size, int channels, const std::vector<std::uint8_t>& bytes) {
  write_file(path, encode_png({bytes.data(), size, size, channels}));
}

std::string description(const std::vector<PlannedClass>& classes, const DemoOptions& options) {
  ordered_json listed = ordered_json::array();
  for (const PlannedClass& of : classes)
    listed.push_back({{"name", of.name},
                      {"family", of.family->name},
                      {"object", of.family->is_object},
                      {"held_out", of.family->held_out},
                      {"colour", of.style.colour},
                      {"words", of.family->words},
                      {"defects", [&] {
                         ordered_json kinds = ordered_json::array();
                         for (const DefectKind* kind : of.kinds) kinds.push_back(kind->name);
                         return kinds;
                       }()}});
  return ordered_json{{"generation", kGeneration}, {"options", settings_json(options)}, {"classes", listed}}
             .dump(2) +
         "\n";
}

// The folder is new, empty, or holds the same demo data: nobody else's files get mixed with ours.
void claim(const Path& root, const std::string& text) {
  const Path card = root / "demo.json";
  std::error_code failed;
  if (std::filesystem::exists(card, failed)) {
    if (read_file(card) == text) return;
    throw settings_error(root.string() +
                         ": holds demo data made with other settings; remove it or name another folder");
  }
  if (std::filesystem::exists(root, failed) && !std::filesystem::is_empty(root, failed))
    throw settings_error(root.string() + ": is not an empty folder; name a new one for the demo data");
  write_file(card, text);
}

}  // namespace

std::vector<DemoFamily> demo_families() {
  std::vector<DemoFamily> families;
  for (const Family& family : all_families())
    families.push_back({std::string(family.name),
                        {family.words.begin(), family.words.end()},
                        family.is_object,
                        family.held_out});
  return families;
}

std::vector<DemoDefect> demo_defects() {
  std::vector<DemoDefect> kinds;
  for (const DefectKind& kind : all_defect_kinds()) kinds.push_back({std::string(kind.name), kind.held_out});
  return kinds;
}

std::string demo_listing() {
  ordered_json families = ordered_json::array(), kinds = ordered_json::array();
  for (const DemoFamily& family : demo_families())
    families.push_back({{"name", family.name},
                        {"words", family.words},
                        {"object", family.is_object},
                        {"held_out", family.held_out}});
  for (const DemoDefect& kind : demo_defects())
    kinds.push_back({{"name", kind.name}, {"held_out", kind.held_out}});
  return ordered_json{{"families", families}, {"defects", kinds}}.dump(2) + "\n";
}

DemoImage demo_image(const std::string& class_name, std::int64_t seed, const std::string& specimen,
                     const std::string& defect, int size) {
  if (size < 32 || size > 4096)
    throw settings_error("size is " + std::to_string(size) + "; it must be from 32 to 4096");
  const DefectKind* kind = defect.empty() ? nullptr : &kind_of(defect);
  return drawn(style_of(class_name, seed), class_name, seed, specimen, kind, size);
}

DemoCounts write_demo_data(const Path& root, const DemoOptions& options, const ProgressCallback& progress) {
  const std::vector<PlannedClass> classes = plan(options);
  const std::vector<Job> jobs = jobs_of(classes, options);
  claim(root, description(classes, options));
  const auto total = static_cast<std::int64_t>(jobs.size());
  std::mutex reporting;
  std::int64_t done = 0;
  at::parallel_for(0, total, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Job& job = jobs[static_cast<std::size_t>(i)];
      const int size = static_cast<int>(options.size);
      const DemoImage image = drawn(job.of->style, job.of->name, options.seed, job.specimen, job.kind, size);
      const Path folder = root / job.of->name;
      write_png(folder / (job.specimen + ".png"), size, 3, image.rgb);
      if (job.kind != nullptr) write_png(folder / (job.mask + ".png"), size, 1, image.mask);
      const std::lock_guard lock(reporting);
      ++done;
      if (progress) progress(done, total, job.of->name);
    }
  });
  const auto masks =
      std::count_if(jobs.begin(), jobs.end(), [](const Job& job) { return job.kind != nullptr; });
  return {static_cast<std::int64_t>(classes.size()), total, masks};
}

}  // namespace res2clip
