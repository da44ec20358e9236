"""Programs must take the C++ library's functions from libstdc++: linkage_test.py PROGRAM...

LibTorch's libraries export old copies of some (std::filesystem among them). The loader takes the first library that has a
function, so libstdc++ must stand before them, and every reference must carry libstdc++'s version. Prints what does not.
"""
import re
import subprocess
import sys

# What replaces functions of the C++ library on purpose, in builds that look for faults.
SANITIZERS = re.compile(r"lib(asan|ubsan|tsan|lsan)\.so")
VERSIONED = re.compile(r"@+(GLIBCXX|CXXABI)_")


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def libraries(program):
    """Paths of all libraries that a program loads, in the order in which the loader searches them."""
    lines = output_of("ldd", program).splitlines()
    absent = [line.strip() for line in lines if "not found" in line]
    if absent:
        sys.exit(f"{program}: {absent}")
    return re.findall(r"=> (/\S+) \(", "\n".join(lines))


def symbols(path, which):
    """Names with versions of the dynamic symbols that a file defines or leaves undefined."""
    return [line.split()[-1] for line in output_of("nm", "-D", which, path).splitlines()]


def bare(symbol):
    return symbol.split("@")[0]


def faults(program):
    loaded = [path for path in libraries(program) if not SANITIZERS.search(path)]
    at = next(i for i, path in enumerate(loaded) if "libstdc++.so" in path)
    library = {bare(symbol) for symbol in symbols(loaded[at], "--defined-only")}
    wanted = [symbol for symbol in symbols(program, "--undefined-only") if bare(symbol) in library]
    if not wanted:
        yield f"{program}: uses nothing of {loaded[at]}, which cannot be"
    for symbol in wanted:
        if not VERSIONED.search(symbol):
            yield f"{program}: {symbol} carries no version of libstdc++"
    names = {bare(symbol) for symbol in wanted}
    for path in loaded[:at]:
        for name in sorted(names & {bare(symbol) for symbol in symbols(path, "--defined-only")}):
            yield f"{program}: takes {name} from {path}"


found = [fault for program in sys.argv[1:] for fault in faults(program)]
print("\n".join(found[:40]) if found else f"{len(sys.argv) - 1} program(s) take the C++ library from libstdc++")
sys.exit(bool(found))
