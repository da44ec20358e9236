#!/usr/bin/env python3
"""What a change of a header costs: how many of our files are compiled again, and which files compile slowest.

build_cost.py [--source FOLDER] [--build BUILD [--every N]] [HEADER ...]

A HEADER is named as it is included ("res2clip/core/error.hpp"); without any, the ten that most files include are shown.
Counts come from the includes in the sources, so that any checkout can be asked without building it. With --build, files of that
build are compiled once more, one after the other and without a compiler cache; seconds are the processor's, of user and system,
so that other jobs of the machine count little. --every 8 takes each eighth file and states eight times its sum.
"""
import argparse
import json
import re
import resource
import shlex
import subprocess
import tempfile
from pathlib import Path

FOLDERS = ("src", "apps", "bench", "tests")
UNITS = {".cpp", ".cu"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=Path(__file__).resolve().parents[1], help="the checkout (default: this one)")
    parser.add_argument("--build", type=Path, help="also compile the files of this build, for their seconds")
    parser.add_argument("--every", type=int, default=1, help="with --build: each N-th file alone (default: 1)")
    parser.add_argument("--slowest", type=int, default=5, help="how many of them (default: 5)")
    parser.add_argument("headers", nargs="*", metavar="HEADER")
    return parser.parse_args()


class Includes:
    """Which of our files include which, directly or not."""

    def __init__(self, source):
        self.source = source
        self.roots = [source / "include", source / "tests", source / "tests/support", *(p.parent for p in source.glob("src/*/CMakeLists.txt")),
                      source / "apps/res2clip"]
        self.direct = {}

    def found(self, name, includer):
        for root in (includer.parent, *self.roots):
            path = (root / name).resolve()
            if path.is_file():
                return path
        return None  # another project's

    def of(self, path):
        if path not in self.direct:
            names = INCLUDE.findall(path.read_text(errors="replace"))
            self.direct[path] = {found for name in names if (found := self.found(name, path))}
        return self.direct[path]

    def closure(self, path):
        seen, open_files = set(), [path]
        while open_files:
            for header in self.of(open_files.pop()) - seen:
                seen.add(header)
                open_files.append(header)
        return seen


def units(source):
    return sorted(p.resolve() for folder in FOLDERS for p in (source / folder).rglob("*") if p.suffix in UNITS)


def seconds_of(entry):
    """Processor seconds of one entry of compile_commands.json, which writes its object elsewhere."""
    command = shlex.split(entry["command"])
    with tempfile.NamedTemporaryFile(suffix=".o") as output:
        command[command.index("-o") + 1] = output.name
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=entry["directory"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compile_costs(build, source, every):
    """(seconds, file) of each `every`-th file of ours, the slowest first."""
    entries = json.loads((build / "compile_commands.json").read_text())
    folders = [source / folder for folder in FOLDERS]
    ours = sorted((e for e in entries if any(Path(e["file"]).is_relative_to(f) for f in folders)), key=lambda e: e["file"])
    return sorted(((seconds_of(entry), entry["file"]) for entry in ours[::every]), reverse=True)


def main():
    options = arguments()
    source = options.source.resolve()
    includes = Includes(source)
    all_units = units(source)
    users = {}
    for unit in all_units:
        for header in includes.closure(unit):
            users.setdefault(header, set()).add(unit)
    if options.headers:
        headers = [source / "include" / name for name in options.headers]
        for path in headers:
            if not path.is_file():
                raise SystemExit(f"{path}: no such header")
    else:
        headers = sorted(users, key=lambda path: -len(users[path]))[:10]
    print(f"{len(all_units)} files are compiled; again after a change of")
    for header in headers:
        rebuilt = users.get(header.resolve(), set())
        library = sum(unit.is_relative_to(source / "src") for unit in rebuilt)
        name = header.resolve().relative_to(source)
        print(f"  {str(name):55} {len(rebuilt):4}   of them {library} of the library")
    if options.build:
        costs = compile_costs(options.build.resolve(), source, options.every)
        print(f"{options.every * sum(seconds for seconds, _ in costs):.0f} s of a processor to compile all ({len(costs)} files measured); slowest of these")
        for seconds, name in costs[:options.slowest]:
            print(f"  {str(Path(name).relative_to(source)):85} {seconds:6.1f} s")


main()
