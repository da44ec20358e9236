"""The machine that is examined, and how programs of the archive run on it."""
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path


class Machine:
    def __init__(self, archive, work, libtorch, dry):
        self.work = work
        if not (work / "manifest.json").exists():
            self._unpack(archive)
        self.manifest = json.loads((work / "manifest.json").read_text())
        self.libtorch = libtorch or self._libtorch_of_python()
        self.gpu = None if dry else self._gpu()
        self.device = "cuda" if self.gpu else "cpu"
        self.program = work / "build/res2clip"
        self.source = work / "source"
        self.environment = self._environment()

    def describe(self):
        return {"device": self.gpu or "none: a dry run on the processor", "cores": os.cpu_count(),
                "program": self.manifest["version"].splitlines()[0], "LibTorch": str(self.libtorch),
                "folders packed": ", ".join(self.manifest["more"]) or "none"}

    def programs(self, pattern):
        return [self.work / "build" / name for name in self.manifest["programs"] if Path(name).match(pattern)]

    def run(self, command, timeout, environment=None):
        """Runs a command, with the archive's libraries unless told otherwise: exit code (124 if it took too long), output, errors,
        seconds."""
        start = time.monotonic()
        try:
            done = subprocess.run([str(word) for word in command], env=environment or self.environment, timeout=timeout,
                                  capture_output=True, text=True, errors="replace", cwd=self.work)
            code, output, errors = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            code, output, errors = 124, *((text or b"").decode(errors="replace") for text in (late.stdout, late.stderr))
        return code, output, errors, time.monotonic() - start

    def res2clip(self, *arguments, timeout=300):
        return self.run([self.program, *arguments], timeout)

    def must(self, *arguments, timeout=300):
        """Runs the program where all that follows needs its result."""
        code, output, errors, seconds = self.res2clip(*arguments, timeout=timeout)
        if code != 0:
            raise RuntimeError(f"res2clip {' '.join(map(str, arguments))}: exit code {code}: {(errors or output)[-400:]}")
        return output, seconds

    def _unpack(self, archive):
        if not archive.is_file():
            sys.exit(f"{archive}: there is no such file; make it with `gpu_acceptance.sh pack` where the CUDA form is built")
        self.work.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as tar:
            names = [member for member in tar.getmembers() if member.name != "manifest.json"]
            tar.extractall(self.work, members=names)
            tar.extract("manifest.json", self.work)  # last: whole only now

    @staticmethod
    def _libtorch_of_python():
        code = "import importlib.util as u, os; print(os.path.dirname(os.path.dirname(u.find_spec('torch').origin)))"
        found = subprocess.run(["python3", "-c", code], capture_output=True, text=True)
        if found.returncode != 0:
            sys.exit("python3 has no torch; name the folder that holds torch and nvidia with --libtorch")
        return Path(found.stdout.strip())

    @staticmethod
    def _gpu():
        try:
            told = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"],
                                  capture_output=True, text=True)
        except FileNotFoundError:
            return None
        return told.stdout.strip().splitlines()[0] if told.returncode == 0 and told.stdout.strip() else None

    def _environment(self):
        libraries = [self.work / "lib", self.libtorch / "torch/lib", *sorted(self.libtorch.glob("nvidia/*/lib"))]
        environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries)), "OMP_WAIT_POLICY": "passive",
                       "RES2CLIP_TEST_DATA": str(self.source / "tests/data"),
                       "RES2CLIP_TRAIN_DRIVER": str(self.work / "build/tests/train/train_driver")}
        if "fixtures" in self.manifest["more"]:
            environment["RES2CLIP_FIXTURES"] = str(self.work / "more/fixtures")
        return environment
