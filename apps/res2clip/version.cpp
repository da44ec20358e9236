#include "res2clip/core/version.hpp"

#include "command.hpp"

namespace res2clip::app {

void add_version(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand("version", "Version and what this program was built with");
  command->callback([&run] {
    run = [] {
      print("res2clip " + version());
      print(build_description());
    };
  });
}

}  // namespace res2clip::app
