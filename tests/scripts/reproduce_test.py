"""scripts/reproduce.sh on miniatures of two of the paper's data sets, with weights by formula. Standard library only.

reproduce_test.py PROGRAM PROJECT FORMULA_CLIP
"""
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

PROGRAM, PROJECT, FORMULA_CLIP = (Path(argument).resolve() for argument in sys.argv[1:4])
sys.path.insert(0, str(PROJECT / "tests/app"))
from visa_layout import as_visa  # noqa: E402


class Reproduce(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.holder.name)
        for name, drawn, seed in (("mvtec", "mesh", 3), ("visa", "gear", 4)):
            subprocess.run([PROGRAM, "demo-data", "--output", cls.folder / name, "--classes", drawn, "--train", "4", "--good", "2",
                            "--defective", "1", "--size", "96", "--seed", str(seed), "-q"], check=True)
        as_visa(cls.folder / "visa", cls.folder / "visa/gear")
        cls.weights = cls.folder / "tiny.safetensors"
        subprocess.run([FORMULA_CLIP, "tiny", cls.weights], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def command(self, *more):
        return [str(part) for part in (PROJECT / "scripts/reproduce.sh", "--program", PROGRAM, "--weights", self.weights, "--mvtec",
                                       self.folder / "mvtec", "--image-size", 70, "--epochs", 1, *more)]

    def run_script(self, *more, code=0):
        result = subprocess.run(self.command(*more), capture_output=True, text=True)
        self.assertEqual(result.returncode, code, result.stderr)
        return result

    def test_everything_is_there_in_the_end_and_kept(self):
        output = self.folder / "all"
        options = ("--visa", self.folder / "visa", "--output", output)
        estimate = self.run_script(*options, "--estimate")
        self.assertRegex(estimate.stdout, r"(?s)mvtec +\d+\nvisa +\d+\nto encode: at most \d+ images of \d+\.\d\d s .*\ndisk: at most ")
        self.assertEqual(sorted(path.name for path in output.iterdir()), ["clip.pt", "recipe.txt"])
        # Killed on the way, it goes on.
        with subprocess.Popen(self.command(*options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as process:
            deadline = time.monotonic() + 300
            while not (output / "mvtec/table3").exists() and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.02)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=60)
        self.assertFalse((output / "report.html").exists())
        self.run_script(*options)
        expected = {"mvtec": ["fig7", "fine-tuned", "table11", "table2-fine-tuned", "table2-training-free", "table3",
                              "table4-fine-tuned", "table4-training-free", "training-free"],
                    "visa": ["fine-tuned", "table11", "table2-fine-tuned", "table2-training-free", "table3", "training-free"]}
        for name, sweeps in expected.items():
            self.assertEqual(sorted(path.name for path in (output / name).iterdir() if path.is_dir()), sweeps)
            for one in sweeps:
                self.assertTrue((output / name / one / "sweep.csv").is_file(), one)
                self.assertIn("I-AUROC", (output / name / f"{one}.txt").read_text())
        # Adapters are the other data set's (Sec. 4.1).
        for name, other in (("mvtec", "visa"), ("visa", "mvtec")):
            results = json.loads((output / name / "fine-tuned/shots=1,seed=111/results.json").read_text())
            self.assertIn(f"adapters-{other}/", results["provenance"]["checkpoint"]["path"])
            self.assertEqual(results["provenance"]["mode"], "fine_tuned")
        with open(output / "report.csv", newline="") as file:
            runs = {row["run"] for row in csv.DictReader(file)}
        self.assertEqual(len(runs), sum(1 for path in output.glob("*/*/*/results.json")))
        self.assertIn("</html>", (output / "report.html").read_text())
        # A second call encodes, trains and evaluates nothing.
        before = {path: path.stat().st_mtime_ns for path in output.rglob("*.cbor")} | {
            path: path.stat().st_mtime_ns for path in output.glob("adapters-*/*")}
        self.run_script(*options)
        self.assertEqual({path: path.stat().st_mtime_ns for path in before}, before)
        refused = self.run_script(*options, "--epochs", 2, code=1)
        self.assertIn("was made with other weights or options", refused.stderr)

    def test_without_the_auxiliary_data_nothing_is_fine_tuned_and_that_is_said(self):
        output, plans = self.folder / "alone", self.folder / "plans"
        plans.mkdir()
        for name in ("tables6-10", "table2-training-free", "table3", "table4-training-free", "table11", "fig7"):
            (plans / f"{name}.yaml").write_text("grid: {run.seed: [1]}\n")
        result = self.run_script("--output", output, "--plans", plans)
        self.assertIn("mvtec: nothing fine-tuned, because its adapters are trained on visa; name it with --visa", result.stderr)
        self.assertFalse((output / "mvtec/fine-tuned").exists())
        self.assertTrue((output / "report.html").is_file())

    def test_wrong_options_are_refused(self):
        for options, message in ((("--visa", self.folder / "nowhere"), "there is no"), (("--frobnicate",), "unknown option"),
                                 (("--output", self.folder / "mvtec"), "name a new folder")):
            self.assertIn(message, self.run_script(*options, code=1).stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
