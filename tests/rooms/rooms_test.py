"""Compares each room's includes with the list of rooms that its CMakeLists.txt gives: rooms_test.py SOURCE_FOLDER.

NEEDS must be what public headers and sources include, USES what sources alone include; a room uses only rooms above it in
src/CMakeLists.txt. The narrow headers of LibTorch are a rule too: no file includes all of ATen. A room's options.hpp
holds options alone, and the settings of all rooms include nothing else of a room, so that an edit of an API does not
compile again what knows only settings.
"""
import re
import sys
from pathlib import Path

root = Path(sys.argv[1])
OPENCV_ROOMS = {"image"}
WHOLE_ATEN = re.compile(r'#include <(ATen/ATen\.h|ATen/Functions\.h|torch/all\.h|torch/torch\.h|torch/extension\.h)>')


RUNS_FILES = re.compile(r"\b(?:torch::(?:jit::)?(?:load|pickle_load|unpickle)|jit::load)\s*\(|serialization/(?:import|unpickler|pickle)\.h")


def sources(*folders):
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".hpp", ".cpp", ".cu", ".cuh"}:
                yield path


def rooms_included(*folders):
    found = {}
    for path in sources(*folders):
        for room in re.findall(r'#include "res2clip/([a-z_]+)/', path.read_text()):
            found.setdefault(room, path.relative_to(root))
    return found


def listed(text, keyword):
    part = re.search(rf"\b{keyword}\b(.*?)(?=\b(?:NEEDS|USES|SOURCES)\b|\))", text, re.S)
    return set(re.findall(r"res2clip::([a-z_]+)", part.group(1))) if part else set()


OF_OPTIONS = re.compile(r"res2clip/(\w+/options|image/read_options|settings/enum_names|retrieval/penalty_kind|core/normalisation)\.hpp")
OF_SETTINGS = re.compile(r"res2clip/(\w+/options|image/read_options|settings/settings|core/path)\.hpp")


def wide_options():
    headers = [(path, OF_OPTIONS) for path in sorted((root / "include/res2clip").glob("*/options.hpp"))]
    for path, allowed in [*headers, (root / "include/res2clip/config/settings.hpp", OF_SETTINGS)]:
        for included in re.findall(r'#include ["<]([^">]+/[^">]+)[">]', path.read_text()):
            if not allowed.fullmatch(included):
                yield f"{path.relative_to(root)} includes {included}: options know only other options"


def faults():
    yield from wide_options()
    order = [room for room in re.findall(r"add_subdirectory\((\w+)\)", (root / "src/CMakeLists.txt").read_text())]
    for folder in sorted(p for p in (root / "src").iterdir() if p.is_dir()):
        if folder.name not in order:
            yield f"src/{folder.name} is no room of src/CMakeLists.txt"
    for room in order:
        text = (root / "src" / room / "CMakeLists.txt").read_text()
        needs, uses = listed(text, "NEEDS"), listed(text, "USES")
        headers = rooms_included(root / "include/res2clip" / room)
        everything = rooms_included(root / "include/res2clip" / room, root / "src" / room)
        for other, path in everything.items():
            if other == room:
                continue
            if other not in order:
                yield f"{path} includes res2clip/{other}/, which is no room"
            elif order.index(other) > order.index(room):
                yield f"{path} includes res2clip/{other}/, a room below {room}"
            elif other not in needs | uses:
                yield f"{path} includes res2clip/{other}/: name it in src/{room}/CMakeLists.txt"
            elif other in headers and other in uses:
                yield f"{path} includes res2clip/{other}/ in a public header: it belongs in NEEDS of {room}, not USES"
        for other in sorted((needs | uses) - set(everything)):
            yield f"src/{room}/CMakeLists.txt names {other}, but no file of {room} includes it"
    for path in sources(root / "include", root / "src", root / "apps", root / "bench"):
        text = path.read_text()
        if WHOLE_ATEN.search(text):
            yield f"{path.relative_to(root)} includes all of ATen; include single operators"
        if RUNS_FILES.search(text):
            yield f"{path.relative_to(root)} lets LibTorch read a file, which runs code of it; use the readers of torch_files"
        room = path.relative_to(root).parts[1]
        if "#include <opencv2/" in text and room not in OPENCV_ROOMS:
            yield f"{path.relative_to(root)} includes OpenCV, which only {' and '.join(sorted(OPENCV_ROOMS))} know"


found = list(faults())
print("\n".join(found) if found else "every room includes what its list names")
sys.exit(bool(found))
