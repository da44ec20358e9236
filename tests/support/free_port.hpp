#pragma once

namespace res2clip::testing {

/// A TCP port of this machine that nobody listened on a moment ago.
int free_port();

}  // namespace res2clip::testing
