#!/usr/bin/env bash
# Makes an archive of a built res2clip that runs on any Debian 12 (x86-64) and later, as any user and from any folder,
# without compilers or packages: the program, every library that it loads but glibc's own, settings, demo backbone, licences.
#
#   scripts/package.sh [--build DIR] [--output FILE.tar.gz | --folder DIR]
#
#   --build DIR      where the program was built (default build/release)
#   --output FILE    the archive (default res2clip-VERSION-linux-x86_64.tar.gz here)
#   --folder DIR     instead: the same as a new folder
#
# Unpack it anywhere and start bin/res2clip.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

build=$root/build/release
output=
folder=
while [ $# -gt 0 ]; do
  case $1 in
    --build | --output | --folder) [ $# -gt 1 ] || fail "$1 needs a path"; declare "${1#--}=$2"; shift ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "package.sh: unknown argument $1 (see --help)" >&2; exit 2 ;;
  esac
  shift
done
[ -z "$output" ] || [ -z "$folder" ] || { echo "package.sh: --output or --folder, not both" >&2; exit 2; }

program=$build/res2clip
[ -x "$program" ] || fail "$program is not there: build it first (scripts/build.sh)"
version=$("$program" --version)
name=res2clip-$version-linux-$(uname -m)
: "${output:=$name.tar.gz}"

# The C library belongs to the system, and fits its loader alone.
system='ld-linux-x86-64|libc|libm|libmvec|libdl|libpthread|librt|libresolv|libutil'

libraries() {
  local found
  found=$(ldd "$program")
  if grep -q 'not found' <<< "$found"; then fail "$program lacks libraries here: $(grep 'not found' <<< "$found")"; fi
  awk '$2 == "=>" {print $1, $3}' <<< "$found" | grep -Ev "^($system)\.so"
}

# The licence of what a library's Debian package holds, or of LibTorch's wheel.
copy_licence() {
  local package
  package=$(dpkg-query -S "$1" 2> /dev/null | head -n 1 | cut -d: -f1) ||
    package=$(dpkg-query -S "*/$(basename "$1")" 2> /dev/null | head -n 1 | cut -d: -f1) || return 0
  [ -n "$package" ] && [ -f "/usr/share/doc/$package/copyright" ] || return 0
  cp -L "/usr/share/doc/$package/copyright" "$2/$package.copyright"
}

# LibTorch's licences, and those of what its wheel needs.
wheel_licences() {
  local wheel file
  wheel=$(ldd "$program" | awk '$1 == "libtorch_cpu.so" {print $3}')
  for file in "$(dirname "$wheel")"/../../{torch,nvidia_cuda}*.dist-info/licenses/*; do
    [ ! -f "$file" ] || cp "$file" "$1/$(basename "$file").$(basename "${file%%.dist-info*}")"
  done
}

fill() {
  local to=$1 licences=$1/share/doc/res2clip loaded path
  mkdir -p "$to/bin" "$to/lib/res2clip" "$licences" "$to/share/res2clip"
  cp "$program" "$to/lib/res2clip/res2clip"
  # Its own search path names folders of the machine that built it.
  echo "file(RPATH_REMOVE FILE \"$to/lib/res2clip/res2clip\")" > "$to/search_path.cmake"
  cmake -P "$to/search_path.cmake"
  rm "$to/search_path.cmake"
  while read -r loaded path; do
    cp -L "$path" "$to/lib/$loaded"
    copy_licence "$(readlink -f "$path")" "$licences"
  done <<< "$(libraries)"
  cp -r "$root/configs" "$to/share/res2clip/configs"
  cp "$root/models/demo-clip.safetensors" "$root/models/README.md" "$to/share/res2clip/"
  cp "$root/LICENSE" "$licences/LICENSE"
  cp "$root/third_party/clip-bpe/LICENSE" "$licences/LICENSE.clip-bpe"
  wheel_licences "$licences"
  cat > "$to/bin/res2clip" << 'START'
#!/bin/sh
# Starts the program beside it with the libraries beside it.
own=$(dirname "$(readlink -f "$0")")/..
LD_LIBRARY_PATH=$own/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
exec "$own/lib/res2clip/res2clip" "$@"
START
  chmod -R a+rX "$to"
  chmod a+x "$to/bin/res2clip" "$to/lib/res2clip/res2clip"
}

if [ -n "$folder" ]; then
  [ ! -e "$folder" ] || fail "$folder is there already; name a new folder"
  fill "$folder"
  say "packaged $folder"
  exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fill "$work/$name"
tar -C "$work" --owner=0 --group=0 -czf "$work/archive" "$name"
mv "$work/archive" "$output"
say "packaged $output ($(du -h "$output" | cut -f1))"
