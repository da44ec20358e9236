#!/usr/bin/env bash
# Builds the fuzz targets (clang) and runs each for so many seconds; fails if one crashes, leaks, or takes more than 2 GB or
# 10 seconds for an input.
#
#   scripts/fuzz.sh [SECONDS] [TARGET]...      (default: 10 seconds, all targets)
#
# Inputs that fail are kept in build/fuzz/findings, what the fuzzers learnt in build/fuzz/corpus.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
seconds=${1:-10}
shift || true
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "SECONDS is '$seconds'; it must be a whole number from 1"
require_clang
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(sed -n 's/^res2clip_fuzz(\([a-z_]*\) .*/\1/p' "$root/fuzz/CMakeLists.txt")
for target in "${targets[@]}"; do [ -f "$root/fuzz/$target.cpp" ] || fail "there is no target '$target' in fuzz/"; done

cd "$root"
say "building the fuzz targets (build/fuzz)"
output=$(cmake --preset fuzz -DRES2CLIP_LIBTORCH="$cache/libtorch-$torch_version-cpu" 2>&1) || { echo "$output" >&2; fail "CMake could not configure"; }
cmake --build build/fuzz --target "${targets[@]/#/fuzz_}"
seeds=build/fuzz/seeds
python3 fuzz/seeds.py . "$seeds"
mkdir -p build/fuzz/findings
export_sanitizer_options
export OMP_NUM_THREADS=1
failed=()
for target in "${targets[@]}"; do
  corpus=build/fuzz/corpus/$target
  mkdir -p "$corpus"
  dictionary=fuzz/dictionaries/$target.dict
  [ -f "$dictionary" ] || dictionary=fuzz/dictionaries/json.dict
  log=build/fuzz/$target.log
  if "build/fuzz/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -dict="$dictionary" \
    -artifact_prefix=build/fuzz/findings/"$target"- -print_final_stats=1 "$corpus" "$seeds/$target" > "$log" 2>&1; then
    say "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions, $(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -1)"
  else
    failed+=("$target")
    grep -E '^SUMMARY|ERROR:|runtime error|Test unit written' "$log" >&2 || tail -5 "$log" >&2
  fi
done
[ ${#failed[@]} -eq 0 ] || fail "findings in ${failed[*]}: see build/fuzz/findings, and build/fuzz/TARGET.log"
