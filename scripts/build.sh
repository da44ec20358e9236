#!/usr/bin/env bash
# Installs what is missing (scripts/setup.sh) and builds res2clip.
#
#   scripts/build.sh [--cuda [--arch N]... | --debug | --asan | --tsan | --clang] [--target NAME]... [CMAKE-ARGUMENT...]
#
# The program is build/release/res2clip (build/cuda/res2clip with --cuda). A LibTorch of your own, instead of the one
# that would be installed: scripts/build.sh -DCMAKE_PREFIX_PATH=/path/to/libtorch (or -DTorch_DIR=...). GPU
# architectures are 8.0, 8.6, 8.9 and 9.0, with PTX for later ones; --arch 10.0 adds one, RES2CLIP_CUDA_ARCHITECTURES="9.0"
# names all of them.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

preset=release
setup=()
arguments=()
targets=()
own_libtorch=false
# LibTorch reads TORCH_CUDA_ARCH_LIST, which containers set to what they need themselves.
architectures=${RES2CLIP_CUDA_ARCHITECTURES:-8.0;8.6;8.9;9.0+PTX}
while [ $# -gt 0 ]; do
  case $1 in
    --cuda) preset=cuda setup+=(--cuda) ;;
    --arch) [ $# -gt 1 ] || fail "--arch needs a compute capability, as 10.0"; shift; architectures+=";$1" ;;
    --debug) preset=debug ;;
    --asan | --tsan | --clang) preset=${1#--} ;;
    --target) [ $# -gt 1 ] || fail "--target needs a name"; shift; targets+=(--target "$1") ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -DCMAKE_PREFIX_PATH*=* | -DTorch_DIR*=* | -DTorch_ROOT*=*) own_libtorch=true arguments+=("$1") ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

case $preset in asan | tsan | clang) require_clang ;; esac
cd "$root"
# An earlier call may have named a LibTorch, which CMake remembers.
known=$(sed -n 's/^Torch_DIR:[A-Z]*=//p' "build/$preset/CMakeCache.txt" 2> /dev/null || true)
wheel=$cache/libtorch-$torch_version-$([ "$preset" = cuda ] && echo cuda || echo cpu)
[ -d "$known" ] && [[ $known != "$wheel"/* ]] && own_libtorch=true
$own_libtorch && setup+=(--own-libtorch)
"$root/scripts/setup.sh" "${setup[@]}"
export TORCH_CUDA_ARCH_LIST=$architectures
say "configuring and building ($preset)"
output=$(cmake --preset "$preset" -DRES2CLIP_LIBTORCH="$wheel" "${arguments[@]}" 2>&1) || { echo "$output" >&2; fail "CMake could not configure"; }
cmake --build --preset "$preset" "${targets[@]}"
say "built build/$preset/res2clip"
