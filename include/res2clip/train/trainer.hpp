#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/model/adapters.hpp"
#include "res2clip/model/layers.hpp"
#include "res2clip/processes/communicator.hpp"
#include "res2clip/retrieval/match.hpp"
#include "res2clip/torch_files/pickle_reader.hpp"
#include "res2clip/train/adam.hpp"
#include "res2clip/train/data.hpp"
#include "res2clip/train/objective.hpp"
#include "res2clip/train/options.hpp"
#include "res2clip/train/pairs.hpp"
#include "res2clip/train/schedule.hpp"

namespace res2clip {

/// What is trained, and how.
struct TrainingSetup {
  Adapters initial;          ///< on the device to train on; left untouched
  at::Tensor text_residual;  ///< R_t [D]
  Layers layers;             ///< of the fine-tuned mode
  MatchOptions retrieval;
  TrainOptions options;
  std::int64_t steps_per_epoch = 0;  ///< what the schedules count
};

/// Named numbers in the order of the log file.
using Figures = std::vector<std::pair<std::string, double>>;

/// What happened in a step: one line of log.jsonl.
struct StepReport {
  std::int64_t epoch = 0;
  std::int64_t step = 0;
  Phase phase = Phase::visual;
  Figures losses;  ///< vis, text, res_vis, res_text (0 where the phase leaves it out)
  Figures terms;   ///< what they are made of
  /// In force in this step: vis, res_vis (local adapters), res_vis_global, res_text, text.
  Figures rates;
  Figures gradient_norms;  ///< before clipping, of the groups that were updated
  bool stop = false;       ///< whether any process was asked to stop
};

/// Trains adapters step by step. Knows features, masks and pairs, no files. The same pairs from the same
/// state give the same bits (for one number of threads and processes).
class Trainer {
 public:
  /// `data` and `processes` must outlive the trainer. Throws a data error where adapters lack a layer.
  Trainer(const TrainingData& data, const TrainingSetup& setup, Communicator& processes);

  /// One step of all processes together: each computes its share of the images, gradients are summed. The
  /// pairs must be the same everywhere. `stop` tells the others that this process was asked to stop. Throws a
  /// runtime error where a loss is not finite.
  StepReport step(const StepPairs& pairs, bool stop = false);
  /// Says that these pairs are those of the step after the next one.
  void soon(const StepPairs& pairs) const;

  /// A copy of the weights, on the CPU.
  Adapters adapters() const;
  /// The gradients that the last step applied, after clipping, by the weights' names; not those of weights
  /// that it left out.
  std::map<std::string, at::Tensor> gradients() const;

  /// Weights, moments, step counts and the text residual: all that later steps depend on.
  PickleValue state() const;
  /// Continues from a state. Throws a data error that names `source` where it does not fit.
  void restore(const PickleValue& state, const std::string& source);

 private:
  /// Adapters that one optimiser steps.
  struct Group {
    std::string name;
    std::vector<Phase> phases;  // in which it is stepped
    Schedule schedule;          // of base 1: a share of each weight's rate
    Adam adam;

    bool runs(Phase phase) const;
  };
  /// Who steps a group of the checkpoint, and how fast.
  struct Part {
    AdapterGroup adapters;
    std::string logged_as;
    std::string group;
    double rate;
  };

  std::vector<Group> groups_of(std::int64_t steps_per_epoch) const;
  std::vector<Part> parts() const;
  Group& group(const std::string& name);
  /// The part of a batch that this process computes.
  struct Share {
    std::int64_t first = 0, count = 0;
    bool counted = true;  ///< false: it stands for none, and is computed for company
  };
  Share share_of(const StepPairs& pairs) const;
  StepReport take_step(const StepPairs& pairs, const Share& share, const StepInput& input, bool stop);
  /// Loads and matches this process's images of a batch.
  StepInput load(const StepPairs& pairs, const Share& share) const;
  BatchLabels label_with_others(const at::Tensor& masks, bool counted) const;
  /// Adds gradients and terms up over the processes; returns whether any was asked to stop.
  bool sum_over_processes(Objective& objective, Phase phase, bool stop);
  Figures rates();

  const TrainingData& data_;
  Communicator& processes_;
  at::Tensor text_residual_;
  Layers layers_;
  MatchOptions retrieval_;
  TrainOptions options_;
  Adapters adapters_;
  std::vector<Group> groups_;
};

}  // namespace res2clip
