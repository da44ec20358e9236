#!/usr/bin/env bash
# Installs, builds, and runs the whole pipeline on generated pictures with the small CLIP in models/:
# data, export, evaluation without training, training of adapters, evaluation with them, heat maps.
#
#   scripts/demo.sh [FOLDER]      (default: build/demo; what is there already is kept)
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in
  -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
  -*) fail "unknown option $1; see --help" ;;
esac
"$root/scripts/build.sh"
res2clip=$root/build/release/res2clip
demo=${1:-$root/build/demo}
mkdir -p "$demo"
demo=$(cd "$demo" && pwd)
pixels=128

# Threads that wait for each other by turning in circles are slow where something else runs as well.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}

# Runs a command unless it has run to its end before: what an interruption leaves is no reason to skip it.
make_once() {
  local product=$1 title=$2 mark
  mark=$demo/.done-${product//\//-}
  shift 2
  if [ -e "$mark" ] && [ -e "$demo/$product" ]; then
    say "$title: there already ($demo/$product)"
  else
    say "$title"
    "$@"
    touch "$mark"
  fi
}
# Evaluates on the classes that no training saw: the table goes to NAME.txt, everything to the folder NAME.
evaluate() {
  local name=$1
  shift
  [ -e "$demo/$name.txt" ] && { say "evaluation $name: there already"; return; }
  say "evaluating: $name"
  "$res2clip" eval --backbone "$demo/demo-clip.pt" --data "$demo/unseen" --seed 1 --output "$demo/$name" --quiet "$@" \
    > "$demo/$name.txt.new"
  mv "$demo/$name.txt.new" "$demo/$name.txt"
}

make_once seen "drawing the data to train on" \
  "$res2clip" demo-data --output "$demo/seen" --classes weave tiles concrete carpet pill nut washer connector \
  --train 2 --good 4 --defective 3 --seed 11
make_once unseen "drawing the data to test on" \
  "$res2clip" demo-data --output "$demo/unseen" --classes leather mesh gear cable screw \
  --train 4 --good 6 --defective 5 --seed 12
make_once demo-clip.pt "exporting the backbone" \
  "$res2clip" export --weights "$root/models/demo-clip.safetensors" --output "$demo/demo-clip.pt" --image-size $pixels
evaluate training-free
make_once adapters/checkpoint.pth "training adapters on the seen classes" \
  "$res2clip" train --backbone "$demo/demo-clip.pt" --data "$demo/seen" --output "$demo/adapters" --epochs 5 --resume
evaluate fine-tuned --checkpoint "$demo/adapters/checkpoint.pth"
# The control: adapters that change nothing, with the layers and weights of the fine-tuned mode.
evaluate fine-tuned-identity --set scoring.mode=fine_tuned
draw_heat_maps() {
  for class in leather mesh gear cable screw; do
    "$res2clip" infer --backbone "$demo/demo-clip.pt" --reference "$demo/unseen/$class/train/good" \
      --output "$demo/maps/$class" --quiet "$demo/unseen/$class/test/"* > "$demo/maps-$class.txt"
  done
}
make_once maps "drawing heat maps" draw_heat_maps

for name in training-free fine-tuned fine-tuned-identity; do
  printf '\n%s, one reference per class, %s px:\n' "$name" "$pixels"
  cat "$demo/$name.txt"
done
cat <<END

Heat maps:       $demo/maps/*/*/*.png
Figures:         $demo/training-free, $demo/fine-tuned
Loss curves:     $demo/adapters/curves.html
Training is worth what fine-tuned gains over fine-tuned-identity: the same mode with adapters that change nothing.
The backbone is a toy that knows generated surfaces; README.md says how to get CLIP's own weights.

With your own pictures of good parts and parts to inspect:
  $res2clip infer --backbone $demo/demo-clip.pt --reference GOOD.png ... --output maps PART.png ...
END
