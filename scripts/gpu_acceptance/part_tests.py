"""The machine itself, the tests of all rooms on it, and compute-sanitizer."""
import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

from report import line, outcome

DEVICE_TESTS = "*cuda*:*Cuda*:*CUDA*:*Nccl*"
# Under compute-sanitizer everything is slow: these tests launch every form of the kernels on small shapes.
SANITIZED = {"retrieval": {"memcheck": "*cuda*", "initcheck": "*cuda*", "synccheck": "*cuda*", "racecheck": "*SmallShapes*cuda*"},
             "clip": dict.fromkeys(("memcheck", "initcheck", "synccheck", "racecheck"), "*BackboneOn*cuda*")}


def machine(one):
    yield "libraries", lambda: libraries(one)
    yield "doctor", lambda: doctor(one)


def libraries(one):
    """Every library is found here, and those that the archive brought are the ones that are loaded."""
    absent = {}
    for program in one.programs("*"):
        for name in re.findall(r"(\S+) => not found", one.run(["ldd", program], 60)[1]):
            absent.setdefault(name, program.name)
    return [outcome("every program finds its libraries", not absent, ", ".join(f"{k} of {v}" for k, v in absent.items()))]


def doctor(one):
    code, output, errors, seconds = one.res2clip("doctor", timeout=180)
    lines = [line(text.strip(), figure=None) for text in output.splitlines() if text.startswith(("cuda", "self-check"))]
    devices = output.count("matching on cuda")
    return [outcome("doctor finds the build right", code == 0, errors.strip()[-200:]),
            outcome("on every GPU of the machine", devices > 0 or not one.gpu), line("seconds", seconds, "s"), *lines]


def tests_of(one, programs, pattern, timeout):
    """Runs test programs side by side."""
    with ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // 4)) as pool:
        return list(pool.map(lambda program: verdict(one, program, pattern, timeout), programs))


def verdict(one, program, pattern, timeout):
    report = one.work / f"{program.name}.json"
    report.unlink(missing_ok=True)
    code, output, errors, _ = one.run([program, f"--gtest_filter={pattern}", f"--gtest_output=json:{report}"], timeout)
    if code == 124 or not report.exists():
        last = re.findall(r"\[ RUN      \] (\S+)", output)
        why = f"took more than {timeout} s" if code == 124 else f"ended with {code}"
        return outcome(program.name, False, f"{why} in {last[-1] if last else 'its start'}: {errors[-200:]}".replace("\n", " "))
    tests = [test for suite in json.loads(report.read_text())["testsuites"] for test in suite["testsuite"]]
    failed = [f"{test['classname']}.{test['name']}" for test in tests if test.get("failures")]
    skipped = sum(test.get("result") == "SKIPPED" for test in tests)
    remark = f"{len(tests) - skipped} ran, {skipped} skipped" + "".join(f"; {name}" for name in failed[:6])
    return outcome(program.name, code == 0 and not failed, remark)


def device_tests(one):
    """What runs on a GPU, and nothing else."""
    yield "on the GPU", lambda: tests_of(one, one.programs("tests/*/test_*"), DEVICE_TESTS, 300)


def all_tests(one):
    if not one.gpu:
        return  # ctest runs them where there is none
    yield "rooms", lambda: tests_of(one, one.programs("tests/*/test_*"), "*", 420)
    for part in ("program", "evaluation", "training"):
        yield part, lambda part=part: command_line(one, part)


def command_line(one, part):
    code, output, errors, seconds = one.run(
        ["python3", one.source / f"tests/app/{part}_test.py", one.program, one.source, one.work / "build/tests/tools/formula_clip"], 420)
    return [outcome("behaves on the command line", code == 0, (output + errors)[-300:].replace("\n", " ") if code else ""),
            line("seconds", seconds, "s")]


def sanitizer(one):
    tool = shutil.which("compute-sanitizer") or shutil.which("/usr/local/cuda/bin/compute-sanitizer")
    for room, tools in SANITIZED.items():
        for name, pattern in tools.items():
            yield f"{name} of {room}", lambda a=(room, name, pattern): sanitized(one, tool, *a)


def sanitized(one, tool, room, name, pattern):
    if not one.gpu or not tool:
        return [line("not run", remark="no GPU" if not one.gpu else "no compute-sanitizer on the PATH")]
    program = one.work / f"build/tests/{room}/test_{room}"
    code, output, errors, seconds = one.run([tool, "--tool", name, program, f"--gtest_filter={pattern}"], 240)
    ran = len(re.findall(r"\[       OK", output))
    summary = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: .*", output + errors)
    clean = bool(summary) and re.search(r"SUMMARY: 0 (errors|hazards)", summary[-1])
    return [outcome("finds nothing", code == 0 and ran > 0 and clean, f"{ran} tests; {summary[-1] if summary else f'exit code {code}'}"),
            line("seconds", seconds, "s")]
