#!/usr/bin/env bash
# Installs what res2clip builds with, on Debian 12 (as root or with sudo): compiler, CMake and libraries with apt, and
# LibTorch from its PyPI wheel into a folder outside the checkout. Run again, it verifies and changes nothing.
#
#   scripts/setup.sh [--cuda] [--own-libtorch] [--check]
#
#   --cuda           LibTorch with its CUDA libraries (4.6 GB) instead of the CPU part (1.2 GB)
#   --own-libtorch   no LibTorch: CMake is told of one with -DCMAKE_PREFIX_PATH
#   --check          verify only: exit 1 and say what is missing
#
# RES2CLIP_CACHE names the folder for LibTorch (default ~/.cache/res2clip).
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

variant=cpu
check=false
own_libtorch=false
for argument in "$@"; do
  case $argument in
    --cuda) variant=cuda ;;
    --own-libtorch) own_libtorch=true ;;
    --check) check=true ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "setup.sh: unknown argument $argument (see --help)" >&2; exit 2 ;;
  esac
done

packages=(g++ cmake ninja-build ccache git python3 python3-pip
  libopencv-core-dev libopencv-imgproc-dev
  zlib1g-dev libpng-dev libjpeg62-turbo-dev libtiff-dev libwebp-dev libgif-dev libopenjp2-7-dev
  libcli11-dev nlohmann-json3-dev libspdlog-dev libyaml-cpp-dev libssl-dev libutf8proc-dev
  libgtest-dev libgmock-dev libbenchmark-dev)

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    # A python3 or pip that did not come from apt serves as well.
    case $package in
      python3) command -v python3 > /dev/null && continue ;;
      python3-pip) python3 -m pip --version > /dev/null 2>&1 && continue ;;
    esac
    dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || echo "$package"
  done
}

install_packages() {
  local missing
  command -v dpkg-query > /dev/null ||
    fail "this is not Debian: install the counterparts of ${packages[*]} yourself, then run scripts/build.sh"
  missing=$(missing_packages)
  if [ -z "$missing" ]; then
    say "Debian packages: all ${#packages[@]} are there"
    return
  fi
  $check && fail "missing Debian packages: ${missing//$'\n'/ }"
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo > /dev/null || fail "needs root or sudo to install: ${missing//$'\n'/ }"
    as_root=(sudo)
  fi
  say "installing Debian packages: ${missing//$'\n'/ }"
  "${as_root[@]}" apt-get update -qq
  # shellcheck disable=SC2086
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing > /dev/null
  [ -z "$(missing_packages)" ] || fail "apt-get did not install: $(missing_packages | tr '\n' ' ')"
}

# The sizes of the libraries that a build links: what the stamp holds and a later run compares.
fingerprint() {
  (cd "$1" && find torch/lib nvidia -name '*.so*' -printf '%s %p\n' 2> /dev/null | LC_ALL=C sort -k2)
}

install_libtorch() {
  local folder=$cache/libtorch-$torch_version-$variant
  local stamp=$folder/res2clip-complete
  if [ -f "$stamp" ] && [ "$(fingerprint "$folder")" = "$(cat "$stamp")" ]; then
    say "LibTorch $torch_version ($variant): verified in $folder"
    return
  fi
  $check && fail "LibTorch $torch_version ($variant) is not in $folder, or not whole"
  say "installing LibTorch $torch_version ($variant) into $folder"
  local wheels=("torch==$torch_version")
  local options=(--quiet --disable-pip-version-check --no-compile --no-user --root-user-action=ignore --target "$folder.part")
  if [ "$variant" = cpu ]; then
    # All that libtorch_cpu.so needs besides the C++ runtime. The wheels of one Python serve every other: only their
    # libraries are used.
    wheels=(-r "$root/scripts/libtorch-cpu.txt")
    options+=(--no-deps --require-hashes --only-binary=:all: --python-version 3.11)
  fi
  rm -rf "$folder.part" "$folder"
  mkdir -p "$cache"
  python3 -m pip install "${options[@]}" "${wheels[@]}" ||
    fail "pip could not install ${wheels[*]}: no network, or a file that is not the one whose checksum is kept"
  [ -f "$folder.part/torch/lib/libtorch_cpu.so" ] || fail "the wheel torch==$torch_version holds no libtorch_cpu.so"
  fingerprint "$folder.part" > "$folder.part/res2clip-complete"
  mv "$folder.part" "$folder"
}

# The CPU form takes a part of what the CUDA form needs: one wheel serves both.
share_libtorch() {
  local cpu=$cache/libtorch-$torch_version-cpu
  [ -e "$cpu" ] || $check || ln -s "libtorch-$torch_version-cuda" "$cpu"
}

check_cuda_toolkit() {
  local release
  release=$(cuda_toolkit_release)
  [ -n "$release" ] ||
    fail "--cuda needs the CUDA toolkit ($cuda_toolkit_minimum for this LibTorch): nvcc is not on the PATH"
  $own_libtorch || [ "${release%%.*}" -ge "$cuda_toolkit_minimum" ] ||
    fail "--cuda needs the CUDA toolkit $cuda_toolkit_minimum or later; $(command -v nvcc) is release $release"
  say "CUDA toolkit: $release"
}

install_packages
[ "$variant" = cuda ] && check_cuda_toolkit
$own_libtorch || install_libtorch
$own_libtorch || [ "$variant" = cpu ] || share_libtorch
