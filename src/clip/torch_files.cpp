// Weights in PyTorch's own two formats. The only file of this room's readers that needs LibTorch's modules.
#include <torch/csrc/jit/serialization/import.h>

#include "res2clip/core/error.hpp"
#include "res2clip/torch_files/pickle_reader.hpp"
#include "res2clip/torch_files/zip.hpp"

#include "tensor_files.hpp"

namespace res2clip {

TensorMap read_torchscript(const Path& path) {
  expect_undamaged_zip(path);
  try {
    const auto module = torch::jit::load(path.string(), c10::Device(c10::kCPU));
    TensorMap tensors;
    for (const auto& entry : module.named_parameters(true)) tensors[entry.name] = entry.value.detach();
    return tensors;
  } catch (const std::exception& error) {
    throw data_error(path.string() + ": cannot be read as a TorchScript archive: " + first_line(error));
  }
}

TensorMap read_state_dict(const Path& path) {
  const PickleValue root = read_torch_pickle(path);
  const PickleValue* state = &root;
  // A training script's file often wraps the tensors once.
  for (const char* wrapper : {"state_dict", "model"})
    if (const auto* inner = root.find(wrapper); inner != nullptr && inner->dict() != nullptr) state = inner;
  TensorMap tensors;
  if (state->dict() != nullptr)
    for (const auto& [key, value] : *state->dict())
      if (key.text() != nullptr && value.tensor() != nullptr) tensors[*key.text()] = *value.tensor();
  if (tensors.empty()) throw data_error(path.string() + ": holds no dict of tensors (a state_dict)");
  return tensors;
}

}  // namespace res2clip
