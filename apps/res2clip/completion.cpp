// Shell completion, generated from the program's own description of its commands and options.
#include "command.hpp"

namespace res2clip::app {
namespace {

std::string option_words(const CLI::App& command) {
  std::string words;
  for (const CLI::Option* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) words += "--" + name + " ";
    for (const auto& name : option->get_snames()) words += "-" + name + " ";
  }
  if (!words.empty()) words.pop_back();
  return words;
}

std::string command_words(const CLI::App& program) {
  std::string words;
  for (const CLI::App* command : program.get_subcommands({})) words += command->get_name() + " ";
  if (!words.empty()) words.pop_back();
  return words;
}

std::string bash_script(const CLI::App& program) {
  std::string script =
      "_res2clip() {\n  local current=${COMP_WORDS[COMP_CWORD]} words=\n  case ${COMP_WORDS[1]} in\n";
  for (const CLI::App* command : program.get_subcommands({}))
    script += "    " + command->get_name() + ") words='" + option_words(*command) + "' ;;\n";
  script += "  esac\n  if [ \"$COMP_CWORD\" = 1 ]; then words='" + command_words(program) +
            "'; fi\n"
            "  if [[ $current == -* || $COMP_CWORD == 1 ]]; then\n"
            "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
            "  else\n    COMPREPLY=($(compgen -f -- \"$current\"))\n  fi\n}\n"
            "complete -o filenames -F _res2clip res2clip";
  return script;
}

/// zsh runs bash's completion functions once bashcompinit is loaded.
std::string zsh_script(const CLI::App& program) {
  return "autoload -U +X bashcompinit && bashcompinit\n" + bash_script(program);
}

std::string fish_script(const CLI::App& program) {
  std::string script =
      "complete -c res2clip -n __fish_use_subcommand -f -a '" + command_words(program) + "'\n";
  for (const CLI::App* command : program.get_subcommands({}))
    for (const CLI::Option* option : command->get_options())
      for (const auto& name : option->get_lnames())
        script += "complete -c res2clip -n '__fish_seen_subcommand_from " + command->get_name() + "' -l " +
                  name + "\n";
  script.pop_back();
  return script;
}

}  // namespace

void add_completion(CLI::App& program, Run& run) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = program.add_subcommand("completion", "Prints a shell's completion script");
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer("Example: source <(res2clip completion bash)");
  command->callback([shell, &program, &run] {
    run = [shell, &program] {
      if (*shell == "bash") print(bash_script(program));
      if (*shell == "zsh") print(zsh_script(program));
      if (*shell == "fish") print(fish_script(program));
    };
  });
}

}  // namespace res2clip::app
