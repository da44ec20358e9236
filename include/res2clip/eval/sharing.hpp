#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "res2clip/eval/evaluator.hpp"
#include "res2clip/processes/communicator.hpp"

namespace res2clip {

/// The part of a data set that one process evaluates.
struct Share {
  Dataset dataset;  ///< classes of which it has images, with these alone
  /// Classes of which several processes have images, alike on all of them: EvaluationOptions::open.
  std::vector<std::string> split;
};

/// The part of process `rank` of `size`. Whole classes if they can be shared out about evenly (each process
/// computes the references of its classes); otherwise large classes are parted, batch by batch, so that each
/// image is scored in the same batch as by a single process, to the same bits. A process may get none.
Share share_of(const Dataset& dataset, int rank, int size, std::int64_t batch_size, std::int64_t shots);

/// What all processes of a job found in their shares of `dataset`, in its order, on every process: the result
/// of a single process, but for the seconds. Classes in `split` get their metrics here, from the pixels of
/// all. Waits for the slowest. Throws a runtime error if a process died.
EvaluationResult gather_results(EvaluationResult own, const Dataset& dataset,
                                const std::vector<std::string>& split, Communicator& processes);

}  // namespace res2clip
