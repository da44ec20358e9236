"""What the installed package is to other projects: package_test.py SETTINGS.json

Installs the build into a scratch folder, moves the prefix, and configures, builds and runs projects on it: that of
docs/library.md, the examples in C and Python, and one that goes without the library.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SETTINGS = json.loads(Path(sys.argv.pop(1)).read_text())
PROJECT, BUILD = Path(SETTINGS["project"]), Path(SETTINGS["build"])
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(PROJECT / "tests/app"))
from png import rows_of  # noqa: E402

SIZE = 160


def run(*command, expect=0, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert expect is None or result.returncode == expect, f"{command}\nended with {result.returncode}:\n{result.stdout}{result.stderr}"
    return result


def block(language):
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", (PROJECT / "docs/library.md").read_text(), re.M | re.S)
    return text


def raw(path):
    return b"".join(bytes(row) for row in rows_of(path))


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.holder.cleanup)
        cls.folder = Path(cls.holder.name)
        run("cmake", "--install", BUILD, "--prefix", cls.folder / "first")
        cls.prefix = (cls.folder / "first").rename(cls.folder / "moved")
        cls.libraries = cls.prefix / SETTINGS["libdir"]
        (cls.libraries / "libtorch").symlink_to(SETTINGS["libtorch_libraries"])
        program = cls.prefix / "bin/res2clip"
        run(program, "demo-data", "--output", cls.folder / "data", "--classes", "gear", "--train", 6, "--good", 2, "--defective", 2,
            "--size", SIZE, "-q")
        run(program, "export", "--weights", PROJECT / "models/demo-clip.safetensors", "--output", cls.folder / "clip.pt", "--image-size", 128)
        good = sorted((cls.folder / "data/gear/train/good").glob("*.png"))
        cls.tested = sorted((cls.folder / "data/gear/test").glob("*/*.png"))
        cls.frames = [raw(path) for path in (*good, *cls.tested)]
        # What the program says of the same images.
        run(program, "bank", "--backbone", cls.folder / "clip.pt", "--reference", good[0].parent, "--output", cls.folder / "program.bank", "-q")
        lines = run(program, "infer", "--backbone", cls.folder / "clip.pt", "--bank", cls.folder / "program.bank", "--json", "-q",
                    *cls.tested).stdout.splitlines()
        cls.expected = [cls.line(json.loads(line)) for line in lines]

    @staticmethod
    def line(record):
        box = record["box"]
        return (f"{record['score']:.4f} {record['threshold']:.4f} {record['verdict']} "
                f"{box['x']},{box['y']} {box['width']}x{box['height']}")

    def configure(self, source, *arguments, expect=0, torch=True):
        build = Path(tempfile.mkdtemp(dir=self.folder))
        own = [f"-DCMAKE_CXX_COMPILER={SETTINGS['compiler']}", "-DCMAKE_BUILD_TYPE=Release",
               f"-DCMAKE_PREFIX_PATH={self.prefix};{SETTINGS['prefix_path']}"]
        own += [f"-DRES2CLIP_LIBTORCH={SETTINGS['libtorch']}"] if torch else []
        result = run("cmake", "-G", "Ninja", "-S", source, "-B", build, *own, *arguments, expect=expect)
        return build, result.stdout + result.stderr

    def project(self, lists, **files):
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "CMakeLists.txt").write_text(lists)
        for name, text in files.items():
            (folder / f"{name}.cpp").write_text(text)
        return folder

    def inspect(self, *program):
        """Twice: with good parts in front, and with the bank that was kept."""
        with tempfile.TemporaryDirectory() as name:
            bank = Path(name) / "part.bank"
            arguments = [str(a) for a in (*program, self.folder / "clip.pt", bank, SIZE, SIZE)]
            for frames in (self.frames, self.frames[6:]):
                result = subprocess.run(arguments, input=b"".join(frames), capture_output=True, cwd=name)
                self.assertEqual(result.returncode, 0, result.stderr.decode())
                self.assertEqual(result.stdout.decode().splitlines(), self.expected)
            overlays = len(list(Path(name).glob("frame*.png")))
            broken = subprocess.run([*arguments[:-4], str(self.folder / "absent.pt"), *arguments[-3:]], input=b"", capture_output=True, cwd=name)
            self.assertEqual(broken.returncode, 3)
            self.assertIn("absent.pt: there is no such file", broken.stderr.decode())
            self.assertEqual(len(broken.stderr.decode().splitlines()), 1)
        return overlays

    def test_the_programs_say_different_things_of_different_images(self):
        self.assertEqual(len(self.expected), len(self.tested))
        self.assertGreater(len(set(self.expected)), len(self.tested) // 2)

    def test_the_guides_program_gives_the_programs_verdicts(self):
        source = self.project(block("cmake"), main=block("cpp"))
        build, _ = self.configure(source)
        run("cmake", "--build", build)
        drawn = self.inspect(build / "inspect")
        self.assertEqual(drawn, sum(" anomalous " in line for line in self.expected))
        run(sys.executable, HERE / "linkage_test.py", build / "inspect", self.prefix / "bin/res2clip", self.libraries / "libres2clip_c.so")

    @unittest.skipUnless(shutil.which("clang++"), "clang++ is not installed")
    def test_clang_builds_the_guides_programs_too(self):
        build, _ = self.configure(self.project(block("cmake"), main=block("cpp")), "-DCMAKE_CXX_COMPILER=clang++")
        run("cmake", "--build", build)
        self.inspect(build / "inspect")
        self.inspect(self.built_example("clang"))

    def test_another_project_builds_and_runs_with_the_installed_library(self):
        build, _ = self.configure(HERE / "consumer")
        run("cmake", "--build", build)
        self.assertRegex(run(build / "consumer").stdout, r"res2clip [0-9.]+\nnowhere\.pt: there is no such file")

    def built_example(self, compiler):
        program = self.folder / f"inspect_by_{compiler}"
        library = self.libraries / "libres2clip_c.so"
        run(compiler, "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", PROJECT / "examples/c/inspect.c", "-o", program,
            f"-I{self.prefix / 'include'}", library, f"-Wl,-rpath,{self.libraries}", f"-Wl,-rpath-link,{SETTINGS['libtorch_libraries']}",
            "-Wl,--allow-shlib-undefined")
        return program

    def test_the_example_in_c_gives_the_programs_verdicts(self):
        self.inspect(self.built_example("cc"))

    def test_the_example_in_python_gives_the_programs_verdicts(self):
        self.inspect(sys.executable, PROJECT / "examples/python/inspect_frames.py", self.libraries / "libres2clip_c.so")

    def test_the_c_library_exports_its_functions_alone(self):
        symbols = run("nm", "-D", "--defined-only", "--extern-only", self.libraries / "libres2clip_c.so").stdout.splitlines()
        exported = {line.split()[-1] for line in symbols}
        header = (self.prefix / "include/res2clip/c.h").read_text()
        declared = set(re.findall(r"\b(res2clip_\w+)\(", header))
        self.assertEqual(exported, declared)

    def test_nothing_installed_names_a_folder_of_the_builder(self):
        folders = [str(PROJECT), str(BUILD), SETTINGS["libtorch"], str(Path.home()), str(self.folder / "first")]
        texts = [p for p in self.prefix.rglob("*") if p.suffix in {".cmake", ".pc", ".h", ".hpp"} and p.is_file()]
        self.assertTrue(any(p.suffix == ".pc" for p in texts) and any(p.name == "res2clipTargets.cmake" for p in texts))
        for path in texts:
            for folder in folders:
                self.assertNotIn(folder, path.read_text(), path)
        for binary in (self.prefix / "bin/res2clip", self.libraries / "libres2clip_c.so"):
            paths = re.findall(r"\(R(?:UN)?PATH\).*\[(.*)\]", run("readelf", "-d", binary).stdout)
            self.assertTrue(paths, binary)
            for path in ":".join(paths).split(":"):
                self.assertTrue(not path or path.startswith("$ORIGIN/"), f"{binary}: {path}")

    def test_installed_headers_include_only_installed_ones(self):
        headers = [p for p in (self.prefix / "include").rglob("*") if p.suffix in {".h", ".hpp"}]
        self.assertGreater(len(headers), 20)
        for header in headers:
            for included in re.findall(r'#include "(res2clip/[^"]+)"', header.read_text()):
                self.assertTrue((self.prefix / "include" / included).is_file(), f"{header} includes {included}")

    def test_the_version_is_one(self):
        (text,) = re.findall(r'RES2CLIP_VERSION "(.*)"', (self.prefix / "include/res2clip/version.h").read_text())
        numbers = re.findall(r"RES2CLIP_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", (self.prefix / "include/res2clip/version.h").read_text())
        self.assertEqual(".".join(numbers), text)
        self.assertIn(text, run(self.prefix / "bin/res2clip", "version").stdout)

    WITHOUT = """cmake_minimum_required(VERSION 3.16)
project(without LANGUAGES CXX)
find_package(res2clip QUIET {components})
message(STATUS "found: ${{res2clip_FOUND}}")
message(STATUS "reason: ${{res2clip_NOT_FOUND_MESSAGE}}")
"""

    def test_a_project_may_go_without_the_library(self):
        source = self.project(self.WITHOUT.format(components=""))
        _, output = self.configure(source, "-DRES2CLIP_LIBTORCH=/nowhere", torch=False)
        self.assertRegex(output, "found: (0|FALSE)\n")
        self.assertRegex(output, "reason: res2clip: no LibTorch in /nowhere")
        self.assertNotRegex(output, "-- res2clip")
        required = self.project(self.WITHOUT.format(components="").replace("QUIET", "REQUIRED"))
        _, output = self.configure(required, "-DRES2CLIP_LIBTORCH=/nowhere", torch=False, expect=1)
        self.assertRegex(re.sub(r"\s+", " ", output), "no LibTorch in /nowhere")

    def test_components_are_the_rooms(self):
        _, output = self.configure(self.project(self.WITHOUT.format(components="COMPONENTS pipeline c")))
        self.assertRegex(output, "found: (1|TRUE)")
        _, output = self.configure(self.project(self.WITHOUT.format(components="COMPONENTS pipeline cellar")))
        self.assertRegex(output, "found: (0|FALSE)\n")
        self.assertIn("res2clip has no component cellar. It has: core", output)

    LEAKS = """cmake_minimum_required(VERSION 3.16)
project(leaks LANGUAGES CXX)
set(before "")
set(variable "")
get_cmake_property(names VARIABLES)
foreach(variable IN LISTS names)
  set("before_${variable}" "${${variable}}")
endforeach()
list(APPEND names before names name variable all)
find_package(res2clip REQUIRED)
get_cmake_property(all VARIABLES)
foreach(name IN LISTS all)
  if(name MATCHES "^before_" OR name MATCHES "res2clip|RES2CLIP")
    continue()
  elseif(NOT name IN_LIST names)
    get_property(cached CACHE "${name}" PROPERTY TYPE)
    if(NOT cached)
      message(STATUS "new: ${name}")
    endif()
  elseif(DEFINED "before_${name}" AND NOT "${${name}}" STREQUAL "${before_${name}}")
    message(STATUS "changed: ${name}")
  endif()
endforeach()
message(STATUS "looked at ${res2clip_FOUND}")
"""

    def test_find_package_changes_no_variable_of_the_caller(self):
        _, output = self.configure(self.project(self.LEAKS), "-DCMAKE_INSTALL_RPATH=mine", "-DRES2CLIP_CUDA=mine")
        self.assertRegex(output, "looked at (1|TRUE)")
        seen = set(re.findall(r"(?:new|changed): (\S+)", output))
        # What CMake itself, and its search for LibTorch, note down; and what this project sets.
        own = {name for name in seen if re.match(r"(CMAKE_(FIND_PACKAGE|MATCH)_|PACKAGE_|FIND_PACKAGE_|Torch_(FOUND|CONSIDERED_))|(name|variable)$", name)}
        self.assertEqual(seen - own, set())

    def test_another_libtorch_is_refused(self):
        wheel = self.folder / "other/torch"
        (wheel / "lib").mkdir(parents=True)
        (wheel / "lib/libtorch_cpu.so").touch()
        header = wheel / "include/torch/csrc/api/include/torch/version.h"
        header.parent.mkdir(parents=True)
        package = wheel / "share/cmake/Torch/TorchConfig.cmake"
        package.parent.mkdir(parents=True)
        own = re.sub(r"[^0-9.].*", "", SETTINGS["libtorch_version"])
        for version, abi in (("2.5.1", 1), (own, 0)):
            header.write_text("".join(f"#define TORCH_VERSION_{name} {number}\n" for name, number in zip(("MAJOR", "MINOR", "PATCH"), version.split("."))))
            package.write_text(f'set(TORCH_CXX_FLAGS "-D_GLIBCXX_USE_CXX11_ABI={abi}")\n')
            source = self.project(self.WITHOUT.format(components=""))
            _, output = self.configure(source, f"-DRES2CLIP_LIBTORCH={wheel.parent}", torch=False)
            self.assertRegex(output, "found: (0|FALSE)\n")
            self.assertRegex(output, rf"built with LibTorch {re.escape(own)} .*holds {re.escape(version)} \(C\+\+11 ABI: {abi}\)")


if __name__ == "__main__":
    unittest.main()
