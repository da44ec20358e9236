#include "run_state.hpp"

#include <memory>

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <nlohmann/json.hpp>

#include "res2clip/compute/compute.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/settings/settings.hpp"
#include "res2clip/torch_files/pickle_writer.hpp"

namespace res2clip {
namespace {

constexpr std::int64_t kFormat = 2;

/// {"a": {"b": 1}} becomes "prefix.a.b" -> "1".
void flatten(const nlohmann::ordered_json& json, const std::string& prefix, RunIdentity& identity) {
  if (!json.is_object()) {
    identity[prefix] = json.dump();
    return;
  }
  for (const auto& [name, value] : json.items()) flatten(value, prefix + "." + name, identity);
}

PickleValue text_value(const std::string& text) {
  return PickleValue(text);
}

PickleValue as_value(const RunIdentity& identity) {
  auto texts = std::make_shared<PickleValue::Dict>();
  for (const auto& [name, text] : identity) texts->emplace_back(text_value(name), text_value(text));
  return PickleValue(texts);
}

/// Enough of a text to tell it from others: digests are long.
std::string shortened(const std::string& text) {
  return text.size() <= 40 ? text : text.substr(0, 12) + "...";
}

/// "train.epochs was 3, is 5; ..." of what is saved under another text than here; empty: nothing is.
std::string differences(const PickleValue& saved, const RunIdentity& here) {
  std::string list;
  for (const auto& [name, text] : here) {
    const PickleValue* value = saved.find(name);
    const bool known = value != nullptr && value->text() != nullptr;
    if (known && *value->text() == text) continue;
    list += (list.empty() ? "" : "; ") + name + " was " + (known ? shortened(*value->text()) : "not known") +
            ", is " + shortened(text);
  }
  if (saved.dict() == nullptr) return list;
  for (const auto& [name, text] : *saved.dict()) {  // some are recorded only where they are not the default
    if (name.text() == nullptr || text.text() == nullptr || here.contains(*name.text())) continue;
    list += (list.empty() ? "" : "; ") + *name.text() + " was " + shortened(*text.text()) + ", is not set";
  }
  return list;
}

}  // namespace

RunIdentity identify_run(const TrainingData& data, const TrainingSetup& setup,
                         const std::vector<StepPairs>& replay, const RunIdentity& more) {
  RunIdentity identity = more;
  flatten(settings_json(setup.options), "train", identity);
  flatten(settings_json(setup.retrieval), "retrieval", identity);
  flatten({{"text", setup.layers.text},
           {"visual", setup.layers.visual},
           {"residual_fine_tuned", setup.layers.residual}},
          "layers", identity);
  std::string samples;
  for (const TrainingSample& sample : data.samples)
    samples += sample.name + '\n' + sample.category + '\n' + (sample.anomalous ? "1\n" : "0\n");
  identity["the images' names, classes and labels"] =
      std::to_string(data.samples.size()) + " (" + sha256(samples).substr(0, 12) + ")";
  std::string pairs;
  for (const StepPairs& step : replay) pairs += pairs_line(step, data.samples) + '\n';
  identity["the pairs to replay"] = replay.empty() ? "none" : sha256(pairs);
  return identity;
}

RunIdentity place_of_run(const TrainingSetup& setup, const Communicator& processes) {
  return {{"threads", std::to_string(at::get_num_threads())},
          {"processes", std::to_string(processes.size())},
          {"device", description_of(setup.text_residual.device())},
          {"processor", at::get_cpu_capability()}};
}

void save_run_state(const Path& path, const Trainer& trainer, std::int64_t next_step,
                    const RunIdentity& identity, const RunIdentity& place) {
  auto content = std::make_shared<PickleValue::Dict>();
  content->emplace_back(text_value("format"), PickleValue(kFormat));
  content->emplace_back(text_value("next_step"), PickleValue(next_step));
  content->emplace_back(text_value("identity"), as_value(identity));
  content->emplace_back(text_value("place"), as_value(place));
  content->emplace_back(text_value("trainer"), trainer.state());
  write_torch_pickle(path, PickleValue(content));
}

TakenUp load_run_state(const Path& path, Trainer& trainer, const RunIdentity& identity,
                       const RunIdentity& place) {
  const std::string source = path.string();
  const PickleValue content = read_torch_pickle(path);
  const PickleValue* format = content.find("format");
  if (format == nullptr || format->integer() == nullptr)
    throw data_error(source + ": is not the state of a training");
  if (*format->integer() != kFormat)
    throw data_error(source + ": has format " + std::to_string(*format->integer()) +
                     ", this version reads format " + std::to_string(kFormat) +
                     "; go on with the version that wrote it, or start anew without --resume");
  const PickleValue* next_step = content.find("next_step");
  const PickleValue* names = content.find("identity");
  const PickleValue* began = content.find("place");
  const PickleValue* state = content.find("trainer");
  if (next_step == nullptr || next_step->integer() == nullptr || *next_step->integer() < 0 ||
      names == nullptr || began == nullptr || state == nullptr)
    throw data_error(source + ": is not the state of a training");
  if (const std::string other = differences(*names, identity); !other.empty())
    throw settings_error(source + ": belongs to another training: " + other +
                         ". Use the same again, or start anew without --resume");
  trainer.restore(*state, source);
  return {*next_step->integer(), differences(*began, place)};
}

}  // namespace res2clip
