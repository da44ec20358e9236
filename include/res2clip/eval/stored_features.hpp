#pragma once

#include <c10/core/Device.h>

#include "res2clip/eval/evaluator.hpp"
#include "res2clip/features/feature_store.hpp"

namespace res2clip {

/// The same input with a feature store before it: a batch whose images are all stored is read, any other is
/// taken from `input`, stored, and read back, so that a first run and a later one see the same numbers.
/// Features come out on `device`. Store and identities must outlive the result.
EvaluationInput with_store(EvaluationInput input, FeatureStore& store, ImageIdentities& identities,
                           c10::Device device);

}  // namespace res2clip
