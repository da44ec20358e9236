#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests. Arguments go to ctest (-R pattern, -L room, -j N).
#
# RES2CLIP_FIXTURES=DIR adds the golden tests on photographs that may not travel with the project.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$root"
"$root/scripts/build.sh"
# Several tests at once share the cores: threads that wait for each other by turning in circles would take them.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
ctest --preset release -j "$(nproc)" "$@"
