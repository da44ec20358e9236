#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests. Arguments go to ctest (-R pattern, -L room, -j N).
# Where a CUDA toolkit is on the PATH the CUDA form is built too, and the tests of all rooms run on it; those that need a GPU say that
# they skip, if there is none.
#
# RES2CLIP_FIXTURES=DIR adds the golden tests on photographs that may not travel with the project.
# RES2CLIP_TEST_CUDA=0 leaves the CUDA form out.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
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
  # Without a GPU, what runs the program or a script as a whole does what it does in the CPU form: minutes for nothing. The dry run of
  # the acceptance (label acceptance) goes through the program's commands.
  left_out=()
  nvidia-smi -L > /dev/null 2>&1 || left_out=(-LE '^(app|readme|scripts|rooms)$')
  ctest --preset cuda -j "$(nproc)" "${left_out[@]}" "$@"
fi
"$root/scripts/build.sh"
ctest --preset release -j "$(nproc)" "$@"
