#include "command.hpp"

#include <csignal>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace res2clip::app {
namespace {

/// A value that YAML reads back as it stands.
template <class Value>
std::string as_json(const Value& value) {
  return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

volatile std::sig_atomic_t interrupt_seen = 0;

extern "C" void end_at_once(int signal) {
  remove_unfinished_files();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// A second signal ends the process at once.
extern "C" void on_interrupt(int signal) {
  interrupt_seen = 1;
  std::signal(signal, end_at_once);
}

}  // namespace

RunSettings CommonOptions::resolve() const {
  std::vector<std::string> all = assignments;
  all.insert(all.end(), own_.begin(), own_.end());
  return resolve_run_settings(profile, config, all);
}

CLI::Option* CommonOptions::add_setting(CLI::App& command, const std::string& flags, const std::string& key,
                                        const std::string& help) {
  return command.add_option_function<std::string>(
      flags, [this, key](const std::string& value) { own_.push_back(key + "=" + value); }, help);
}

CLI::Option* CommonOptions::add_text(CLI::App& command, const std::string& flags, const std::string& key,
                                     const std::string& help) {
  return command.add_option_function<std::string>(
      flags, [this, key](const std::string& value) { own_.push_back(key + "=" + as_json(value)); }, help);
}

CLI::Option* CommonOptions::add_texts(CLI::App& command, const std::string& flags, const std::string& key,
                                      const std::string& help) {
  return command.add_option_function<std::vector<std::string>>(
      flags,
      [this, key](const std::vector<std::string>& values) { own_.push_back(key + "=" + as_json(values)); },
      help);
}

void CommonOptions::add_run_to(CLI::App& command) {
  add_text(command, "--backbone", "run.backbone", "Archive that `export` wrote")->type_name("FILE");
  add_setting(command, "--dataset", "data.layout", "mvtec, visa, btad, mpdd, dtd, folder or meta");
  add_text(command, "--data", "data.root", "Root folder of the data set (or of one class)")->type_name("DIR");
  add_texts(command, "--classes", "data.classes", "Only these classes");
  add_text(command, "--output,-o", "run.output", "Folder of the results")->type_name("DIR");
  add_text(command, "--store", "run.store", "Folder of a feature store: each image is encoded once")
      ->type_name("DIR");
}

void CommonOptions::add_to(CLI::App& command, const std::string& batch_key, const std::string& batch_help) {
  const std::string group = "Settings";
  command.add_option("--config", config, "Settings file (YAML or JSON)")->group(group)->type_name("FILE");
  command
      .add_option("--set", assignments,
                  "One setting, as retrieval.gamma=0.02 (see res2clip settings); repeatable")
      ->group(group)
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command.add_option("--profile", profile, "released: as the authors' code; paper: as the paper's text")
      ->group(group)
      ->check(CLI::IsMember({"released", "paper"}));
  add_setting(command, "--device", "compute.device", "auto, cpu, cuda or cuda:N")->group(group);
  add_setting(command, "--precision", "compute.precision", "fp32, tf32 or bf16")->group(group);
  add_setting(command, "--threads", "compute.threads",
              "CPU threads; 0: what OMP_NUM_THREADS says, else all cores")
      ->group(group);
  add_setting(command, "--batch-size", batch_key, batch_help)->group(group);
  command.add_flag("-q,--quiet", quiet, "No progress, no remarks")->group(group);
}

void require(const std::string& value, const std::string& option) {
  if (value.empty()) throw settings_error(option + " is required");
}

void print(const std::string& line) {
  std::fprintf(stdout, "%s\n", line.c_str());
  std::fflush(stdout);
}

bool interrupted() {
  return interrupt_seen != 0;
}

void leave_no_unfinished_files() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, end_at_once);
}

void watch_interrupts() {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
}

}  // namespace res2clip::app
