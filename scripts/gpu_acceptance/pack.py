"""Makes one archive of the CUDA build, its tests and what a machine with only driver, CUDA toolkit and LibTorch lacks."""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What every such machine has: the C and C++ libraries, the driver, and LibTorch with the libraries of its wheels.
THERE = re.compile(r"/(ld-linux|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|gomp|cuda)[.-])")


def output_of(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def is_program(path):
    return path.is_file() and not path.is_symlink() and os.access(path, os.X_OK) and path.read_bytes()[:4] == b"\x7fELF"


def programs(build):
    """Paths below the build folder: the program, every room's tests, and what they start."""
    found = [build / "res2clip", *sorted((build / "tests").glob("*/*")), *sorted((build / "bench").glob("*"))]
    return [path for path in found if is_program(path)]


def needed(path, known):
    """What a program or library names as needed: real paths, as this machine resolves them."""
    lines = output_of("ldd", str(path), env={**os.environ, "LD_LIBRARY_PATH": known})
    absent = re.findall(r"(\S+) => not found", lines)
    if absent:
        sys.exit(f"{path}: needs {', '.join(absent)}, not found on this machine")
    return re.findall(r"(\S+) => (/\S+) \(", lines)


def named_by(path):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output_of("readelf", "-d", str(path)))


def copy_libraries(binaries, libtorch, folder):
    """Copies the libraries that binaries need, and what those need, into a folder."""
    folder.mkdir()
    waiting, done = list(binaries), set()
    while waiting:
        user = waiting.pop()
        resolved = dict(needed(user, f"{libtorch}/torch/lib"))
        for name in named_by(user):
            path = resolved.get(name)
            if path is None or THERE.search(path) or os.path.realpath(path).startswith(os.path.realpath(libtorch)):
                continue
            if name not in done:
                done.add(name)
                shutil.copy(os.path.realpath(path), folder / name)
                waiting.append(path)
    return sorted(done)


def stage(build, libtorch, more, without, folder):
    binaries = programs(build)
    if not binaries or binaries[0].name != "res2clip":
        sys.exit(f"{build}: holds no res2clip; run scripts/build.sh --cuda first")
    libraries = copy_libraries(binaries, libtorch, folder / "lib")
    for path in binaries:
        target = folder / "build" / path.relative_to(build)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        subprocess.run(["strip", "--strip-all", str(target)], check=True)
    for part in ("tests/data", "tests/app", "models", "configs"):
        shutil.copytree(ROOT / part, folder / "source" / part, ignore=shutil.ignore_patterns("*.cpp", "*.hpp", "__pycache__"))
    for path in more:
        shutil.copytree(path, folder / "more" / path.name, ignore=shutil.ignore_patterns(*without))
    manifest = {"libraries": libraries, "more": [path.name for path in more],
                "programs": [str(path.relative_to(build)) for path in binaries],
                "version": output_of(str(build / "res2clip"), "version").strip()}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def write_archive(folder, archive):
    """Compressed as the name's ending says: .tar not at all, .tar.xz as small as it gets."""
    mode = {".xz": "w:xz", ".gz": "w:gz"}.get(archive.suffix, "w")
    with tarfile.open(archive, mode) as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)


def libtorch_of(build):
    cache = (build / "CMakeCache.txt").read_text()
    return re.search(r"^RES2CLIP_LIBTORCH:PATH=(.*)$", cache, re.M).group(1)


def main():
    parser = argparse.ArgumentParser(prog="gpu_acceptance.sh pack", description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build/cuda", help="build folder of the CUDA form")
    parser.add_argument("--output", type=Path, default=ROOT / "build/gpu_acceptance.tar.xz", help=".tar, .tar.gz or .tar.xz")
    parser.add_argument("--with", dest="more", type=Path, action="append", default=[], metavar="DIR",
                        help="a further folder; one named fixtures becomes RES2CLIP_FIXTURES there")
    parser.add_argument("--without", action="append", default=[], metavar="PATTERN",
                        help="leaves files of such names out of the further folders")
    parser.add_argument("--most-mb", type=float, help="fail if the archive is larger")
    arguments = parser.parse_args()
    if not (arguments.build / "CMakeCache.txt").is_file():
        sys.exit(f"{arguments.build}: is not a build folder; run scripts/build.sh --cuda first")
    with tempfile.TemporaryDirectory(dir=arguments.build) as scratch:
        manifest = stage(arguments.build, libtorch_of(arguments.build), arguments.more, arguments.without,
                         Path(scratch))
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        write_archive(Path(scratch), arguments.output)
    size = arguments.output.stat().st_size / 1e6
    print(f"{arguments.output}: {size:.1f} MB, {len(manifest['programs'])} programs, {len(manifest['libraries'])} libraries")
    if arguments.most_mb and size > arguments.most_mb:
        sys.exit(f"{arguments.output}: is larger than {arguments.most_mb} MB; leave a folder of --with out")


main()
