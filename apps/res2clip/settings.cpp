#include "command.hpp"

namespace res2clip::app {

void add_settings(CLI::App& program, Run& run) {
  struct Options : CommonOptions {
    bool values = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("settings", "All settings with their values, ranges and meaning");
  options->add_sources_to(*command);
  command->add_flag("--values", options->values, "Only the values, as a file that --config reads");
  command->footer("Example: res2clip settings --profile paper --values > mine.yaml");
  command->callback([options, &run] {
    run = [options] {
      const RunSettings settings = options->resolve();
      std::string text = options->values ? settings_yaml(settings) : settings_help(settings);
      if (!text.empty() && text.back() == '\n') text.pop_back();
      print(text);
    };
  });
}

}  // namespace res2clip::app
