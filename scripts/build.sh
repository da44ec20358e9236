#!/usr/bin/env bash
# Installs what is missing (scripts/setup.sh) and builds res2clip.
#
#   scripts/build.sh [--cuda | --debug | --asan] [CMAKE-ARGUMENT...]
#
# The program is build/release/res2clip (build/cuda/res2clip with --cuda). A LibTorch of your own:
# scripts/build.sh -DCMAKE_PREFIX_PATH=/path/to/libtorch. Other GPU architectures: TORCH_CUDA_ARCH_LIST="9.0;10.0".
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

preset=release
setup=()
arguments=()
for argument in "$@"; do
  case $argument in
    --cuda) preset=cuda setup=(--cuda) ;;
    --debug) preset=debug ;;
    --asan) preset=asan ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) arguments+=("$argument") ;;
  esac
done

cd "$root"
"$root/scripts/setup.sh" "${setup[@]}"
[ "$preset" = cuda ] && export TORCH_CUDA_ARCH_LIST=${TORCH_CUDA_ARCH_LIST:-8.0;8.6;8.9;9.0}
say "configuring and building ($preset)"
output=$(cmake --preset "$preset" "${arguments[@]}" 2>&1) || { echo "$output" >&2; fail "CMake could not configure"; }
cmake --build --preset "$preset"
say "built build/$preset/res2clip"
