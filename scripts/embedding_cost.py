#!/usr/bin/env python3
"""What embedding costs: seconds to compile a file that includes the main header, and to start a program that links the library.

embedding_cost.py PREFIX [--torch WHEEL] [--header HEADER] [--repeat N]

PREFIX is an installed res2clip; PREFIX/lib/libtorch must lead to LibTorch's libraries. The smallest of N times is shown, of user
and system time, so that other jobs of the machine count little. Beside it stand a file that includes <ATen/core/Tensor.h> alone,
and a program that links LibTorch alone: what no user of LibTorch can be below.
"""
import argparse
import os
import resource
import subprocess
import tempfile
from pathlib import Path

START = """#include <ATen/ops/ones.h>
int main() { return at::ones({1}).numel() == 1 ? 0 : 1; }
"""


def cpu_seconds(command, repeat):
    """The smallest user and system time of a command."""
    best = float("inf")
    for _ in range(repeat):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def compiled(arguments, folder, name, text, *flags):
    source = folder / f"{name}.cpp"
    source.write_text(text)
    wheel = arguments.torch
    return ["g++", "-std=c++20", "-O2", "-isystem", wheel / "include", "-isystem", wheel / "include/torch/csrc/api/include",
            "-I", arguments.prefix / "include", source, *flags]


def compile_costs(arguments, folder):
    for name, header in (("tensor", "ATen/core/Tensor.h"), ("main", arguments.header)):
        command = compiled(arguments, folder, name, f"#include <{header}>\n", "-c", "-o", folder / f"{name}.o")
        yield f"compile <{header}>", cpu_seconds(command, arguments.repeat)


def start_costs(arguments, folder):
    libraries = arguments.prefix / "lib"
    command = compiled(arguments, folder, "start", START, "-o", folder / "start", f"-L{libraries / 'libtorch'}", "-Wl,--no-as-needed",
                       "-ltorch_cpu", "-lc10", f"-Wl,-rpath,{libraries / 'libtorch'}", "-Wl,--allow-shlib-undefined")
    subprocess.run(command, check=True)
    yield "start, LibTorch alone", cpu_seconds([folder / "start"], arguments.repeat)
    yield "start, res2clip version", cpu_seconds([arguments.prefix / "bin/res2clip", "version"], arguments.repeat)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prefix", type=Path)
    parser.add_argument("--torch", type=Path, help="the wheel's folder torch (default: beside PREFIX/lib/libtorch)")
    parser.add_argument("--header", default="res2clip/pipeline/pipeline.hpp")
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    arguments.torch = arguments.torch or (arguments.prefix / "lib/libtorch").resolve().parent
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    with tempfile.TemporaryDirectory() as name:
        for costs in (compile_costs, start_costs):
            first = None
            for what, seconds in costs(arguments, Path(name)):
                first = first or seconds
                print(f"{what:45} {seconds:6.2f} s CPU   {seconds / first:4.2f} x")


main()
