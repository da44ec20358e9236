#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <vector>

#include "res2clip/core/error.hpp"
#include "res2clip/pipeline/inspector.hpp"

#include "infer_output.hpp"
#include "progress_bar.hpp"

namespace res2clip::app {

/// Inspects images, and prints a line for each in their order. Those that cannot be read are reported and
/// left out; the others go on.
class Inspection {
 public:
  /// Everything must outlive this. Images that the results hold are left out.
  Inspection(const Pipeline& pipeline, ReferenceBank bank, const InferTargets& targets,
             InferOutputOptions how, bool show_progress);

  /// `names` are the names of the output files.
  void inspect(std::vector<Path> images, std::vector<std::string> names);
  /// Reports a line of input that stands for no image.
  void report_absent(const std::string& line, const Error& why);

  /// Throws a data error if nothing was asked for.
  void require_some() const;
  /// Throws a data error if there was a failure.
  void require_no_failure() const;

  /// How many images were left out because the results hold them.
  std::size_t done_before() const { return done_before_; }
  /// The exit code of --exit-code: 10 if any image is anomalous, else 11 if any is unknown.
  int verdict_code() const;
  std::vector<std::string> timings() const { return stage_table(inspector_.times(), inspector_.seconds()); }

 private:
  InspectionStages stages();
  void leave_out_done();
  template <class Print>
  void deliver(const Print& print_it);
  void show_progress() { bar_.update(delivered_, static_cast<std::int64_t>(images_.size())); }
  void count(const Finding& finding);
  void report_failure(std::size_t index, const std::exception_ptr& failure);

  InferTargets targets_;
  InferOutput output_;
  ProgressBar bar_;
  std::vector<Path> images_;
  std::vector<std::string> names_;
  std::vector<FileState> states_;  // of the images, before they are read
  std::int64_t delivered_ = 0;
  std::size_t seen_ = 0, done_before_ = 0, failed_ = 0, anomalous_ = 0, unknown_ = 0;
  Inspector inspector_;  // last: its threads use the others
};

}  // namespace res2clip::app
