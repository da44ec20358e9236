#include "res2clip/report/report.hpp"

#include "res2clip/core/files.hpp"

#include "command.hpp"

namespace res2clip::app {
namespace {

struct ReportCommand {
  std::vector<std::string> results, outputs;
  ReportOptions how;
  bool quiet = false;
};

/// What a file holds, by its suffix.
std::string text_for(const std::string& output, const std::vector<ReportedRun>& runs,
                     const ReportOptions& how) {
  const std::string suffix = Path(output).extension().string();
  if (suffix == ".html") return report_html(runs, how);
  if (suffix == ".md") return report_markdown(runs);
  if (suffix == ".csv") return report_csv(runs);
  return report_latex(runs);
}

void require_suffix(const std::string& output) {
  for (const char* suffix : {".html", ".md", ".csv", ".tex"})
    if (Path(output).extension() == suffix) return;
  throw settings_error("--output " + output + ": its name must end in .html, .md, .csv or .tex");
}

void report(const ReportCommand& command) {
  for (const std::string& output : command.outputs) require_suffix(output);
  const std::vector<Path> folders(command.results.begin(), command.results.end());
  const std::vector<ReportedRun> runs = read_reported_runs(folders);
  for (const std::string& output : command.outputs) write_file(output, text_for(output, runs, command.how));
  if (!command.quiet)
    for (const std::string& output : command.outputs)
      note(output + ": " + std::to_string(runs.size()) + (runs.size() == 1 ? " run" : " runs"));
}

}  // namespace

void add_report(CLI::App& program, Run& run) {
  auto options = std::make_shared<ReportCommand>();
  CLI::App* command = program.add_subcommand("report", "Results of eval and sweep as one page, or as tables");
  command
      ->add_option("results", options->results, "Folders that `eval` or `sweep` wrote; several side by side")
      ->required()
      ->type_name("DIR");
  command
      ->add_option("--output,-o", options->outputs,
                   "Write this file: .html, .md, .csv or .tex, by its name; repeatable")
      ->required()
      ->allow_extra_args(false)
      ->type_name("FILE");
  command
      ->add_option("--gallery", options->how.gallery,
                   "Worst false alarms and misses shown of each class, so many of each; 0: no images")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  command->add_flag("-q,--quiet", options->quiet, "No messages");
  command->footer(
      "Examples:\n"
      "  res2clip report results -o report.html\n"
      "  res2clip report training-free fine-tuned -o report.html -o table.tex");
  command->callback([options, &run] { run = [options] { report(*options); }; });
}

}  // namespace res2clip::app
