#include "command.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "res2clip/compute/memory.hpp"

namespace res2clip::app {
namespace {

std::string first_name(const std::string& flags) {
  return flags.substr(0, flags.find(','));
}

/// The default of a setting, as the help shows it.
std::string default_of(const std::string& key) {
  std::string pointer = "/" + key;
  std::replace(pointer.begin(), pointer.end(), '.', '/');
  const auto value = settings_json(RunSettings{}).at(nlohmann::ordered_json::json_pointer(pointer));
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// Sets `key` to what an option says; an error names the option, not the key that it stands for.
void set_by_option(RunSettings& settings, const std::string& option, const std::string& key,
                   const std::string& value) {
  const std::string assignment = key + "=" + value;
  try {
    SettingsLayer::from_assignment(assignment).apply(settings);
  } catch (const Error& error) {
    const std::string message = error.what(), source = "--set " + assignment + ": ";
    if (message.starts_with(source + key + " "))
      throw settings_error(option + message.substr(source.size() + key.size()));
    if (message.starts_with(source)) throw settings_error(option + ": " + message.substr(source.size()));
    throw;
  }
}

volatile std::sig_atomic_t interrupt_seen = 0;
bool on_terminal = false;

/// Without SA_RESTART, so that a read that waits for a line ends.
void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

/// Standard error from a signal handler, where nothing but write(2) is allowed.
void write_raw(std::string_view text) {
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;  // nobody is left to be told
}

extern "C" void end_at_once(int signal) {
  remove_unfinished_files();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// A second signal ends the process at once.
extern "C" void on_interrupt(int signal) {
  const int error_before = errno;
  interrupt_seen = 1;
  if (on_terminal) write_raw("\n");  // below the progress bar
  write_raw("stopping after this batch; again to stop now\n");
  handle(signal, end_at_once);
  errno = error_before;
}

}  // namespace

RunSettings CommonOptions::resolve() const {
  RunSettings settings = resolve_run_settings(profile, config, assignments);
  for (const auto& change : own_) change(settings);
  settings.backbone.image_size = settings.image.size;  // which an option may have changed
  return settings;
}

CLI::Option* CommonOptions::add_setting(CLI::App& command, const std::string& flags, const std::string& key,
                                        const std::string& help) {
  const auto remember = [this, option = first_name(flags), key](const std::string& value) {
    own_.emplace_back([=](RunSettings& settings) { set_by_option(settings, option, key, value); });
  };
  return command.add_option_function<std::string>(flags, remember, help)->default_str(default_of(key));
}

CLI::Option* CommonOptions::add_text(CLI::App& command, const std::string& flags, TextSetting setting,
                                     const std::string& help) {
  const auto remember = [this, setting](const std::string& value) {
    own_.emplace_back([=](RunSettings& settings) { setting(settings) = value; });
  };
  return command.add_option_function<std::string>(flags, remember, help);
}

CLI::Option* CommonOptions::add_switch(CLI::App& command, const std::string& flags, SwitchSetting setting,
                                       const std::string& help) {
  const auto remember = [this, setting] {
    own_.emplace_back([=](RunSettings& settings) { setting(settings) = true; });
  };
  return command.add_flag_callback(flags, remember, help);
}

void CommonOptions::add_run_to(CLI::App& command) {
  add_text(
      command, "--backbone", [](RunSettings& s) -> std::string& { return s.run.backbone; },
      "Archive that `export` wrote")
      ->type_name("FILE");
  add_setting(command, "--dataset", "data.layout", "mvtec, visa, btad, mpdd, dtd, folder or meta");
  add_text(
      command, "--data", [](RunSettings& s) -> std::string& { return s.data.root; },
      "Root folder of the data set (or of one class)")
      ->type_name("DIR");
  const auto remember_classes = [this](const std::vector<std::string>& classes) {
    own_.emplace_back([=](RunSettings& settings) { settings.data.classes = classes; });
  };
  command
      .add_option_function<std::vector<std::string>>("--classes", remember_classes,
                                                     "Only this class; repeatable, or with commas: a,b")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->type_name("NAME");
  add_text(
      command, "--output,-o", [](RunSettings& s) -> std::string& { return s.run.output; },
      "Folder of the results")
      ->type_name("DIR");
  add_text(
      command, "--store", [](RunSettings& s) -> std::string& { return s.run.store; },
      "Folder of a feature store: each image is encoded once")
      ->type_name("DIR");
}

namespace {
constexpr const char* kSettingsGroup = "Settings";
}

void CommonOptions::add_sources_to(CLI::App& command) {
  command.add_option("--config", config, "Settings file (YAML or JSON)")
      ->group(kSettingsGroup)
      ->type_name("FILE");
  command
      .add_option("--set", assignments,
                  "One setting, as retrieval.gamma=0.02 (see res2clip settings); repeatable")
      ->group(kSettingsGroup)
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_option("--profile", profile, "released: as the authors' code; paper: as the paper's text")
      ->group(kSettingsGroup)
      ->check(CLI::IsMember({"released", "paper"}));
}

void CommonOptions::add_compute_to(CLI::App& command, const std::string& batch_key,
                                   const std::string& batch_help) {
  add_setting(command, "--device", "compute.device", "auto, cpu, cuda or cuda:N")->group(kSettingsGroup);
  add_setting(command, "--precision", "compute.precision", "fp32, tf32 or bf16")->group(kSettingsGroup);
  add_setting(command, "--threads", "compute.threads",
              "CPU threads; 0: what OMP_NUM_THREADS says, else all cores")
      ->group(kSettingsGroup);
  add_setting(command, "--batch-size", batch_key, batch_help)->group(kSettingsGroup);
}

void CommonOptions::add_quiet_to(CLI::App& command) {
  const auto be_quiet = [this] {
    quiet = true;
    on_smaller_batch({});
  };
  command.add_flag_callback("-q,--quiet", be_quiet, "No progress, no remarks")->group(kSettingsGroup);
}

void CommonOptions::add_to(CLI::App& command, const std::string& batch_key, const std::string& batch_help) {
  add_sources_to(command);
  add_compute_to(command, batch_key, batch_help);
  add_quiet_to(command);
}

void require(const std::string& value, const std::string& option) {
  if (value.empty()) throw settings_error(option + " is required");
}

void print(const std::string& line) {
  if (std::fprintf(stdout, "%s\n", line.c_str()) < 0 || std::fflush(stdout) != 0)
    throw runtime_error(std::string("standard output cannot be written: ") + std::strerror(errno));
}

void expect_writable(const Path& folder) {
  const AtomicFile probe(folder / "probe");  // never committed: nothing is left of it
  std::ofstream stream(probe.temporary(), std::ios::binary);
  stream << "probe" << std::flush;
  if (!stream)
    throw runtime_error(folder.string() + ": no file can be written in this folder: " + std::strerror(errno));
}

bool interrupted() {
  return interrupt_seen != 0;
}

void leave_no_unfinished_files() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, end_at_once);
}

void watch_interrupts() {
  on_terminal = ::isatty(STDERR_FILENO) == 1;
  handle(SIGINT, on_interrupt);
  handle(SIGTERM, on_interrupt);
}

std::unique_ptr<Communicator> meet(const ProcessPlace& place, bool quiet) {
  MeetingListener listener;
  if (!quiet && place.rank == 0) listener.waiting = note;
  listener.stop_requested = interrupted;
  return join_processes(place, std::chrono::minutes(10), listener);
}

}  // namespace res2clip::app
