#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "res2clip/data/sample.hpp"

namespace res2clip {

/// What a checkpoint was trained on. It lies as training_data.json beside checkpoint.pth, which stays as the
/// authors' program reads it.
struct TrainingRecord {
  std::string dataset;                  ///< name of its layout
  std::vector<std::string> categories;  ///< classes
  std::set<std::string> images;         ///< SHA-256 of the files, the first 16 digits
};

/// Of a training on the test images of this data set. Reads all their files. Throws a data error for one that
/// cannot be read.
TrainingRecord training_record(const Dataset& dataset);

/// Writes and reads the record of the checkpoint in a folder. Nothing: there is none. Throws data errors for
/// a malformed file.
void write_training_record(const TrainingRecord& record, const Path& folder);
std::optional<TrainingRecord> read_training_record(const Path& folder);

/// Adds a remark to the data set if test images are among those that a checkpoint was trained on (by what the
/// files hold, wherever they lie), or if nothing beside the checkpoint says what these were.
void remark_on_training(Dataset& dataset, const Path& checkpoint);

}  // namespace res2clip
