// One process of a job that meets, works for a while, stops itself if it is told to, and meets again:
// process_driver [--work MILLISECONDS] [--silent] [--stop] [--give-up MILLISECONDS]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <signal.h>
#include <string>
#include <thread>

#include "res2clip/core/error.hpp"
#include "res2clip/processes/communicator.hpp"

namespace {

using std::chrono::milliseconds;

struct Plan {
  milliseconds work{0}, give_up{60000};
  bool silent = false, stop = false;
};

Plan plan_of(int argc, char** argv) {
  Plan plan;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--silent") plan.silent = true;
    if (argument == "--stop") plan.stop = true;
    if (argument == "--work") plan.work = milliseconds(std::atoi(argv[++i]));
    if (argument == "--give-up") plan.give_up = milliseconds(std::atoi(argv[++i]));
  }
  return plan;
}

void work(const Plan& plan, res2clip::Communicator& processes) {
  const auto end = std::chrono::steady_clock::now() + plan.work;
  while (std::chrono::steady_clock::now() < end) {
    if (!plan.silent) processes.progress();
    std::this_thread::sleep_for(milliseconds(20));
  }
}

void run(const Plan& plan) {
  using namespace res2clip;
  const ProcessPlace place = place_from_environment();
  MeetingListener listener;
  listener.waiting = [](const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); };
  const auto processes = join_processes(place, std::chrono::seconds(30), listener,
                                        {plan.give_up / 2, plan.give_up, plan.give_up / 15});
  processes->barrier();
  if (plan.stop) ::raise(SIGSTOP);
  work(plan, *processes);
  processes->barrier();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(plan_of(argc, argv));
    return 0;
  } catch (const res2clip::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
}
