#pragma once

#include <functional>

#include "res2clip/core/error.hpp"

#include "common_options.hpp"
#include "interrupts.hpp"
#include "meeting.hpp"
#include "messages.hpp"
#include "output.hpp"

namespace res2clip::app {

// One function per subcommand, each in its own file: adds it to the program; `run` is what to call once
// parsed.
using Run = std::function<void()>;
void add_export(CLI::App& program, Run& run);
void add_prepare(CLI::App& program, Run& run);
void add_eval(CLI::App& program, Run& run);
void add_sweep(CLI::App& program, Run& run);
void add_report(CLI::App& program, Run& run);
void add_train(CLI::App& program, Run& run);
/// `exit_code` is set by `run`.
void add_infer(CLI::App& program, Run& run, int& exit_code);
void add_bank(CLI::App& program, Run& run);
void add_bench(CLI::App& program, Run& run);
void add_doctor(CLI::App& program, Run& run);
void add_settings(CLI::App& program, Run& run);
void add_demo_data(CLI::App& program, Run& run);
void add_completion(CLI::App& program, Run& run);
void add_version(CLI::App& program, Run& run);

}  // namespace res2clip::app
