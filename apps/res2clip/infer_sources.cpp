#include "infer_sources.hpp"

#include <iostream>

#include "res2clip/data/inputs.hpp"

#include "interrupts.hpp"
#include "messages.hpp"

namespace res2clip::app {
namespace {

void inspect_some(Inspection& inspection, OutputFiles& files, std::vector<Path> images,
                  const std::string& base) {
  std::vector<std::string> names;
  for (const Path& image : images) {
    files.protect(image);
    names.push_back(base.empty() ? stream_output_name(image) : name_below(base, image));
  }
  inspection.inspect(std::move(images), std::move(names));
}

/// The images that a line of standard input stands for.
void inspect_line(Inspection& inspection, OutputFiles& files, const std::string& line,
                  const SourceOptions& options) {
  std::vector<Path> images;
  try {
    images = find_inputs({line}, std::cin, options.recursive).images;
  } catch (const Error& error) {
    return inspection.report_absent(line, error);
  }
  inspect_some(inspection, files, std::move(images), options.base);
}

}  // namespace

void inspect_stream(Inspection& inspection, OutputFiles& files, const SourceOptions& options) {
  InputLines lines(std::cin);
  std::string line;
  while (!interrupted() && lines.next(line) && !interrupted())
    if (line != "-") inspect_line(inspection, files, line, options);
  if (!interrupted()) inspection.require_some();
}

void inspect_watched(Inspection& inspection, OutputFiles& files, const std::string& folder,
                     const SourceOptions& options, bool quiet) {
  FolderWatch watch(folder, {.recursive = options.recursive});
  if (!quiet && !watch.told())
    note("remark: the system tells of no changes in folders (inotify); " + folder +
         " is listed once a second instead");
  const auto trouble = [](const char* what) { note(std::string("remark: ") + what + "; it is tried again"); };
  while (!interrupted())
    if (auto images = watch.next(interrupted, trouble); !images.empty())
      inspect_some(inspection, files, std::move(images), options.base);
}

}  // namespace res2clip::app
