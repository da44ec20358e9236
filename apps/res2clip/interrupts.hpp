#pragma once

namespace res2clip::app {

/// Makes SIGINT, SIGTERM and SIGHUP remove temporary files before they end the process.
void leave_no_unfinished_files();
/// True once SIGINT or SIGTERM came; watch_interrupts() makes them set it instead of ending the process, and
/// say so. They end a read that waits for input. A second one ends the process.
bool interrupted();
void watch_interrupts();

}  // namespace res2clip::app
