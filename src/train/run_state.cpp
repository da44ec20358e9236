#include "run_state.hpp"

#include <memory>

#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/pickle_writer.hpp"

namespace res2clip {
namespace {

constexpr std::int64_t kFormat = 1;

std::string digest(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().cpu().contiguous();
  return sha256({static_cast<const char*>(plain.const_data_ptr()), plain.nbytes()});
}

std::string layers_text(const Layers& layers) {
  nlohmann::json json{{"text", layers.text}, {"visual", layers.visual}, {"residual", layers.residual}};
  return json.dump();
}

PickleValue text_value(const std::string& text) {
  return PickleValue(text);
}

}  // namespace

RunIdentity identify_run(const TrainingData& data, const TrainingSetup& setup,
                         const std::vector<StepPairs>& replay, const RunIdentity& more) {
  RunIdentity identity = more;
  identity["settings of the training"] = settings_json(setup.options).dump();
  identity["settings of the retrieval"] = settings_json(setup.retrieval).dump();
  identity["layers"] = layers_text(setup.layers);
  std::string samples;
  for (const TrainingSample& sample : data.samples)
    samples += sample.name + '\n' + sample.category + '\n' + (sample.anomalous ? "1\n" : "0\n");
  identity["images"] = sha256(samples);
  std::string pairs;
  for (const StepPairs& step : replay) pairs += pairs_line(step, data.samples) + '\n';
  identity["pairs to replay"] = replay.empty() ? "none" : sha256(pairs);
  identity["text residual"] = digest(setup.text_residual);
  std::string weights;
  for_each_tensor(setup.initial, [&](const AdapterTensor& which, const at::Tensor& tensor) {
    weights += which.name() + digest(tensor);
  });
  identity["initial weights"] = sha256(weights);
  return identity;
}

void save_run_state(const Path& path, const Trainer& trainer, std::int64_t next_step,
                    const RunIdentity& identity) {
  auto names = std::make_shared<PickleValue::Dict>();
  for (const auto& [name, text] : identity) names->emplace_back(text_value(name), text_value(text));
  auto content = std::make_shared<PickleValue::Dict>();
  content->emplace_back(text_value("format"), PickleValue(kFormat));
  content->emplace_back(text_value("next_step"), PickleValue(next_step));
  content->emplace_back(text_value("identity"), PickleValue(names));
  content->emplace_back(text_value("trainer"), trainer.state());
  write_torch_pickle(path, PickleValue(content));
}

std::int64_t load_run_state(const Path& path, Trainer& trainer, const RunIdentity& identity) {
  const std::string source = path.string();
  const PickleValue content = read_torch_pickle(path);
  const PickleValue* format = content.find("format");
  const PickleValue* next_step = content.find("next_step");
  const PickleValue* names = content.find("identity");
  const PickleValue* state = content.find("trainer");
  if (format == nullptr || format->integer() == nullptr || next_step == nullptr ||
      next_step->integer() == nullptr || *next_step->integer() < 0 || names == nullptr || state == nullptr)
    throw data_error(source + ": is not the state of a training");
  if (*format->integer() != kFormat)
    throw data_error(source + ": has format " + std::to_string(*format->integer()) +
                     "; this version reads format " + std::to_string(kFormat));
  for (const auto& [name, text] : identity) {
    const PickleValue* saved = names->find(name);
    if (saved == nullptr || saved->text() == nullptr || *saved->text() != text)
      throw settings_error(source + ": the run to be resumed had another '" + name +
                           "'; use the same again, or start anew without --resume");
  }
  trainer.restore(*state, source);
  return *next_step->integer();
}

}  // namespace res2clip
