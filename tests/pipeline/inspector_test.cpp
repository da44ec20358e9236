// Inspection in stages gives what one image after the other gives, in the order of the list.
#include "res2clip/pipeline/inspector.hpp"

#include <atomic>
#include <gmock/gmock.h>
#include <limits>
#include <mutex>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "res2clip/clip/archive.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/pipeline/detect_each.hpp"

#include "clip/tiny_backbone.hpp"
#include "pipeline/weave.hpp"
#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class InspectorTest : public TinyClipTest {
 protected:
  InspectorTest() {
    settings.compute.batch_size = 3;
    for (int i = 0; queries.size() < 12; ++i) queries.push_back(queries[static_cast<std::size_t>(i)]);
  }
  ~InspectorTest() override { at::set_num_threads(threads_before); }

  Pipeline load(int threads = 2) {
    settings.compute.threads = threads;
    return Pipeline::load(folder / "tiny.pt", settings);
  }

  /// With adapters of numbers so large that scores are not finite.
  Pipeline load_with_huge_adapters() {
    const std::vector<int> layers = quarters(kTinyClip.vision_layers);
    Adapters adapters = fresh_adapters(kTinyClip.embed, layers, layers, 1);
    for_each_tensor(adapters, [](const AdapterTensor&, at::Tensor& tensor) { tensor.fill_(1e30); });
    write_checkpoint(folder / "huge.pth", adapters);
    return Pipeline::load(folder / "tiny.pt", settings, folder / "huge.pth");
  }

  /// One line per image, in the order of delivery: its index, scores and a sum over its map, or its failure.
  std::vector<std::string> lines_of(const Pipeline& pipeline, const std::vector<Path>& images) {
    std::vector<std::string> lines;
    InspectionStages stages;
    stages.finish = [&](const InspectedImage& image) -> InOrder::Rest {
      EXPECT_EQ(image.file.pixels.size(0), image.file.height);
      const std::string line = std::to_string(image.index) + " " + numbers(image);
      return [&lines, line] { lines.push_back(line); };
    };
    stages.failed = [&](std::size_t index, const std::exception_ptr& failure) {
      try {
        std::rethrow_exception(failure);
      } catch (const Error& error) {
        lines.push_back(std::to_string(index) + " " + error.what());
      }
    };
    Inspector inspector(pipeline, pipeline.remember(normals), /*pixels=*/true, stages);
    inspector.inspect(images);
    return lines;
  }

  static std::string numbers(const InspectedImage& image) {
    const FetchedScores& scores = *image.scores;
    std::string text;
    for (const at::Tensor& values : {scores.score, scores.text, scores.visual, scores.residual})
      text += hex(values[image.row].item<float>());
    return text + sha256({static_cast<const char*>(scores.map[image.row].contiguous().const_data_ptr()),
                          static_cast<std::size_t>(scores.map[image.row].nbytes())});
  }
  static std::string hex(float value) {
    char text[32];
    std::snprintf(text, sizeof text, "%a ", static_cast<double>(value));
    return text;
  }

  const std::vector<Path> normals = weave_images("train/good");
  std::vector<Path> queries = weave_images("test/cut");
  const int threads_before = at::get_num_threads();
};

TEST_F(InspectorTest, GivesTheBitsOfPlainDetectionInOrderForAnyNumberOfThreadsAndBatchSize) {
  for (const int threads : {1, 2, 5}) {
    // Products may sum otherwise on another number of threads: the stages are compared at one and the same.
    const Pipeline plain = load(threads);
    const auto scores = std::make_shared<FetchedScores>(plain.detect(queries, plain.remember(normals)));
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < queries.size(); ++i)
      lines.push_back(std::to_string(i) + " " + numbers({i, {}, scores, static_cast<std::int64_t>(i)}));
    for (const std::int64_t batch_size : {1, 3, 100}) {
      settings.compute.batch_size = batch_size;
      const Pipeline pipeline = load(threads);
      EXPECT_EQ(lines_of(pipeline, queries), lines) << threads << " threads, batches of " << batch_size;
    }
  }
}

TEST_F(InspectorTest, KeepsTheFailureOfAnImageToThatImage) {
  const Pipeline pipeline = load();
  const std::vector<std::string> whole = lines_of(pipeline, queries);
  write_file(folder / "broken.png", "no image");
  std::vector<Path> images = queries;
  images[0] = images[4] = images[11] = folder / "broken.png";
  std::vector<std::string> lines = lines_of(pipeline, images);
  ASSERT_EQ(lines.size(), whole.size());
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (i == 0 || i == 4 || i == 11)
      EXPECT_THAT(lines[i], HasSubstr("broken.png: is text, not an image"));
    else
      EXPECT_EQ(lines[i], whole[i]);
}

TEST_F(InspectorTest, DeliversTheImagesBeforeAFailureAndNoneAfterIt) {
  const Pipeline pipeline = load();
  std::vector<std::size_t> delivered;
  InspectionStages stages;
  stages.finish = [&](const InspectedImage& image) -> InOrder::Rest {
    if (image.index == 5) throw runtime_error("the disk is full");
    return [&delivered, index = image.index] { delivered.push_back(index); };
  };
  Inspector inspector(pipeline, pipeline.remember(normals), false, stages);
  std::string message;
  try {
    inspector.inspect(queries);
  } catch (const Error& error) {
    message = error.what();
  }
  EXPECT_EQ(message, "the disk is full");
  EXPECT_THAT(delivered, ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(InspectorTest, StopsAfterWhatIsUnderWay) {
  const Pipeline pipeline = load();
  std::vector<std::size_t> delivered;
  InspectionStages stages;
  stages.finish = [&](const InspectedImage& image) -> InOrder::Rest {
    return [&delivered, index = image.index] { delivered.push_back(index); };
  };
  int asked = 0;
  stages.stop_requested = [&] { return ++asked > 4; };
  Inspector inspector(pipeline, pipeline.remember(normals), false, stages);
  inspector.inspect(queries);
  EXPECT_THAT(delivered, ElementsAre(0, 1, 2, 3));
}

TEST_F(InspectorTest, HoldsFewImagesHoweverSlowlyTheyAreDelivered) {
  const Pipeline pipeline = load();
  std::atomic<int> held{0}, most{0};
  InspectionStages stages;
  stages.finish = [&](const InspectedImage&) -> InOrder::Rest {
    most = std::max<int>(most, ++held);
    return [&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      --held;
    };
  };
  Inspector inspector(pipeline, pipeline.remember(normals), false, stages);
  std::vector<Path> many;
  for (int i = 0; i < 4; ++i) many.insert(many.end(), queries.begin(), queries.end());
  inspector.inspect(many);
  EXPECT_LE(most, 2 * 3 + 2 * 2);  // twice the batch, twice the threads
}

TEST_F(InspectorTest, TellsHowBusyItsStagesWere) {
  const Pipeline pipeline = load();
  InspectionStages stages;
  stages.finish = [](const InspectedImage&) -> InOrder::Rest {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return [] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); };
  };
  Inspector inspector(pipeline, pipeline.remember(normals), false, stages);
  inspector.inspect(queries);
  const auto times = inspector.times();
  ASSERT_EQ(times.size(), 5U);
  for (const StageTime& stage : times) EXPECT_TRUE(stage.busy > 0 || stage.name == "fetch") << stage.name;
  EXPECT_GE(times[3].busy, 0.024);
  EXPECT_GE(times[4].busy, 0.012);
  EXPECT_LE(times[1].busy, inspector.seconds());
}

TEST_F(InspectorTest, ReportsAnImageWhoseScoresAreNotFinite) {
  const Pipeline pipeline = load_with_huge_adapters();
  const ReferenceBank bank = pipeline.remember(normals);
  std::vector<std::size_t> finished, failed;
  std::mutex access;
  InspectionStages stages;
  stages.finish = [&](const InspectedImage& image) -> InOrder::Rest {
    const std::lock_guard lock(access);
    finished.push_back(image.index);
    return [] {};
  };
  stages.failed = [&](std::size_t index, const std::exception_ptr& failure) {
    failed.push_back(index);
    EXPECT_THAT(rethrowing(failure), Fails(ErrorKind::data, HasSubstr("not finite numbers")));
  };
  Inspector(pipeline, bank, false, std::move(stages)).inspect(std::span(queries).first(3));
  EXPECT_TRUE(finished.empty());
  EXPECT_THAT(failed, ElementsAre(0, 1, 2));
  EXPECT_THAT([&] { pipeline.detect(queries, bank); },
              Fails(ErrorKind::data, HasSubstr("not finite numbers")));
}

TEST_F(InspectorTest, RefusesABankOfNumbersThatAreNotFinite) {
  const Pipeline pipeline = load();
  ReferenceBank bank = pipeline.remember(normals);
  for (auto& [layer, patches] : bank.patches) patches = patches * std::numeric_limits<float>::quiet_NaN();
  Inspector inspector(pipeline, std::move(bank), false, {});
  EXPECT_THAT([&] { inspector.inspect(queries); },
              Fails(ErrorKind::data, HasSubstr("reference bank's features")));
}

TEST_F(InspectorTest, NeedsNoListenersButForFailures) {
  const Pipeline pipeline = load();
  Inspector inspector(pipeline, pipeline.remember(normals), false, {});
  EXPECT_NO_THROW(inspector.inspect(queries));
  EXPECT_THAT([&] { inspector.inspect(std::vector<Path>{folder / "absent.png"}); },
              Fails(ErrorKind::data, HasSubstr("absent.png")));
}

/// What detect_each gives of some images, as lines_of() tells them.
std::vector<std::string> lines_of_each(const Pipeline& pipeline, const ReferenceBank& bank,
                                       const std::vector<Path>& images, EachOptions options = {}) {
  std::vector<std::string> lines;
  options.pixels = true;
  const std::size_t taken = detect_each(
      pipeline, images, bank,
      [&](const DetectedImage& image) {
        std::string line = std::to_string(image.index) + " ";
        if (image.failure) return lines.push_back(line + image.failure->what());
        EXPECT_EQ(image.pixels.size(0), image.height);
        for (const double value : {image.score, image.text, image.visual, image.residual}) {
          char text[32];
          std::snprintf(text, sizeof text, "%a ", value);
          line += text;
        }
        lines.push_back(line + sha256({static_cast<const char*>(image.map.const_data_ptr()),
                                       static_cast<std::size_t>(image.map.nbytes())}));
      },
      options);
  EXPECT_EQ(taken, lines.size());
  return lines;
}

TEST_F(InspectorTest, EachImageOfAListHasAResultOrAFailureOfItsOwn) {
  const Pipeline pipeline = load();
  write_file(folder / "broken.png", "no image");
  queries[4] = folder / "broken.png";
  std::vector<std::int64_t> done;
  const auto lines =
      lines_of_each(pipeline, pipeline.remember(normals), queries,
                    {.progress = [&](std::int64_t count, std::int64_t total, const std::string&) {
                      EXPECT_EQ(total, 12);
                      done.push_back(count);
                    }});
  EXPECT_EQ(lines, lines_of(pipeline, queries));
  EXPECT_THAT(lines[4], HasSubstr("broken.png"));
  EXPECT_THAT(done, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
}

TEST_F(InspectorTest, EachImageBeforeAStopIsTaken) {
  const Pipeline pipeline = load();
  int asked = 0;
  const auto lines = lines_of_each(pipeline, pipeline.remember(normals), queries,
                                   {.stop_requested = [&] { return ++asked > 4; }});
  EXPECT_EQ(lines.size(), 4U);
}

TEST_F(InspectorTest, WhatTheTakerThrowsGoesThroughAsItIs) {
  const Pipeline pipeline = load();
  struct Own {};
  EXPECT_THROW(
      detect_each(pipeline, queries, pipeline.remember(normals), [](const DetectedImage&) { throw Own{}; }),
      Own);
}

TEST_F(InspectorTest, EachImageWhoseScoresAreNotFiniteIsAFailure) {
  const Pipeline pipeline = load_with_huge_adapters();
  for (const std::string& line : lines_of_each(pipeline, pipeline.remember(normals), queries))
    EXPECT_THAT(line, HasSubstr("not finite numbers"));
}

}  // namespace
}  // namespace res2clip
