#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests. Other arguments go to ctest (-R pattern, -L room, -j N).
#
#   scripts/test.sh [--debug | --asan | --tsan | --clang] [CTEST-ARGUMENT...]
#
# --clang builds with clang++ (and its libomp) instead of g++; --asan too, with the address and undefined-behaviour sanitizers; --tsan
# with the thread sanitizer, and runs the rooms that have threads of their own.
# Where a CUDA toolkit is on the PATH the whole CUDA form is built too. Its tests are all run where there is a GPU; otherwise
# those of code that it compiles differently, which say what they skip.
#
# RES2CLIP_FIXTURES=DIR adds the golden tests on photographs that may not travel with the project.
# RES2CLIP_TEST_CUDA=0 leaves the CUDA form out.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in
  -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
  --debug | --asan | --tsan | --clang)
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
  "$root/scripts/build.sh" --cuda
  only=()
  if ! nvidia-smi -L > /dev/null 2>&1; then
    # Rooms with files that the CUDA form compiles differently (res2clip_cuda_sources), core's use of std::filesystem, from which
    # library all programs take it, and the acceptance on a GPU, dry: it goes through the program's commands. The other tests
    # would run the same machine code again; their bodies for a GPU would skip.
    only=(-L '^(core|compute|processes|retrieval|clip|model|linkage|acceptance)$')
  fi
  ctest --preset cuda -j "$(nproc)" "${only[@]}" "$@"
fi
if [ "$preset" = release ]; then
  "$root/scripts/build.sh"
else
  "$root/scripts/build.sh" "--$preset"
fi
case $preset in
  asan)
    export_sanitizer_options
    ;;
  tsan)
    # Threads of OpenMP wait for each other in ways that the sanitizer does not see: one thread each, beside our own.
    export OMP_NUM_THREADS=1 TSAN_OPTIONS=suppressions=$root/tests/sanitizers/races.txt:exitcode=66
    [ $# -gt 0 ] || set -- -L '^(compute|features|pipeline)$'
    ;;
esac
ctest --preset "$preset" -j "$(nproc)" "$@"
log=$root/build/$preset/Testing/Temporary/LastTest.log
skipped=$(sed -n 's/^\[  SKIPPED \] \([^ ]*\.[^ ]*\)$/\1/p' "$log" 2> /dev/null | sort -u)
[ -z "$skipped" ] || say "skipped $(wc -l <<< "$skipped") tests; $log says why:"$'\n'"$skipped"
