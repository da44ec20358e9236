#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests. Other arguments go to ctest (-R pattern, -L room, -j N).
#
#   scripts/test.sh [--debug | --asan | --clang] [CTEST-ARGUMENT...]
#
# --asan builds with the address and undefined-behaviour sanitizers, --clang with clang++ (and its libomp) instead of g++.
# Where a CUDA toolkit is on the PATH the CUDA form is built too: all of it and its tests where there is a GPU;
# otherwise the program and the tests of matching, which say what they skip.
#
# RES2CLIP_FIXTURES=DIR adds the golden tests on photographs that may not travel with the project.
# RES2CLIP_TEST_CUDA=0 leaves the CUDA form out.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in
  -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
  --debug | --asan | --clang)
    preset=${1#--}
    shift
    export RES2CLIP_TEST_CUDA=0
    ;;
  *) preset=release ;;
esac

wants_cuda() {
  [ "${RES2CLIP_TEST_CUDA:-1}" != 0 ] || return 1
  local release
  release=$(cuda_toolkit_release)
  if [ -z "$release" ]; then
    say "no CUDA toolkit (nvcc) on the PATH: the CUDA form is not built"
    return 1
  elif [ "${release%%.*}" -lt "$cuda_toolkit_minimum" ]; then
    say "the CUDA toolkit on the PATH is $release, LibTorch's is $cuda_toolkit_minimum: the CUDA form is not built"
    return 1
  fi
}

cd "$root"
# Several tests at once share the cores: threads that wait for each other by turning in circles would take them.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
if wants_cuda; then
  if nvidia-smi -L > /dev/null 2>&1; then
    "$root/scripts/build.sh" --cuda
    ctest --preset cuda -j "$(nproc)" "$@"
  else
    "$root/scripts/build.sh" --cuda --target res2clip_program --target test_retrieval
    ctest --preset cuda -j "$(nproc)" -L retrieval
    say "the CUDA program, on a machine without a GPU:"
    "$root/build/cuda/res2clip" doctor
  fi
fi
if [ "$preset" = release ]; then
  "$root/scripts/build.sh"
else
  "$root/scripts/build.sh" "--$preset"
fi
ctest --preset "$preset" -j "$(nproc)" "$@"
log=$root/build/$preset/Testing/Temporary/LastTest.log
skipped=$(sed -n 's/^\[  SKIPPED \] \([^ ]*\.[^ ]*\)$/\1/p' "$log" 2> /dev/null | sort -u)
[ -z "$skipped" ] || say "skipped $(wc -l <<< "$skipped") tests; $log says why:"$'\n'"$skipped"
