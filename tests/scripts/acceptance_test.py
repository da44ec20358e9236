"""Packs a CUDA build and runs its acceptance dry, in two goes: acceptance_test.py SOURCE_FOLDER BUILD_FOLDER LIBTORCH."""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

source, build, libtorch = (Path(argument) for argument in sys.argv[1:4])
SCRIPT = source / "scripts/gpu_acceptance.sh"
PARTS = {"machine", "tests", "weights", "bench", "processor", "infer", "train", "processes", "memory", "sanitizer"}


class Acceptance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.scratch.name)
        cls.archive = cls.folder / "pack.tar"
        further = cls.folder / "further"
        further.mkdir()
        (further / "kept").write_text("kept")
        (further / "left.out").write_text("left out")
        cls.packed = subprocess.run([SCRIPT, "pack", "--build", build, "--output", cls.archive, "--with", further, "--without", "*.out"],
                                    capture_output=True, text=True)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def run_there(self, *more):
        return subprocess.run([SCRIPT, "run", "--dry", "--archive", self.archive, "--work", self.folder / "work", "--output",
                               self.folder / "report", "--libtorch", libtorch, *more], capture_output=True, text=True)

    def report(self):
        return json.loads((self.folder / "report/report.json").read_text())

    def test_1_packs_all_rooms_and_libraries(self):
        self.assertEqual(self.packed.returncode, 0, self.packed.stderr)
        listed = subprocess.run(["tar", "-tf", self.archive], capture_output=True, text=True).stdout
        for program in ("build/res2clip", "build/tests/core/test_core", "build/tests/retrieval/test_retrieval",
                        "build/tests/train/train_driver", "build/tests/tools/formula_clip"):
            self.assertIn(program, listed)
        self.assertIn("more/further/kept", listed)
        self.assertNotIn("left.out", listed)
        self.assertNotIn("libtorch", listed)

    def test_2_stops_at_its_limit_and_goes_on(self):
        stopped = self.run_there("--limit", "0.001")
        self.assertEqual(stopped.returncode, 1, stopped.stdout + stopped.stderr)
        self.assertIn("the same command goes on", stopped.stdout)
        self.assertIn("weights", self.report()["unfinished"])
        first = self.report()["lines"]

        whole = self.run_there()
        self.assertEqual(whole.returncode, 0, whole.stdout + whole.stderr)
        report = self.report()
        self.assertEqual((report["failed"], report["unfinished"]), (0, []), whole.stdout)
        self.assertEqual({line["part"] for line in report["lines"]}, PARTS)
        self.assertEqual(report["lines"][:len(first)], first, "what was found is kept")
        self.assertIn("dry run", report["machine"]["device"])
        self.assertIn("| bench, fp32, batch 1: encode and detect, 4 shot(s) |", (self.folder / "report/report.md").read_text())

        again = self.run_there()
        self.assertNotIn("[0 s]", again.stdout, "nothing is run twice")

    def test_3_a_failure_is_a_failure(self):
        (self.folder / "work/demo.clip.pt").write_bytes(b"damaged")
        broken = self.run_there("--again", "train")
        self.assertEqual(broken.returncode, 1, broken.stdout)
        self.assertIn("FAILED", broken.stdout)
        self.assertIn("**FAIL**", (self.folder / "report/report.md").read_text())

    def test_4_an_unknown_part_is_named(self):
        wrong = self.run_there("test")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("there is no part test", wrong.stderr)


sys.argv[1:] = []
unittest.main()
