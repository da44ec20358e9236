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
