#pragma once

namespace res2clip::app {

/// Opens descriptors 0 to 2 that the process was started without: the next file opened would get one of their
/// numbers, and messages would be written into it. Nothing can be read from a standard input opened so, and
/// nothing be written to a standard output.
void open_standard_streams();

}  // namespace res2clip::app
