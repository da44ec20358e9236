#!/usr/bin/env bash
# The paper's evaluation from the weights to the report: export, training on the auxiliary data sets, Tables 1-4 and 6-11 and Fig. 7, and one
# page with all of it beside the paper's numbers.
#
#   scripts/reproduce.sh --weights FILE [--mvtec DIR] [--visa DIR] [--btad DIR] [--mpdd DIR] [--dtd DIR] [options]
#
#   --output DIR       where everything goes (default: reproduction)
#   --program FILE     the program (default: build/release/res2clip, else res2clip on the PATH)
#   --plans DIR        plans (default: configs/tables)
#   --image-size N     default: 518
#   --epochs N         of each training (default: 10)
#   --numbers KIND     of the stored features: float32, or float16 for half the disk space (default: float32)
#   --estimate         print the time and the disk space that it will need, and stop
#
# As in Sec. 4.1, adapters for MVTec AD are trained on VisA, and those for every other data set on MVTec AD; what the data at hand do not
# allow is left out, and said. Each image is encoded once. Run again with the same options, it goes on where it was ended.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

weights= output=reproduction program= plans=$root/configs/tables image_size=518 epochs=10 numbers=float32 estimate=
datasets=(mvtec visa btad mpdd dtd)
declare -A data=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,18s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --estimate) estimate=1; shift; continue ;;
    --weights | --output | --program | --plans | --image-size | --epochs | --numbers | --mvtec | --visa | --btad | --mpdd | --dtd) ;;
    *) fail "unknown option $1; see --help" ;;
  esac
  [ $# -gt 1 ] || fail "$1 needs a value"
  case $1 in
    --mvtec | --visa | --btad | --mpdd | --dtd) data[${1#--}]=$(realpath -e "$2") || fail "$1: there is no $2" ;;
    --image-size) image_size=$2 ;;
    *) printf -v "${1#--}" '%s' "$2" ;;
  esac
  shift 2
done
[ -n "$weights" ] || fail "name the weights with --weights; see --help"
[ -e "$weights" ] || fail "there is no $weights"
[ ${#data[@]} -gt 0 ] || fail "name at least one data set; see --help"
[ -d "$plans" ] || fail "there is no folder $plans"
if [ -z "$program" ]; then
  program=$root/build/release/res2clip
  [ -x "$program" ] || program=$(command -v res2clip) || fail "res2clip is not built; run scripts/build.sh"
fi
mkdir -p "$output"

# The same folder is for the same weights and options alone.
recipe="weights $(sha256sum < "$weights" | cut -d ' ' -f 1), image size $image_size, epochs $epochs, features as $numbers"
if [ -e "$output/recipe.txt" ]; then
  [ "$(cat "$output/recipe.txt")" = "$recipe" ] || fail "$output was made with other weights or options: $(cat "$output/recipe.txt")"
else
  [ -z "$(ls -A "$output")" ] || fail "$output holds files that this script did not make; name a new folder"
  printf '%s\n' "$recipe" > "$output/recipe.txt"
fi

if [ ! -e "$output/clip.pt" ]; then
  say "export"
  "$program" export --weights "$weights" --output "$output/clip.pt" --image-size "$image_size"
fi

images_of() { find "$1" -type f \( -iname '*.png' -o -iname '*.jpg' -o -iname '*.jpeg' -o -iname '*.bmp' \) -not -path '*ground_truth*' -not -path '*Masks*'; }

# Seconds for an image, from one that is inspected once and five times; a part of it is not repeated for each image.
seconds_per_image() {
  local one copies first second third
  copies=$(mktemp -d)
  one=$(images_of "$1" | head -1)
  [ -n "$one" ] || fail "$1 holds no images"
  for i in 1 2 3 4 5; do ln -s "$(realpath "$one")" "$copies/$i.${one##*.}"; done
  first=$(date +%s%N)
  "$program" infer --backbone "$output/clip.pt" --zero-shot --json -q "$copies/1.${one##*.}" > /dev/null
  second=$(date +%s%N)
  "$program" infer --backbone "$output/clip.pt" --zero-shot --json -q "$copies"/*."${one##*.}" > /dev/null
  third=$(date +%s%N)
  rm -rf "$copies"
  awk -v a="$first" -v b="$second" -v c="$third" 'BEGIN { s = (c - 2 * b + a) / 4e9; print s > 0.001 ? s : 0.001 }'
}

print_estimate() {
  local seconds=$1 count total=0 bytes=4
  [ "$numbers" != float16 ] || bytes=2
  printf '%-8s %8s images\n' "data" ""
  for name in "${datasets[@]}"; do
    [ -n "${data[$name]:-}" ] || continue
    count=$(images_of "${data[$name]}" | wc -l)
    total=$((total + count))
    printf '%-8s %8d\n' "$name" "$count"
  done
  awk -v n="$total" -v s="$seconds" -v size="$image_size" -v bytes="$bytes" -v epochs="$epochs" 'BEGIN {
    patches = int(size / 14) ^ 2; each = (4 * patches + 1) * 768 * bytes
    printf "to encode: at most %d images of %.2f s here: %.1f h; training (%d epochs) and comparing come on top\n", n, s, n * s / 3600, epochs
    printf "disk: at most %.1f GB of features with a ViT-L/14 (%.1f MB an image), and free now: ", n * each / 1e9, each / 1e6 }'
  df -h --output=avail "$output" | tail -1 | tr -d ' '
}

for name in "${datasets[@]}"; do [ -z "${data[$name]:-}" ] || { first_data=${data[$name]}; break; }; done
print_estimate "$(seconds_per_image "$first_data")"
[ -z "$estimate" ] || exit 0

common=(--backbone "$output/clip.pt" --set "store.numbers=$numbers")

# The data set that adapters for another one are trained on (Table 5).
auxiliary_of() { [ "$1" = mvtec ] && echo visa || echo mvtec; }

train_on() {
  local folder=$output/adapters-$1 resume=()
  [ ! -e "$folder/finished" ] || return 0
  [ ! -e "$folder/state.pt" ] || resume=(--resume)
  say "train on $1"
  "$program" train "${common[@]}" --dataset "$1" --data "${data[$1]}" --store "$output/features/$1" --output "$folder" --epochs "$epochs" \
    "${resume[@]}" > /dev/null
  touch "$folder/finished"
}

sweep() { # NAME PLAN FOLDER OPTION...
  local name=$1 plan=$2 folder=$output/$1/$3
  shift 3
  say "$name: ${folder##*/}"
  "$program" sweep "$plans/$plan.yaml" "${common[@]}" --dataset "$name" --data "${data[$name]}" --store "$output/features/$name" \
    --output "$folder" "$@" > "$folder.txt.new"
  mv "$folder.txt.new" "$folder.txt"
}

declare -A training_free=([mvtec]="table2-training-free table3 table4-training-free table11 fig7" [visa]="table2-training-free table3 table11"
  [btad]="table2-training-free table3 table11 fig7" [mpdd]="" [dtd]="")
declare -A fine_tuned=([mvtec]="table2-fine-tuned table4-fine-tuned" [visa]="table2-fine-tuned" [btad]="table2-fine-tuned" [mpdd]="" [dtd]="")

for name in "${datasets[@]}"; do
  [ -n "${data[$name]:-}" ] || continue
  mkdir -p "$output/$name"
  sweep "$name" tables6-10 training-free
  for plan in ${training_free[$name]}; do sweep "$name" "$plan" "$plan"; done
  auxiliary=$(auxiliary_of "$name")
  if [ -z "${data[$auxiliary]:-}" ]; then
    say "$name: nothing fine-tuned, because its adapters are trained on $auxiliary; name it with --$auxiliary"
    continue
  fi
  train_on "$auxiliary"
  checkpoint=(--checkpoint "$output/adapters-$auxiliary/checkpoint.pth")
  sweep "$name" tables6-10 fine-tuned "${checkpoint[@]}"
  for plan in ${fine_tuned[$name]}; do sweep "$name" "$plan" "$plan" "${checkpoint[@]}"; done
done

say "report"
folders=()
for folder in "$output"/*/*/; do [ ! -e "$folder/sweep.csv" ] || folders+=("${folder%/}"); done
"$program" report "${folders[@]}" -o "$output/report.html" -o "$output/report.md" -o "$output/report.csv" -o "$output/report.tex" --gallery 0
say "$output/report.html; tables of each sweep as printed: $output/*/*.txt"
