"""Runs the examples of docs/commands, in the order of docs/README.md, in one scratch folder.

docs.py check DOCS PROGRAM MODELS     every command succeeds, and prints what its page shows
docs.py update DOCS PROGRAM MODELS    writes what the commands print into the pages
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# What these print is the machine's own: only the shape of their lines is compared.
MACHINE_PAGES = ("bench", "doctor", "version")
MACHINE_LINE = re.compile(r"(build|cpu|cuda|memory|driver|gpu|LibTorch)")
# By how much whole numbers may differ: a hottest region by a pixel or two on another processor, counts not at all.
WHOLE_NUMBER_SLACK = {"infer": 2}
NUMBER = re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)(?!\w)")
TIME = re.compile(r"(?<![\w.])\d+(\.\d+)? (s|min)\b")
RECORDED_TIME = re.compile(r'"(time|seconds)":("[^"]*"|[\d.e-]+)')


def pages(docs):
    index = (docs / "README.md").read_text()
    return [docs / name for name in re.findall(r"\]\((commands/[a-z-]+\.md)\)", index)]


def examples(block):
    """Commands of a console block with the lines they print."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def plain(page, lines):
    """Lines without what differs from run to run: times, the width of columns; on some pages all numbers."""
    kept = []
    for line in lines:
        if page in MACHINE_PAGES:
            if MACHINE_LINE.match(line):
                continue
            line = re.sub(r"-?\d+(\.\d+)*(e-?\d+)?", "#", line)
        line = re.sub(r"(?<=\d)x(?=\d)", " x ", TIME.sub(r"# \2", RECORDED_TIME.sub(r'"\1":#', line)))
        kept.append(re.sub(r"\s+|-{3,}", " ", line).strip())
    return kept


def decimals(number):
    return len(number.partition("e")[0].partition(".")[2])


def near(one, other, slack):
    """Whole numbers within `slack`; others within two of their last digits and a thousandth."""
    if not re.search(r"[.e]", one + other):
        return abs(int(one) - int(other)) <= slack
    tolerance = 2 * 10.0 ** -max(decimals(one), decimals(other)) + 1e-3 * abs(float(other))
    return abs(float(one) - float(other)) <= tolerance


def same(page, printed, expected):
    """Whether a page's lines say what was printed: the same text, and nearly the same numbers."""
    slack = WHOLE_NUMBER_SLACK.get(page, 0)
    printed, expected = plain(page, printed), plain(page, expected)
    if len(printed) != len(expected):
        return False
    for one, other in zip(map(NUMBER.split, printed), map(NUMBER.split, expected)):
        # Texts stand at even places, numbers between them.
        if one[::2] != other[::2] or not all(near(a, b, slack) for a, b in zip(one[1::2], other[1::2])):
            return False
    return True


def check_settings_sentence(docs, program):
    """docs/README.md says which commands take --config; it is to be those."""
    said = re.search(r"^(`[^.]+?) take `--config", (docs / "README.md").read_text(), re.MULTILINE)
    takers = set(re.findall(r"`([a-z-]+)`", said[1]))
    for command in (page.stem for page in pages(docs)):
        help_text = subprocess.run([program, command, "--help"], check=True, capture_output=True, text=True).stdout
        if ("--config" in help_text) != (command in takers):
            sys.exit(f"docs/README.md is wrong about {command} and --config")


def main(mode, docs, program, models):
    docs, wrong = Path(docs), 0
    check_settings_sentence(docs, program)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bin").mkdir()
        (folder / "bin/res2clip").symlink_to(Path(program).resolve())
        (folder / "work").mkdir()
        (folder / "work/demo-clip.safetensors").symlink_to(Path(models).resolve() / "demo-clip.safetensors")
        environment = dict(os.environ, PATH=f"{folder / 'bin'}:{os.environ['PATH']}", LC_ALL="C")

        def run(command):
            """What a terminal shows: results and remarks."""
            result = subprocess.run(["bash", "-c", "set -o pipefail\n" + command], cwd=folder / "work", env=environment,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            # 141: a filter like head had seen enough.
            if result.returncode not in (0, 141):
                sys.exit(f"{command}\nexit code {result.returncode}\n{result.stdout}")
            return result.stdout.splitlines()

        def checked(page, block):
            nonlocal wrong
            written = ""
            for command, expected in examples(block):
                printed = run(command)
                if mode == "check" and not same(page.stem, printed, expected):
                    wrong += 1
                    print(f"{page.name}: {command}", "  the page shows", *expected, "  printed", *printed, sep="\n")
                written += f"$ {command}\n" + "".join(line.rstrip() + "\n" for line in printed)
            return written

        for page in pages(docs):
            text = page.read_text()
            updated = re.sub(r"^```console\n(.*?)^```", lambda m: "```console\n" + checked(page, m[1]) + "```", text,
                             flags=re.MULTILINE | re.DOTALL)
            if mode == "update":
                page.write_text(updated)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
