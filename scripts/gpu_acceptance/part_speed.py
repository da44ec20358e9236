"""Encoding, matching and whole inspections, timed by `res2clip bench`, beside floors that LibTorch's own operators set."""
import json
import os
import re
from pathlib import Path

from part_runs import backbone
from report import at_least, line, outcome

SHOTS = (1, 4, 16)
# Images a second of a whole inspection on an H100 or H200, ViT-L/14 at 518 px: what a release must reach. By precision, batch, shots.
AIMS = {("fp32", 16, 4): 33.5, ("tf32", 16, 4): 190, ("tf32", 1, 4): 95, ("bf16", 16, 4): 300, ("bf16", 1, 4): 165, ("bf16", 16, 16): 200}
FIGURE = re.compile(r"^(\S.*\S)\s+(-?\d+\.\d+) (\S.*)$")


def bench(one):
    precisions, batches = (("fp32", "tf32", "bf16"), (1, 16)) if one.gpu else (("fp32",), (1, 2))
    if one.gpu:
        yield "floors", lambda: floors(one)
    for precision in precisions:
        for batch in batches:
            yield f"{precision}, batch {batch}", lambda p=precision, b=batch: timed(one, p, b)


def floors(one):
    code, output, errors, _ = one.run(["python3", Path(__file__).with_name("floors.py")], 300, dict(os.environ))
    if code != 0:
        return [outcome("can be measured", False, errors[-300:].replace("\n", " "))]
    found = json.loads(output)
    machine = found.pop("machine")
    (one.work / "floors.json").write_text(output)
    return [line(name, value, "") for name, value in machine.items()] + \
        [line(f"encode {name.replace(' ', ', batch ')}, {kind}", value, "images/s") for name, kinds in found.items()
         for kind, value in kinds.items()]


def floor_of(one, precision, batch):
    file = one.work / "floors.json"
    return json.loads(file.read_text())[f"{precision} {batch}"] if file.exists() else {}


def figures_of(output):
    """The lines of `res2clip bench` as (what, figure, unit); a ratio gets the name of the line before it."""
    found, before = [], ""
    for text in output.splitlines():
        match = FIGURE.match(text.rstrip()) or FIGURE.match(text.strip())
        if not match:
            continue
        what, figure, unit = match.group(1), float(match.group(2)), match.group(3)
        if text.startswith("  "):
            what = f"{before}: {what}"
        else:
            before = what
        found.append((what, figure, unit))
    return found


def timed(one, precision, batch):
    shots = SHOTS if one.gpu else SHOTS[:2]
    command = ["bench", "--backbone", backbone(one), "--device", one.device, "--precision", precision, "--batch-size", batch,
               "--inspection", "--repeats", 7 if one.gpu else 1, "--shots", *shots]
    output, seconds = one.must(*command, *(["--plain-encoding"] if precision == "fp32" else []), timeout=240)
    lines, floor = [], floor_of(one, precision, batch)
    for what, figure, unit in figures_of(output):
        asked = re.match(r"encode and detect, (\d+) shot", what)
        aim = AIMS.get((precision, batch, int(asked.group(1)))) if asked and one.gpu else None
        lines.append(at_least(what, figure, unit, aim))
        if re.match(r"encode, \d+ px", what):
            lines.append(line("encode, images a second", 1 / figure, "images/s"))
            lines += [line(f"encode beside the floor, {kind}", 1 / figure / rate, "of it") for kind, rate in floor.items()]
    return lines + [outcome("prints its figures", lines), line("seconds in all", seconds, "s")]
