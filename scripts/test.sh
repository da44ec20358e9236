#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests. Arguments go to ctest (-R pattern, -L room, -j N).
#
# RES2CLIP_FIXTURES=DIR adds the golden tests on photographs that may not travel with the project.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$root"
"$root/scripts/build.sh"
ctest --preset release -j "$(nproc)" "$@"
