#include "res2clip/demo/generator.hpp"

#include <ATen/Parallel.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "support/fails.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;

std::string fingerprint(const std::vector<std::uint8_t>& bytes) {
  return sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()}).substr(0, 12);
}

DemoOptions small_options() {
  DemoOptions options;
  options.size = 64;
  options.classes = {"weave", "gear_2"};
  options.kinds = 2;
  options.train = 2;
  options.good = 1;
  options.defective = 2;
  return options;
}

// All files below a folder with their contents.
std::map<std::string, std::string> files_of(const Path& root) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
    if (entry.is_regular_file()) files[relative(entry.path(), root).string()] = read_file(entry.path());
  return files;
}

struct Golden {
  const char* class_name;
  const char* defect;
  const char* picture;
  const char* mask;
};

// Exact: the images are to be the same with every compiler and processor.
constexpr Golden kGoldens[] = {
    {"weave", "scratch", "199a610a8cd7", "8074d190b0f5"},
    {"knit", "crack", "6bab76f80616", "6d90cfc7fa0f"},
    {"carpet", "cut", "b0af592aec59", "097ccb0a13bd"},
    {"wood", "thread", "213e81f70f69", "b44c4bf14364"},
    {"paper", "hole", "8f97a13adc7a", "7528911ffe5b"},
    {"foam", "missing", "3f566c94f179", "43cd911e338e"},
    {"tiles", "stain", "02d6bbceb47b", "9cef71c72358"},
    {"concrete", "discoloration", "34e686d52e81", "3caf6b5fd300"},
    {"granite", "contamination", "ba31381699ea", "64afeab94d48"},
    {"honeycomb", "bend", "4e2ae38a94b3", "fbdef8fbf89b"},
    {"brushed_metal", "dent", "fa7562752b1a", "f02a824e6894"},
    {"perforated", "fold", "e70777c6025d", "ae2703ac6a8f"},
    {"corrugated", "glue", "6c48e6711532", "a89e05e13a3b"},
    {"painted", "scratch", "d48fc8669ca5", "d1981561bf94"},
    {"leather", "crack", "522be99ece11", "8df87666f6f1"},
    {"mesh", "cut", "2a1d09937ab4", "5835d8348b3b"},
    {"pill", "thread", "ac1b8de4fcb4", "9fe20adac4be"},
    {"bottle", "hole", "ef37ec3abe03", "51e4e56bb659"},
    {"washer", "missing", "ccda93cc7561", "097ee3298f06"},
    {"coin", "stain", "fa53c917ece5", "d8a2900d515f"},
    {"button", "discoloration", "c3d8b1653fcb", "a0a303550cf3"},
    {"nut", "contamination", "24eaefe067c6", "57186fb8ff81"},
    {"pipe", "bend", "efc5067e8d2f", "5be391ce84fc"},
    {"connector", "misplaced", "27bca9b6be3c", "3625fbea19b9"},
    {"chip", "dent", "4b1dbde9fbf7", "45eb15e12cea"},
    {"board", "fold", "00213050ac40", "0be65cc6eda3"},
    {"biscuit", "glue", "1b701f38f5a6", "1386a7797d58"},
    {"label", "scratch", "46ef3f66550d", "5ea3ee18bf33"},
    {"gear", "crack", "49e0b4170825", "babe9e684b10"},
    {"cable", "cut", "fb32257bf233", "4ad34a5a848f"},
    {"screw", "thread", "6b22f082a253", "e96bc2ad4fdc"},
};

TEST(DemoGenerator, DrawsTheSamePicturesOnEveryMachine) {
  for (const Golden& golden : kGoldens) {
    const DemoImage image = demo_image(golden.class_name, 11, "golden", golden.defect, 96);
    EXPECT_EQ(fingerprint(image.rgb), golden.picture) << golden.class_name << " with " << golden.defect;
    EXPECT_EQ(fingerprint(image.mask), golden.mask) << golden.class_name << " with " << golden.defect;
  }
}

TEST(DemoGenerator, KnowsFamiliesAndDefectsThatNoBackboneWasTrainedOn) {
  std::vector<std::string> families, defects;
  for (const DemoFamily& family : demo_families())
    if (family.held_out) families.push_back(family.name);
  for (const DemoDefect& defect : demo_defects())
    if (defect.held_out) defects.push_back(defect.name);
  EXPECT_THAT(families, ElementsAre("leather", "mesh", "gear", "cable", "screw"));
  EXPECT_THAT(defects, ElementsAre("dent", "fold", "glue"));
  EXPECT_GE(demo_defects().size(), 8U);
}

struct Change {
  double share = 0;    // of the image that the mask covers
  double inside = 0;   // mean change on the mask, of full scale
  double outside = 0;  // mean change beyond two pixels from the mask
  double missed = 0;   // pixels there that change by more than 0.05, as a share of the mask's
};

Change change_of(const DemoImage& clean, const DemoImage& defective) {
  Change change;
  double inside = 0, outside = 0, missed = 0;
  const int size = clean.size;
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      const auto i = static_cast<std::size_t>(y * size + x);
      double difference = 0;
      for (std::size_t c = 0; c < 3; ++c)
        difference += std::abs(int{clean.rgb[3 * i + c]} - int{defective.rgb[3 * i + c]}) / 765.0;
      bool near = false;
      for (int dy = -2; dy <= 2; ++dy)
        for (int dx = -2; dx <= 2; ++dx)
          if (y + dy >= 0 && y + dy < size && x + dx >= 0 && x + dx < size)
            near |= defective.mask[static_cast<std::size_t>((y + dy) * size + x + dx)] != 0;
      if (defective.mask[i] != 0) {
        change.inside += difference;
        ++inside;
      } else if (!near) {
        change.outside += difference;
        ++outside;
        missed += difference > 0.05;
      }
    }
  change.share = inside / (size * size);
  change.inside /= inside;
  change.outside /= outside;
  change.missed = missed / inside;
  return change;
}

// An image with a defect and one without, of the same specimen, for a class of each family and the kinds it
// shows.
TEST(DemoGenerator, MarksWhatADefectChangesAndNothingElse) {
  DemoOptions options;
  const testing::TemporaryFolder folder;
  options.size = 64;
  options.kinds = 100;
  options.train = options.good = options.defective = 0;
  write_demo_data(folder / "data", options);
  const auto listing = nlohmann::json::parse(read_file(folder / "data" / "demo.json"));
  std::set<std::string> seen;
  for (const auto& entry : listing["classes"]) {
    const std::string name = entry["name"];
    const DemoImage clean = demo_image(name, options.seed, "pair", "", 256);
    EXPECT_TRUE(clean.mask.empty());
    EXPECT_GE(entry["defects"].size(), 8U) << name;
    for (const std::string kind : entry["defects"]) {
      const DemoImage defective = demo_image(name, options.seed, "pair", kind, 256);
      const Change change = change_of(clean, defective);
      EXPECT_GE(change.share, 0.001) << name << ", " << kind;
      EXPECT_LE(change.share, 0.20) << name << ", " << kind;
      EXPECT_GE(change.inside, 0.05) << name << ", " << kind;   // 0.06 before 8 bits, exposure and noise
      EXPECT_LE(change.outside, 0.01) << name << ", " << kind;  // shadows and soft edges
      // A mask without half of its defect leaves more, for each of these images. A thread's shadow comes to
      // 0.15, the soft edge of a discoloration to 0.23, anything else to 0.05.
      const bool soft = kind == "thread" || kind == "discoloration";
      EXPECT_LE(change.missed, soft ? 0.25 : 0.10) << name << ", " << kind;
      seen.insert(kind);
    }
  }
  EXPECT_EQ(seen.size(), demo_defects().size());
}

TEST(DemoGenerator, WritesTheLayoutOfMVTecAD) {
  const testing::TemporaryFolder folder;
  const DemoCounts counts = write_demo_data(folder / "data", small_options());
  EXPECT_EQ(counts.classes, 2);
  EXPECT_EQ(counts.images, 2 * (2 + 1 + 2 * 2));
  EXPECT_EQ(counts.masks, 2 * 2 * 2);
  const auto files = files_of(folder / "data");
  EXPECT_EQ(static_cast<std::int64_t>(files.size()), counts.images + counts.masks + 1);
  EXPECT_TRUE(files.contains("weave/train/good/001.png"));
  EXPECT_TRUE(files.contains("gear_2/test/good/000.png"));
  const auto listing = nlohmann::json::parse(files.at("demo.json"));
  for (const std::string kind : listing["classes"][0]["defects"]) {
    EXPECT_TRUE(files.contains("weave/test/" + kind + "/001.png"));
    EXPECT_TRUE(files.contains("weave/ground_truth/" + kind + "/001_mask.png"));
  }
}

TEST(DemoGenerator, WritesTheSameFilesWithAnyNumberOfThreads) {
  const testing::TemporaryFolder folder;
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  write_demo_data(folder / "one", small_options());
  at::set_num_threads(4);
  write_demo_data(folder / "four", small_options());
  at::set_num_threads(threads);
  EXPECT_EQ(files_of(folder / "one"), files_of(folder / "four"));
}

TEST(DemoGenerator, ReportsProgressPictureByPicture) {
  const testing::TemporaryFolder folder;
  std::vector<std::int64_t> seen;
  write_demo_data(folder / "data", small_options(),
                  [&](std::int64_t done, std::int64_t total, const std::string&) {
                    EXPECT_EQ(total, 14);
                    seen.push_back(done);
                  });
  EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14));
}

TEST(DemoGenerator, RefusesToMixItsFilesWithOthers) {
  const testing::TemporaryFolder folder;
  DemoOptions options = small_options();
  write_demo_data(folder / "data", options);
  write_demo_data(folder / "data", options);  // the same again is fine
  options.seed = 2;
  EXPECT_THAT([&] { write_demo_data(folder / "data", options); },
              Fails(ErrorKind::settings, HasSubstr("other settings")));
  write_file(folder / "mine" / "notes.txt", "keep");
  EXPECT_THAT([&] { write_demo_data(folder / "mine", options); },
              Fails(ErrorKind::settings, HasSubstr("not an empty folder")));
}

TEST(DemoGenerator, NamesTheChoicesWhereAClassOrKindIsUnknown) {
  const testing::TemporaryFolder folder;
  DemoOptions options = small_options();
  for (const char* name : {"gears", "gear_", "gear_0", "_1", "1", "", "gear_2_3", "gear/../x"}) {
    options.classes = {name};
    EXPECT_THAT([&] { write_demo_data(folder / "data", options); },
                Fails(ErrorKind::settings, HasSubstr("screw")))
        << name;
  }
  options.classes = {"gear", "gear"};
  EXPECT_THAT([&] { write_demo_data(folder / "data", options); },
              Fails(ErrorKind::settings, HasSubstr("twice")));
  options.classes = {"gear"};
  options.defects = {"dirt"};
  EXPECT_THAT([&] { write_demo_data(folder / "data", options); },
              Fails(ErrorKind::settings, HasSubstr("contamination")));
  options = small_options();
  options.size = 8;
  EXPECT_THAT([&] { write_demo_data(folder / "data", options); },
              Fails(ErrorKind::settings, HasSubstr("size")));
  options = small_options();
  options.good = -1;
  EXPECT_THAT([&] { write_demo_data(folder / "data", options); },
              Fails(ErrorKind::settings, HasSubstr("good")));
  EXPECT_FALSE(exists(folder / "data"));
}

TEST(DemoGenerator, GivesEachNumberAnotherThingOfTheFamily) {
  const DemoImage one = demo_image("coin_1", 1, "same", "", 64),
                  two = demo_image("coin_2", 1, "same", "", 64);
  EXPECT_NE(one.rgb, two.rgb);
  EXPECT_NE(one.rgb, demo_image("coin_1", 2, "same", "", 64).rgb);
  EXPECT_NE(one.rgb, demo_image("coin_1", 1, "another", "", 64).rgb);
  EXPECT_EQ(one.rgb, demo_image("coin_1", 1, "same", "", 64).rgb);
}

}  // namespace
}  // namespace res2clip
