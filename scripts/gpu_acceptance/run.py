"""Examines the archive's programs on this machine, part by part, and reports. Goes on where an earlier run stopped."""
import argparse
import sys
import time
from pathlib import Path

import part_processor
import part_runs
import part_speed
import part_tests
from machine import Machine
from report import Findings, outcome

ROOT = Path(__file__).resolve().parents[2]
# Each is a function that gives its steps in order, each a name and a function that gives the lines found.
PARTS = {"machine": part_tests.machine, "tests": part_tests.device_tests, "weights": part_runs.weights,
         "bench": part_speed.bench, "processor": part_processor.processor, "infer": part_runs.infer, "train": part_runs.train, "processes": part_runs.processes,
         "memory": part_runs.memory, "sanitizer": part_tests.sanitizer, "all-tests": part_tests.all_tests}


def found_by(step):
    """A step that fails in an unforeseen way is a finding; the others go on."""
    try:
        return step()
    except Exception as error:  # noqa: BLE001
        return [outcome("runs", False, f"{type(error).__name__}: {error}".replace("\n", " ")[:500])]


def run(parts, machine, findings, output, limit):
    start = time.monotonic()
    steps = [(part, f"{part}, {name}" if name else part, step) for part in parts for name, step in PARTS[part](machine)]
    for part, name, step in steps:
        waiting = list(dict.fromkeys(one for one, other, _ in steps if not findings.done(other)))
        if findings.done(name):
            continue
        if limit and time.monotonic() - start > limit:
            return waiting
        print(f"[{time.monotonic() - start:.0f} s] {name}", flush=True)
        begin = time.monotonic()
        lines = found_by(step)
        findings.add(part, name, lines, time.monotonic() - begin)
        for one in lines:
            if one["passed"] is False:
                print(f"  FAILED {one['what']}: {one['figure']} {one['unit']} {one['remark']}", flush=True)
        findings.write(output, [one for one in waiting if one != part])
    return []


def main():
    parser = argparse.ArgumentParser(prog="gpu_acceptance.sh run", description=__doc__)
    parser.add_argument("--archive", type=Path, default=ROOT / "build/gpu_acceptance.tar.xz", help="what pack made")
    parser.add_argument("--work", type=Path, default=Path.home() / ".cache/res2clip/gpu_acceptance",
                        help="scratch folder: unpacked archive, weights, images, state")
    parser.add_argument("--output", type=Path, help="folder of report.md and report.json (default: the work folder)")
    parser.add_argument("--libtorch", type=Path, help="folder with torch and nvidia (default: where python3 has torch)")
    parser.add_argument("--limit", type=float, help="begin no step after so many seconds")
    parser.add_argument("--dry", action="store_true", help="small sizes on the processor, as if there were no GPU")
    parser.add_argument("--again", action="store_true", help="run the named parts anew")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all, in this order)")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    machine = Machine(arguments.archive, arguments.work.resolve(), arguments.libtorch, arguments.dry)
    findings = Findings(machine.work / "state.json", machine.describe())
    parts = [part for part in PARTS if part in arguments.parts] or list(PARTS)
    if arguments.again:
        for part in parts:
            findings.forget(part)
    output = arguments.output or machine.work
    unfinished = run(parts, machine, findings, output, arguments.limit)
    findings.write(output, unfinished)
    print(f"{output / 'report.md'}: {len(findings.failed())} of {len(findings.lines())} lines failed"
          + (f"; not run yet: {', '.join(unfinished)}; the same command goes on" if unfinished else ""))
    sys.exit(1 if findings.failed() or unfinished else 0)


main()
