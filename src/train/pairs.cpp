#include "res2clip/train/pairs.hpp"

#include <algorithm>
#include <map>
#include <sstream>

#include <nlohmann/json.hpp>

#include "res2clip/core/bounded_json.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/json_text.hpp"
#include "res2clip/core/random.hpp"

namespace res2clip {
namespace {

using Json = nlohmann::ordered_json;

std::map<std::string, std::vector<std::int64_t>> normals_by_category(
    const std::vector<TrainingSample>& samples) {
  std::map<std::string, std::vector<std::int64_t>> normals;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    auto& of_category = normals[samples[i].category];
    if (!samples[i].anomalous) of_category.push_back(static_cast<std::int64_t>(i));
  }
  for (const auto& [category, indices] : normals)
    if (indices.empty())
      throw data_error("class '" + category +
                       "' has no normal image to be a reference; leave the class out or add one");
  return normals;
}

std::int64_t draw_reference(const std::vector<std::int64_t>& normals, std::int64_t query,
                            RandomStream& random) {
  const auto own = std::find(normals.begin(), normals.end(), query);
  if (own == normals.end()) return normals[random.below(normals.size())];
  if (normals.size() == 1) return query;
  // One of the others: a draw at or beyond the query's own place means the next one.
  auto draw = random.below(normals.size() - 1);
  if (draw >= static_cast<std::uint64_t>(own - normals.begin())) ++draw;
  return normals[draw];
}

/// Turns lines of a pairs file into indices, one place for its messages.
class PairsReader {
 public:
  PairsReader(const Path& path, const std::vector<TrainingSample>& samples) : path_(path), samples_(samples) {
    for (std::size_t i = 0; i < samples.size(); ++i) indices_[samples[i].name] = static_cast<std::int64_t>(i);
  }

  StepPairs parse(const std::string& line, std::int64_t number) {
    line_ = number;
    const Json json = parse_bounded(line, {.depth = 4, .values = 1'000'000});
    if (!json.is_object()) throw wrong("is not a JSON object");
    StepPairs pairs;
    pairs.epoch = integer(json, "epoch");
    pairs.step = integer(json, "step");
    pairs.query = images(json, "query");
    pairs.reference = images(json, "reference");
    if (pairs.query.empty() || pairs.query.size() != pairs.reference.size())
      throw wrong("needs as many references as queries, and at least one");
    for (std::size_t i = 0; i < pairs.query.size(); ++i)
      require_reference(pairs.query[i], pairs.reference[i]);
    return pairs;
  }

  Error wrong(const std::string& what) const {
    return data_error(path_.string() + ":" + std::to_string(line_) + ": " + what);
  }

 private:
  void require_reference(std::int64_t query, std::int64_t reference) const {
    const TrainingSample& of = samples_[static_cast<std::size_t>(query)];
    const TrainingSample& to = samples_[static_cast<std::size_t>(reference)];
    if (to.anomalous) throw wrong("the reference " + to.name + " is not a normal image");
    if (to.category != of.category)
      throw wrong("the reference " + to.name + " is of class '" + to.category + "', its query " + of.name +
                  " of class '" + of.category + "'");
  }

  std::int64_t integer(const Json& json, const char* key) const {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number_integer() || found->get<std::int64_t>() < 0)
      throw wrong(std::string("needs a number \"") + key + "\" from 0");
    return found->get<std::int64_t>();
  }

  std::vector<std::int64_t> images(const Json& json, const char* key) const {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_array()) throw wrong(std::string("needs a list \"") + key + "\"");
    std::vector<std::int64_t> indices;
    for (const Json& name : *found) {
      if (!name.is_string()) throw wrong(std::string("\"") + key + "\" must hold paths");
      const auto known = indices_.find(name.get<std::string>());
      if (known == indices_.end()) throw wrong("the data set has no image " + name.get<std::string>());
      indices.push_back(known->second);
    }
    return indices;
  }

  const Path& path_;
  const std::vector<TrainingSample>& samples_;
  std::int64_t line_ = 0;
  std::map<std::string, std::int64_t> indices_;
};

/// The schedules count on regular epochs. `lines` are the numbers of the steps' lines.
void require_regular(const std::vector<StepPairs>& pairs, const std::vector<std::int64_t>& lines,
                     const Path& path) {
  if (pairs.empty()) throw data_error(path.string() + ": holds no steps to replay");
  const auto at = [&](std::size_t i) { return path.string() + ":" + std::to_string(lines[i]); };
  const auto steps = static_cast<std::int64_t>(
      std::count_if(pairs.begin(), pairs.end(), [](const StepPairs& step) { return step.epoch == 0; }));
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto step = static_cast<std::int64_t>(i);
    if (pairs[i].step != step || steps == 0 || pairs[i].epoch != step / steps)
      throw data_error(at(i) +
                       ": steps must count from 0 across epochs of equal length; is the file complete?");
    const std::size_t batch = pairs.front().query.size(), own = pairs[i].query.size();
    const bool last = (step + 1) % steps == 0;
    if (steps > 1 && (last ? own > batch : own != batch))
      throw data_error(at(i) + ": has " + std::to_string(own) + " images, but the first step has " +
                       std::to_string(batch) + "; only an epoch's last step may have fewer");
  }
  if (static_cast<std::int64_t>(pairs.size()) % steps != 0)
    throw data_error(path.string() + ": ends within an epoch; is the file complete?");
}

}  // namespace

std::int64_t steps_per_epoch(std::int64_t samples, std::int64_t batch_size) {
  if (batch_size < 1)
    throw settings_error("train.batch_size is " + std::to_string(batch_size) + "; it must be at least 1");
  return (samples + batch_size - 1) / batch_size;
}

std::vector<StepPairs> draw_pairs(const std::vector<TrainingSample>& samples, std::int64_t batch_size,
                                  std::int64_t seed, std::int64_t epoch) {
  const auto normals = normals_by_category(samples);
  const auto count = static_cast<std::int64_t>(samples.size());
  const std::int64_t steps_before = epoch * steps_per_epoch(count, batch_size);
  RandomStream random(static_cast<std::uint64_t>(seed), "pairs of epoch " + std::to_string(epoch));
  const auto order = random.permutation(count);
  std::vector<StepPairs> steps;
  for (std::int64_t first = 0; first < count; first += batch_size) {
    StepPairs pairs;
    pairs.epoch = epoch;
    pairs.step = steps_before + static_cast<std::int64_t>(steps.size());
    for (std::int64_t i = first; i < std::min(count, first + batch_size); ++i) {
      const std::int64_t query = order[static_cast<std::size_t>(i)];
      pairs.query.push_back(query);
      pairs.reference.push_back(
          draw_reference(normals.at(samples[static_cast<std::size_t>(query)].category), query, random));
    }
    steps.push_back(std::move(pairs));
  }
  return steps;
}

std::string pairs_line(const StepPairs& pairs, const std::vector<TrainingSample>& samples) {
  Json json{
      {"epoch", pairs.epoch}, {"step", pairs.step}, {"query", Json::array()}, {"reference", Json::array()}};
  for (const auto index : pairs.query) json["query"].push_back(samples[static_cast<std::size_t>(index)].name);
  for (const auto index : pairs.reference)
    json["reference"].push_back(samples[static_cast<std::size_t>(index)].name);
  return json_text(json);
}

std::vector<StepPairs> read_pairs(const Path& path, const std::vector<TrainingSample>& samples) {
  std::istringstream lines(read_file(path));
  PairsReader reader(path, samples);
  std::vector<StepPairs> pairs;
  std::vector<std::int64_t> numbers;
  std::string line;
  for (std::int64_t number = 1; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    pairs.push_back(reader.parse(line, number));
    numbers.push_back(number);
  }
  require_regular(pairs, numbers, path);
  return pairs;
}

}  // namespace res2clip
