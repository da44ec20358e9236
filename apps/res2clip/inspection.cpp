#include "inspection.hpp"

#include <utility>

#include "interrupts.hpp"

namespace res2clip::app {
namespace {

// Exit codes of --exit-code, apart from those of errors (1 to 3).
constexpr int kSomeAnomalous = 10, kSomeUnknown = 11;

}  // namespace

Inspection::Inspection(const Pipeline& pipeline, ReferenceBank bank, const InferTargets& targets,
                       InferOutputOptions how, bool show_progress)
    : targets_(targets),
      output_(targets, std::move(how)),
      bar_("infer", !show_progress),
      inspector_(pipeline, std::move(bank), targets.pixels_wanted(), stages()) {}

void Inspection::inspect(std::vector<Path> images, std::vector<std::string> names) {
  images_ = std::move(images);
  names_ = std::move(names);
  leave_out_done();
  for (const std::string& name : names_) targets_.files->require_free(name);
  delivered_ = 0;
  show_progress();
  inspector_.inspect(images_);
  bar_.finish();
}

void Inspection::leave_out_done() {
  const ResultsFile* results = targets_.results;
  states_.clear();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < images_.size(); ++i) {
    const FileState state = results != nullptr ? state_of(images_[i]) : FileState{};
    if (results != nullptr && results->has(images_[i], state)) continue;
    states_.push_back(state);
    if (kept != i) {
      images_[kept] = std::move(images_[i]);
      names_[kept] = std::move(names_[i]);
    }
    ++kept;
  }
  done_before_ += images_.size() - kept;
  images_.resize(kept);
  names_.resize(kept);
}

void Inspection::report_absent(const std::string& line, const Error& why) {
  ++seen_;
  ++failed_;
  output_.write_failure(line, std::nullopt, why.what());
}

void Inspection::require_some() const {
  if (seen_ + done_before_ == 0) throw data_error("standard input names no images");
}

void Inspection::require_no_failure() const {
  if (failed_ > 0)
    throw data_error(std::to_string(failed_) + " of " + std::to_string(seen_) + " images could not be read");
}

int Inspection::verdict_code() const {
  return anomalous_ > 0 ? kSomeAnomalous : unknown_ > 0 ? kSomeUnknown : 0;
}

InspectionStages Inspection::stages() {
  InspectionStages stages;
  stages.finish = [this](const InspectedImage& image) -> InOrder::Rest {
    const ImageRead& file = image.file;
    const std::size_t i = image.index;
    const Finding finding =
        output_.write({images_[i], names_[i], file.pixels, file.height, file.width, image.seconds},
                      *image.scores, image.row);
    return [this, finding, i] {
      deliver([&] { output_.print_line(finding, states_[i]); });
      count(finding);
    };
  };
  stages.failed = [this](std::size_t index, const std::exception_ptr& failure) {
    deliver([&] { report_failure(index, failure); });
  };
  stages.stop_requested = interrupted;
  return stages;
}

/// Prints, and shows how many of all images are done until the next line is printed.
template <class Print>
void Inspection::deliver(const Print& print_it) {
  ++seen_;
  bar_.finish();
  print_it();
  ++delivered_;
  show_progress();
}

void Inspection::count(const Finding& finding) {
  if (!finding.judgement) return;
  anomalous_ += finding.judgement->verdict == Verdict::anomalous ? 1 : 0;
  unknown_ += finding.judgement->verdict == Verdict::unknown ? 1 : 0;
}

void Inspection::report_failure(std::size_t index, const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    ++failed_;
    output_.write_failure(images_[index], states_[index], error.what());
  }
}

}  // namespace res2clip::app
