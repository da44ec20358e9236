#pragma once

#include "res2clip/processes/communicator.hpp"
#include "res2clip/eval/evaluator.hpp"

namespace res2clip {

/// The part of a data set that process `rank` of `size` evaluates: whole classes, so that each has the same
/// figures, to the bit, whoever computes it. The class with the most images goes first, always to the process
/// with the fewest images so far. A process may get none.
Dataset share_of(const Dataset& dataset, int rank, int size);

/// What all processes of a job found in their shares of `dataset`, in its order, on every process. Waits for
/// the slowest. Throws a runtime error where a process died.
EvaluationResult gather_results(const EvaluationResult& own, const Dataset& dataset, Communicator& processes);

}  // namespace res2clip
