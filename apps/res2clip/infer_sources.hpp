#pragma once

#include <string>

#include "folder_watch.hpp"
#include "inspection.hpp"

namespace res2clip::app {

/// How images that come one by one are taken.
struct SourceOptions {
  bool recursive = false;
  std::string base;  ///< names of outputs start from this folder; empty: they hold the whole path
};

/// Answers lines of standard input one by one, as they come. Throws a data error if there are none.
void inspect_stream(Inspection& inspection, OutputFiles& files, const SourceOptions& options);

/// Answers the images of a folder as they come into it, until an interrupt. Throws a data error if it cannot
/// be listed.
void inspect_watched(Inspection& inspection, OutputFiles& files, const std::string& folder,
                     const SourceOptions& options, bool quiet);

}  // namespace res2clip::app
