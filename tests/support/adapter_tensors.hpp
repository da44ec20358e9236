#pragma once

#include <map>
#include <string>

#include "res2clip/model/adapters.hpp"

namespace res2clip::testing {

/// The tensors of adapters under "group.key", as in a checkpoint.
inline std::map<std::string, at::Tensor> tensors_of(const Adapters& adapters) {
  std::map<std::string, at::Tensor> tensors;
  for_each_tensor(adapters, [&](const AdapterTensor& which, const at::Tensor& tensor) {
    tensors[which.name()] = tensor;
  });
  return tensors;
}

}  // namespace res2clip::testing
