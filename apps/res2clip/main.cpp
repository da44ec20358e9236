// The program: one subcommand per file beside this one, errors turned into one line and an exit code here.
#include <exception>
#include <iostream>

#include "res2clip/compute/memory.hpp"
#include "res2clip/core/version.hpp"

#include "command.hpp"
#include "standard_streams.hpp"

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

int report(const std::string& message, int code) {
  res2clip::app::complain(message);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace res2clip;
  app::open_standard_streams();
  CLI::App program("Few-shot industrial anomaly detection with a frozen CLIP (Res2CLIP)", "res2clip");
  program.require_subcommand(1);
  program.set_help_all_flag("--help-all", "Help of all commands");
  program.set_version_flag("--version", version());
  program.footer(
      "Start: res2clip export --weights ViT-L-14-336px.pt --output clip.pt\n"
      "       res2clip infer --backbone clip.pt --reference good.png --output out part.png\n"
      "Exit codes: 0 done, 1 failed while running, 2 wrong usage or settings, 3 bad input data.");

  on_smaller_batch(app::note);
  app::Run run;
  app::add_export(program, run);
  app::add_prepare(program, run);
  app::add_bank(program, run);
  app::add_train(program, run);
  int exit_code = 0;
  app::add_infer(program, run, exit_code);
  app::add_eval(program, run);
  app::add_sweep(program, run);
  app::add_report(program, run);
  app::add_bench(program, run);
  app::add_doctor(program, run);
  app::add_settings(program, run);
  app::add_demo_data(program, run);
  app::add_completion(program, run);
  app::add_version(program, run);

  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const auto unknown = program.remaining();
    if (program.get_subcommands().empty() && !unknown.empty() && !unknown.front().starts_with('-'))
      return report("there is no command '" + unknown.front() + "'; `res2clip --help` lists them", kUsage);
    if (program.exit(error) != 0) return kUsage;
    return std::cout.flush() ? 0 : report("standard output cannot be written", kFailed);
  } catch (const Error& error) {  // of an option whose value is read while it is parsed
    return report(error.what(), error.exit_code());
  }
  app::leave_no_unfinished_files();
  try {
    run();
    return exit_code;
  } catch (const Error& error) {
    return report(error.what(), error.exit_code());
  } catch (const std::exception& error) {
    return report(out_of_memory_message(error).value_or(first_line(error)), kFailed);
  }
}
