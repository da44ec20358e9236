"""Runs the examples of docs/commands, in the order of docs/README.md, in one scratch folder.

docs.py check DOCS PROGRAM MODELS     every command succeeds, and prints what its page shows but for the numbers
docs.py update DOCS PROGRAM MODELS    writes what the commands print into the pages
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path


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


def shape(lines):
    """Lines without what differs from machine to machine: numbers, the width of columns, the lines of a machine's own."""
    plain = []
    for line in lines:
        if not re.match(r"(build|cpu|cuda|memory|driver|gpu|LibTorch)", line):
            plain.append(re.sub(r"\s+", " ", re.sub(r"-?\d+(\.\d+)?(e-?\d+)?", "#", line)).strip())
    return plain


def main(mode, docs, program, models):
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bin").mkdir()
        (folder / "bin/res2clip").symlink_to(Path(program).resolve())
        (folder / "work").mkdir()
        (folder / "work/demo-clip.safetensors").symlink_to(Path(models).resolve() / "demo-clip.safetensors")
        environment = dict(os.environ, PATH=f"{folder / 'bin'}:{os.environ['PATH']}", LC_ALL="C")

        def run(command):
            result = subprocess.run(["bash", "-c", "set -o pipefail\n" + command], cwd=folder / "work", env=environment,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            # 141: a filter like head had seen enough.
            if result.returncode not in (0, 141):
                sys.exit(f"{command}\nexit code {result.returncode}\n{result.stderr}")
            return result.stdout.splitlines()

        def checked(page, block):
            nonlocal wrong
            written = ""
            for command, expected in examples(block):
                printed = run(command)
                if shape(printed) != shape(expected):
                    wrong += mode == "check"
                    print(f"{page.name}: {command}\n  the page shows {shape(expected)}\n  printed {shape(printed)}")
                written += f"$ {command}\n" + "".join(line.rstrip() + "\n" for line in printed)
            return written

        for page in pages(Path(docs)):
            text = page.read_text()
            updated = re.sub(r"^```console\n(.*?)^```", lambda m: "```console\n" + checked(page, m[1]) + "```", text,
                             flags=re.MULTILINE | re.DOTALL)
            if mode == "update":
                page.write_text(updated)
    sys.exit(1 if wrong else 0)


main(*sys.argv[1:])
