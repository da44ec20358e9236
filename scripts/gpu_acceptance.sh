#!/usr/bin/env bash
# Packs the CUDA build for a machine with a GPU, and examines it there: tests, speed, memory, whole runs.
#
#   scripts/gpu_acceptance.sh pack [--build DIR] [--output FILE] [--with DIR]... [--without PATTERN]...
#                                  [--most-mb N]
#   scripts/gpu_acceptance.sh run [--archive FILE] [--work DIR] [--output DIR] [--libtorch DIR] [--limit SECONDS]
#                                 [--dry] [--again] [PART...]
#
# `pack` (after scripts/build.sh --cuda) makes one archive of program, tests, test data and the libraries that the other machine may
# lack. That machine needs a driver, the CUDA toolkit (for compute-sanitizer) and LibTorch: a Python with the torch wheel of the
# same version, or --libtorch. `run` there needs this folder and the archive. It writes report.md and report.json, and goes on
# where an earlier run stopped; --again runs the named parts anew. Without a GPU it runs dry: small sizes, on the processor.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1  # leaves the checkout as it is
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case ${1:-} in
  pack | run) exec python3 "$here/gpu_acceptance/$1.py" "${@:2}" ;;
  -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0" ;;
  *) echo "gpu_acceptance.sh: pack or run is needed (see --help)" >&2; exit 2 ;;
esac
