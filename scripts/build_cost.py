#!/usr/bin/env python3
"""What a change of a header costs: how many of our files are compiled again, and which files compile slowest.

build_cost.py [--source FOLDER] [--log BUILD/.ninja_log] [HEADER ...]

A HEADER is named as it is included ("res2clip/core/error.hpp"); without any, the ten that most files include are shown.
Counts come from the includes in the sources, so that any checkout can be asked without building it. Seconds come from
a build's log: they mean something after a build from scratch with CCACHE_DISABLE=1 on an idle machine.
"""
import argparse
import re
from pathlib import Path

FOLDERS = ("src", "apps", "bench", "tests")
UNITS = {".cpp", ".cu"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=Path(__file__).resolve().parents[1], help="the checkout (default: this one)")
    parser.add_argument("--log", type=Path, help="also show the slowest files of this .ninja_log")
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


def slowest(log, count):
    """(seconds, object) of a ninja log's last entries: start and end in milliseconds, time stamp, output, command."""
    last = {}
    for line in log.read_text().splitlines():
        parts = line.split("\t")
        if len(parts) == 5 and parts[3].endswith(".o"):
            last[parts[3]] = (int(parts[1]) - int(parts[0])) / 1000
    return sorted(((seconds, name) for name, seconds in last.items()), reverse=True)[:count], sum(last.values())


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
    if options.log:
        files, total = slowest(options.log, options.slowest)
        print(f"{total:.0f} s in all compilations of the log; slowest")
        for seconds, name in files:
            print(f"  {name:85} {seconds:6.1f} s")


main()
