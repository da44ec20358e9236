# Shared by the scripts beside it; sourced, not run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${RES2CLIP_CACHE:-${HOME:?set HOME or RES2CLIP_CACHE}/.cache/res2clip}
torch_version=2.11.0
cuda_toolkit_minimum=13  # what that LibTorch is built with

say() { printf '==> %s\n' "$*" >&2; }
# "13.0" of the CUDA toolkit on the PATH; nothing where there is none.
cuda_toolkit_release() { nvcc --version 2> /dev/null | sed -n 's/.*release \([0-9.]*\),.*/\1/p' || true; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
require_clang() {
  command -v clang++ > /dev/null || fail "clang++ is not installed: apt-get install clang libomp-dev"
}
# What programs of the presets asan and fuzz need to know. Numbers that no memory holds are refused with std::bad_alloc, as without
# sanitizers.
export_sanitizer_options() {
  export LSAN_OPTIONS=suppressions=$root/tests/sanitizers/leaks.txt:print_suppressions=0
  export ASAN_OPTIONS=allocator_may_return_null=1:detect_odr_violation=0
  export UBSAN_OPTIONS=print_stacktrace=1
}
