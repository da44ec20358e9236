"""The program as its users call it: results, exit codes, messages, interruptions. Standard library only.

program_test.py PROGRAM PROJECT FORMULA_CLIP
"""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

PROGRAM, PROJECT, FORMULA_CLIP = sys.argv[1:4]


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, **options)


def done(*arguments, **options):
    result = run(*arguments, **options)
    assert result.returncode == 0, f"{arguments}\n{result.stderr}"
    return result.stdout


class Program(unittest.TestCase):
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

    def means(self, *arguments):
        output = self.folder / "bounds"
        done("eval", "--data", self.data, "--output", output, "-q", *arguments)
        return json.loads((output / "results.json").read_text())["mean"]["metrics"]

    # Measured: P-AUROC 0.989, P-AP 0.630, AUPRO 0.827 trained; 0.917, 0.344, 0.558 with weights that mean nothing
    # (whose image scores, on so few pictures, are as good: I-AUROC 0.917 both).
    def test_the_demo_backbone_finds_defects_that_formula_weights_do_not(self):
        trained = self.means("--backbone", self.clip)
        self.assertGreater(trained["I-AUROC"], 0.85)
        self.assertGreater(trained["P-AUROC"], 0.97)
        self.assertGreater(trained["P-AP"], 0.55)
        self.assertGreater(trained["AUPRO"], 0.75)
        weights, control = self.folder / "formula.safetensors", self.folder / "formula.pt"
        subprocess.run([FORMULA_CLIP, "tiny", weights], check=True)
        done("export", "--weights", weights, "--output", control, "--image-size", 126)
        random = self.means("--backbone", control)
        self.assertGreater(trained["P-AUROC"], random["P-AUROC"] + 0.04)
        self.assertGreater(trained["P-AP"], random["P-AP"] + 0.15)
        self.assertGreater(trained["AUPRO"], random["AUPRO"] + 0.15)

    def test_an_evaluation_runs_again_from_its_settings(self):
        first, second = self.folder / "first", self.folder / "second"
        done("eval", "--backbone", self.clip, "--data", self.data, "--output", first, "--shots", 2, "-q")
        done("eval", "--config", first / "settings.yaml", "--output", second, "--batch-size", 3, "--store",
             self.folder / "eval-store", "-q")
        for name in ("results.csv", "scores.csv", "references.json"):
            self.assertEqual((first / name).read_bytes(), (second / name).read_bytes(), name)

    def processes(self, count, *arguments):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        return [subprocess.Popen([PROGRAM, *map(str, arguments)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                 env=dict(os.environ, RANK=str(rank), WORLD_SIZE=str(count), MASTER_PORT=port))
                for rank in range(count)]

    def test_several_processes_evaluate_what_one_does(self):
        one, three = self.folder / "one", self.folder / "three"
        command = ["eval", "--backbone", self.clip, "--data", self.data, "--threads", 1]
        table = done(*command, "--output", one, "-q")
        outputs = [(p.communicate(timeout=120), p.returncode) for p in
                   self.processes(3, *command, "--output", three, "--store", self.folder / "shared-store")]
        self.assertEqual([code for _, code in outputs], [0, 0, 0], outputs)
        self.assertEqual([texts[0] for texts, _ in outputs], [table, "", ""])
        for name in ("results.csv", "scores.csv", "references.json"):
            self.assertEqual((one / name).read_bytes(), (three / name).read_bytes(), name)

    def test_a_process_that_dies_ends_the_evaluation_of_the_others(self):
        output, store = self.folder / "deserted", self.folder / "deserted-store"
        first, second = self.processes(2, "eval", "--backbone", self.clip, "--data", self.data, "--output", output,
                                       "--threads", 1, "--store", store)
        deadline = time.monotonic() + 60
        while not (store / "store.json").exists() and time.monotonic() < deadline:  # made once all have met
            time.sleep(0.01)
        second.kill()
        second.communicate()
        messages = first.communicate(timeout=120)[1]
        self.assertEqual(first.returncode, 1, messages)
        self.assertIn("lost another process", messages)
        self.assertFalse((output / "results.json").exists())

    def test_infer_prints_json_lines_and_writes_maps(self):
        maps = self.folder / "maps"
        lines = done("infer", "--backbone", self.clip, "--reference", self.good, "--output", maps, "--json",
                     "--threshold", 0.1, self.part).splitlines()
        self.assertEqual(len(lines), 1)
        record = json.loads(lines[0])
        self.assertLessEqual({"path", "score", "text", "visual", "residual", "box", "anomalous"}, set(record))
        self.assertTrue(record["anomalous"])
        self.assertEqual((maps / f"{self.part.stem}.png").read_bytes()[:4], b"\x89PNG")
        self.assertEqual((maps / f"{self.part.stem}.npy").read_bytes()[:6], b"\x93NUMPY")

    def test_a_bank_and_paths_on_standard_input_give_the_same_scores(self):
        bank = self.folder / "mesh.bank"
        done("bank", "--backbone", self.clip, "--reference", self.good, "--output", bank)
        direct = done("infer", "--backbone", self.clip, "--reference", self.good, "--json", "-q", "--", self.part)
        kept = done("infer", "--backbone", self.clip, "--bank", bank, "--json", "-q", "-", input=f"{self.part}\n")
        self.assertEqual(json.loads(direct)["score"], json.loads(kept)["score"])

    def test_an_image_that_cannot_be_read_does_not_stop_the_others(self):
        broken = self.folder / "broken.png"
        broken.write_text("no picture")
        result = run("infer", "--backbone", self.clip, "--reference", self.good, "--json", "--", broken, self.part)
        self.assertEqual(result.returncode, 3)
        records = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([("error" in r, "score" in r) for r in records], [(True, False), (False, True)])

    def test_training_interrupted_and_resumed_gives_the_same_bytes(self):
        store, whole, parts = self.folder / "store", self.folder / "whole", self.folder / "parts"
        command = ["train", "--backbone", self.clip, "--data", self.data, "--store", store, "--epochs", 6,
                   "--batch-size", 4, "-q", "--threads", 1]
        done(*command, "--output", whole)
        with subprocess.Popen([PROGRAM, *map(str, command), "--output", str(parts)], stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 60
            while not (parts / "log.jsonl").exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            message = process.stderr.read()
        self.assertEqual(process.returncode, 1, message)
        self.assertIn("--resume", message)
        self.fails(2, "--resume", *command, "--output", parts)
        done(*command, "--output", parts, "--resume")
        for name in ("checkpoint.pth", "pairs.jsonl", "log.jsonl"):
            self.assertEqual((whole / name).read_bytes(), (parts / name).read_bytes(), name)
        scores = self.means("--backbone", self.clip, "--checkpoint", parts / "checkpoint.pth", "--store", store)
        self.assertGreater(scores["P-AUROC"], 0.85)

    def test_wrong_input_is_one_line_and_the_right_code(self):
        base = ("infer", "--backbone", self.clip, "--reference", self.good)
        self.fails(3, "nowhere.pt", "infer", "--backbone", "nowhere.pt", "--reference", self.good, "--", self.part)
        self.fails(2, "--reference", "infer", "--backbone", self.clip, self.part)
        self.fails(2, "retrieval.gama", *base, "--set", "retrieval.gama=1", "--", self.part)
        self.fails(2, "multiple of 8", *base, "--set", "image.size=130", "--", self.part)
        self.fails(3, "nowhere", "eval", "--backbone", self.clip, "--data", "nowhere")
        self.fails(2, "--data", "eval", "--backbone", self.clip)
        self.fails(3, str(self.part), "export", "--weights", self.part, "--output", self.folder / "x.pt")
        self.fails(2, "precision", *base, "--precision", "fp8", "--", self.part)
        self.assertFalse((self.folder / "x.pt").exists())
        self.assertEqual(run("evil").returncode, 2)
        self.assertEqual(run("infer", "--no-such-option").returncode, 2)

    def test_output_that_cannot_be_written_is_an_error(self):
        if os.geteuid() == 0:
            target = Path("/proc/results")
        else:
            target = Path("/results")
        result = run("eval", "--backbone", self.clip, "--data", self.data, "--output", target, "-q")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn(str(target), result.stderr)

    def test_prepare_writes_a_meta_file_that_evaluates_alike(self):
        done("prepare", "--dataset", "mvtec", "--data", self.data)
        plain, meta = self.folder / "plain", self.folder / "meta"
        done("eval", "--backbone", self.clip, "--data", self.data, "--output", plain, "-q")
        done("eval", "--backbone", self.clip, "--dataset", "meta", "--data", self.data, "--output", meta, "-q")
        self.assertEqual((plain / "results.csv").read_bytes(), (meta / "results.csv").read_bytes())

    def test_helpful_commands_help(self):
        self.assertIn("self-check", done("doctor"))
        self.assertIn("res2clip", done("version"))
        self.assertIn("retrieval", done("settings"))
        self.assertIn("infer", done("completion", "bash"))
        for command in ("export", "prepare", "bank", "infer", "eval", "train", "bench", "demo-data"):
            self.assertIn("Example", done(command, "--help"), command)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
