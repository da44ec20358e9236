"""What the tests of the program share: calling it, and a drawn data set with a backbone. Standard library only.

Each test file is called as FILE PROGRAM PROJECT FORMULA_CLIP.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, PROJECT, FORMULA_CLIP = sys.argv[1:4]


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, **options)


def done(*arguments, **options):
    result = run(*arguments, **options)
    assert result.returncode == 0, f"{arguments}\n{result.stderr}"
    return result.stdout


class ProgramTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.holder.name)
        cls.data = cls.folder / "data"
        done("demo-data", "--output", cls.data, "--classes", "mesh", "leather", "gear", "--train", 2, "--good", 4,
             "--defective", 3, "--seed", 5, "-q")
        cls.clip = cls.folder / "clip.pt"
        done("export", "--weights", Path(PROJECT) / "models/demo-clip.safetensors", "--output", cls.clip, "--image-size", 128)
        cls.good = cls.data / "mesh/train/good"
        cls.part = next(p for p in sorted((cls.data / "mesh/test").glob("*/*.png")) if p.parent.name != "good")

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def fails(self, code, text, *arguments, **options):
        result = run(*arguments, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(text, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, "one line: " + result.stderr)

    def means(self, *arguments, data=None):
        output = self.folder / "bounds"
        shutil.rmtree(output, ignore_errors=True)
        done("eval", "--data", data or self.data, "--output", output, "-q", *arguments)
        return json.loads((output / "results.json").read_text())["mean"]["metrics"]

    def processes(self, count, *arguments, started=None):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        return [subprocess.Popen([PROGRAM, *map(str, arguments)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                 env=dict(os.environ, RANK=str(rank), WORLD_SIZE=str(count), MASTER_PORT=port))
                for rank in range(count if started is None else started)]


def main():
    unittest.main(argv=sys.argv[:1], verbosity=2)
