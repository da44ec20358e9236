// Shell completion, generated from the program's own description of its commands and options.
#include <map>

#include "command.hpp"

namespace res2clip::app {
namespace {

template <class Enum>
std::string names_of() {
  std::string words;
  for (const auto& [value, name] : EnumNames<Enum>::values)
    words += (words.empty() ? "" : " ") + std::string(name);
  return words;
}

/// The values of options that take one of a few words.
const std::map<std::string, std::string>& choices() {
  static const std::map<std::string, std::string> words = {{"dataset", names_of<Layout>()},
                                                           {"metrics", names_of<MetricMode>()},
                                                           {"profile", names_of<Profile>()},
                                                           {"precision", names_of<Precision>()},
                                                           {"device", "auto cpu cuda"}};
  return words;
}

constexpr const char* kShells = "bash zsh fish";

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

/// Lines "pattern) variable='words' ;;" of a shell's `case`, for each option with choices and each command.
std::string choice_cases(const std::string& variable) {
  std::string lines;
  for (const auto& [option, words] : choices())
    lines += "    --" + option + ") " + variable + "='" + words + "' ;;\n";
  return lines + "    completion) " + variable + "='" + kShells + "' ;;\n";
}

std::string command_cases(const CLI::App& program, const std::string& variable) {
  std::string lines;
  for (const CLI::App* command : program.get_subcommands({}))
    lines += "    " + command->get_name() + ") " + variable + "='" + option_words(*command) + "' ;;\n";
  return lines;
}

std::string bash_script(const CLI::App& program) {
  return "_res2clip() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} words= values=\n"
         "  case ${COMP_WORDS[COMP_CWORD-1]} in\n" +
         choice_cases("values") +
         "  esac\n"
         "  case ${COMP_WORDS[1]} in\n" +
         command_cases(program, "words") +
         "  esac\n"
         "  if [[ $COMP_CWORD == 1 ]]; then values='" +
         command_words(program) + " " + option_words(program) +
         "'; fi\n"
         "  if [[ -z $values && $current == -* ]]; then values=$words; fi\n"
         "  if [[ -n $values ]]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$current\")\n"
         "  else\n"
         "    mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
         "    compopt -o filenames 2> /dev/null\n"
         "  fi\n"
         "}\n"
         "complete -F _res2clip res2clip";
}

std::string zsh_script(const CLI::App& program) {
  return "#compdef res2clip\n"
         "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\n"
         "_res2clip() {\n"
         "  local options= values=\n"
         "  case ${words[CURRENT-1]} in\n" +
         choice_cases("values") +
         "  esac\n"
         "  case ${words[2]} in\n" +
         command_cases(program, "options") +
         "  esac\n"
         "  if (( CURRENT == 2 )); then values='" +
         command_words(program) + " " + option_words(program) +
         "'; fi\n"
         "  if [[ -z $values && ${words[CURRENT]} == -* ]]; then values=$options; fi\n"
         "  if [[ -n $values ]]; then compadd -- ${=values}; else _files; fi\n"
         "}\n"
         "compdef _res2clip res2clip";
}

/// Text between single quotes, as fish reads it.
std::string fish_quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char letter : text) {
    if (letter == '\'' || letter == '\\') quoted += '\\';
    quoted += letter;
  }
  return quoted + "'";
}

/// One line for an option, offered where `condition` holds.
std::string fish_option(const CLI::Option& option, const std::string& condition) {
  std::string line = "complete -c res2clip -n '" + condition + "'";
  std::string values;
  for (const auto& name : option.get_lnames()) {
    line += " -l " + name;
    if (const auto found = choices().find(name); found != choices().end()) values = found->second;
  }
  for (const auto& name : option.get_snames()) line += " -s " + name;
  if (!values.empty())
    line += " -x -a '" + values + "'";
  else if (option.get_items_expected_max() > 0)
    line += " -r";
  return line + " -d " + fish_quoted(option.get_description()) + "\n";
}

std::string fish_options(const CLI::App& command, const std::string& condition) {
  std::string lines;
  for (const CLI::Option* option : command.get_options())
    if (!option->get_lnames().empty() || !option->get_snames().empty())
      lines += fish_option(*option, condition);
  return lines;
}

std::string fish_script(const CLI::App& program) {
  std::string script = fish_options(program, "__fish_use_subcommand");
  for (const CLI::App* command : program.get_subcommands({})) {
    const std::string condition = "__fish_seen_subcommand_from " + command->get_name();
    script += "complete -c res2clip -n __fish_use_subcommand -f -a " + command->get_name() + " -d " +
              fish_quoted(command->get_description()) + "\n" + fish_options(*command, condition);
  }
  return script + "complete -c res2clip -n '__fish_seen_subcommand_from completion' -f -a '" + kShells + "'";
}

}  // namespace

void add_completion(CLI::App& program, Run& run) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = program.add_subcommand("completion", "Prints a shell's completion script");
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer(
      "Examples:\n"
      "  source <(res2clip completion bash)      (or zsh)\n"
      "  res2clip completion fish | source");
  command->callback([shell, &program, &run] {
    run = [shell, &program] {
      if (*shell == "bash") print(bash_script(program));
      if (*shell == "zsh") print(zsh_script(program));
      if (*shell == "fish") print(fish_script(program));
    };
  });
}

}  // namespace res2clip::app
