#pragma once

#include <algorithm>
#include <filesystem>
#include <vector>

#include <gtest/gtest.h>

#include "res2clip/clip/archive.hpp"
#include "res2clip/config/settings.hpp"

#include "clip/tiny_backbone.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip::testing {

/// Images of one class of the test data, by name. `part`: "train/good".
inline std::vector<Path> weave_images(const char* part) {
  std::vector<Path> images;
  for (const auto& entry : std::filesystem::directory_iterator(test_data("generated/images/weave") / part))
    images.push_back(entry.path());
  std::sort(images.begin(), images.end());
  return images;
}

/// The tiny CLIP as a file, for a processor.
class TinyClipTest : public ::testing::Test {
 protected:
  TinyClipTest() {
    settings.compute.device = "cpu";
    export_backbone(tiny_weights(), {.image_size = 70}, folder / "tiny.pt");
  }

  TemporaryFolder folder;
  Settings settings;
};

}  // namespace res2clip::testing
