#pragma once

namespace res2clip {

/// In a handler: the exception at hand if it is ours, else (LibTorch's: out of memory, device lost, ...) a
/// runtime error that says what failed, with the first line of its reason. So callers have one type to catch.
[[noreturn]] void rethrow_as_ours(const char* what);

}  // namespace res2clip
