#!/usr/bin/env bash
# Installs, builds, and runs the whole pipeline on generated pictures with the small CLIP in models/:
# data, export, evaluation without training, training of adapters, evaluation with them, heat maps, a page with all of it.
#
#   scripts/demo.sh [FOLDER]      (default: build/demo)
#
# Run again, it keeps what is there, unless the program, the backbone or a command that leads to it is another now.
# RES2CLIP_DEMO_SMALL=1 draws a few pictures and trains one epoch: whether everything works, in seconds; its figures mean
# nothing.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in
  -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
  -*) fail "unknown option $1; see --help" ;;
esac
demo=${1:-$root/build/demo}
mkdir -p "$demo"
demo=$(cd "$demo" && pwd)
[ -z "$(ls -A "$demo")" ] || [ -n "$(compgen -G "$demo/.done-*")$(compgen -G "$demo/.begun-*")" ] ||
  fail "$demo holds files that this script did not make; name a new folder"
"$root/scripts/build.sh" --target res2clip_program
program=$root/build/release/res2clip
backbone=$root/models/demo-clip.safetensors
pixels=128
if [ "${RES2CLIP_DEMO_SMALL:-0}" != 0 ]; then
  seen=(weave pill) unseen=(mesh gear) epochs=1
  seen_pictures=(--train 2 --good 1 --defective 1 --size 128)
  unseen_pictures=(--train 1 --good 2 --defective 1 --kinds 2 --size 128)
else
  seen=(weave tiles concrete carpet pill nut washer connector) unseen=(leather mesh gear cable screw) epochs=5
  seen_pictures=(--train 2 --good 4 --defective 3)
  unseen_pictures=(--train 4 --good 6 --defective 5)
fi
modes=(training-free fine-tuned fine-tuned-identity)

# Threads that wait for each other by turning in circles are slow where something else runs as well.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
cd "$demo"
res2clip() { "$program" "$@"; }

# What has led to the current step: the program, the backbone, and every command so far.
recipe=$(res2clip version; sha256sum "$program" "$backbone" | cut -d ' ' -f 1)

# make_once PRODUCT TITLE COMMAND...: runs a command unless it has run to its end before and nothing that led to it has
# changed. An interrupted command goes on with what it left; what another recipe made is removed first.
make_once() {
  local product=$1 title=$2
  shift 2
  recipe+=$'\n'"$*"$'\n'"$(declare -f "$1")"
  if [ -e "$product" ] && [ "$recipe" = "$(cat ".done-$product" 2> /dev/null)" ]; then
    say "$title: there already ($demo/$product)"
    return
  fi
  say "$title"
  [ "$recipe" = "$(cat ".begun-$product" 2> /dev/null)" ] || rm -rf "$product"
  rm -f ".done-$product"
  printf '%s\n' "$recipe" > ".begun-$product"
  "$@"
  mv ".begun-$product" ".done-$product"
}
# Evaluates on the classes that no training saw: the table and the figures go to the folder NAME.
evaluate() {
  local name=$1
  shift
  res2clip eval --backbone demo-clip.pt --data unseen --seed 1 --output "$name" --quiet "$@" > "table-$name.txt"
  mv "table-$name.txt" "$name/table.txt"
}
draw_heat_maps() {
  local class
  mkdir -p maps
  for class in "$@"; do
    res2clip infer --backbone demo-clip.pt --reference "unseen/$class/train/good" --output "maps/$class" --quiet \
      "unseen/$class/test/"* > "maps/$class.txt"
  done
}
# The part of a page about one class: a good part, and two heat maps of each kind of picture.
write_class() {
  local class=$1 kind picture
  printf '<h2>%s</h2>\n<figure class="good"><img src="%s" alt=""><figcaption>good part</figcaption></figure>\n' \
    "$class" "unseen/$class/train/good/000.png"
  for kind in "maps/$class"/*/; do
    kind=${kind%/}
    for picture in "$kind"/00[01].png; do
      [ ! -e "$picture" ] || printf '<figure><a href="%s"><img loading="lazy" src="%s" alt=""></a><figcaption>%s</figcaption></figure>\n' \
        "$picture" "$picture" "${kind##*/}"
    done
  done
}
write_page() {
  local name
  {
    cat <<'END'
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>res2clip demo</title>
<style>
body { margin: 2em auto; max-width: 76em; padding: 0 1em; font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fafafa; }
pre { display: inline-block; margin: 0; padding: 1em; font-size: 13px; background: #fff; border: 1px solid #ddd; overflow-x: auto; }
figure { display: inline-block; width: 24em; max-width: 100%; margin: 0 1em 1em 0; vertical-align: top; }
figure.good { width: 11.8em; }
img { width: 100%; border-radius: 4px; }
figcaption { color: #666; font-size: 14px; }
</style></head><body>
<h1>What res2clip finds on parts that it was not trained on</h1>
<p>Generated pictures, and the small backbone that comes with the project. Each pair shows a picture and its heat map; colours go
from the map's own median to its maximum, so the score tells pictures apart, not the brightest colour. The line surrounds the hottest
region.</p>
<h2>Figures</h2>
<p>One reference a class, in percent. Training is worth what <em>fine-tuned</em> gains over <em>fine-tuned-identity</em>: the same layers
and weights, with adapters that change nothing. <a href="adapters/curves.html">The losses of the training.</a></p>
END
    for name in "${modes[@]}"; do
      printf '<h3>%s</h3>\n<pre>%s</pre>\n' "$name" "$(cat "$name/table.txt")"
    done
    for name in "$@"; do write_class "$name"; done
    echo '</body></html>'
  } > page.new
  mv page.new index.html
}

make_once seen "drawing the data to train on" \
  res2clip demo-data --output seen --classes "${seen[@]}" "${seen_pictures[@]}" --seed 11
make_once unseen "drawing the data to test on" \
  res2clip demo-data --output unseen --classes "${unseen[@]}" "${unseen_pictures[@]}" --seed 12
make_once demo-clip.pt "exporting the backbone" \
  res2clip export --weights "$backbone" --output demo-clip.pt --image-size $pixels
make_once training-free "evaluating: training-free" evaluate training-free
make_once maps "drawing heat maps" draw_heat_maps "${unseen[@]}"
make_once adapters "training adapters on the seen classes" \
  res2clip train --backbone demo-clip.pt --data seen --output adapters --epochs $epochs --resume
make_once fine-tuned "evaluating: fine-tuned" evaluate fine-tuned --checkpoint adapters/checkpoint.pth
# The control: adapters that change nothing, with the layers and weights of the fine-tuned mode.
make_once fine-tuned-identity "evaluating: fine-tuned-identity" evaluate fine-tuned-identity --set scoring.mode=fine_tuned
recipe+=$(declare -f write_class)
make_once index.html "writing the page" write_page "${unseen[@]}"

for name in "${modes[@]}"; do
  printf '\n%s, one reference per class, %s px:\n' "$name" "$pixels"
  cat "$name/table.txt"
done
cat <<END

Look at:         $demo/index.html
Heat maps:       $demo/maps
Figures:         $demo/training-free, $demo/fine-tuned, $demo/fine-tuned-identity
Loss curves:     $demo/adapters/curves.html
Training is worth what fine-tuned gains over fine-tuned-identity: the same mode with adapters that change nothing.
The backbone is a toy that knows generated surfaces; README.md says how to get CLIP's own weights.

With your own pictures of good parts and parts to inspect:
  $program infer --backbone $demo/demo-clip.pt --reference FOLDER_OF_GOOD_PARTS --output maps PART.png ...
END
