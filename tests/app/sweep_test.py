"""Sweeps: plans of many settings over features that are encoded once."""
import csv
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from program import FORMULA_CLIP, PROGRAM, PROJECT, ProgramTest, done, main, run

PLAN = """\
title: Two gammas, two seeds
runs:
  - {name: steep, set: {retrieval.gamma: 0.05}}
  - {name: text, set: {run.shots: 0}}
  - {name: small, set: {image.size: 96}}
grid: {run.seed: [111, 7]}
"""


class Sweep(ProgramTest):
    def plan(self, name, text):
        path = self.folder / f"{name}.yaml"
        path.write_text(text)
        return path

    def base(self, plan, output, *more):
        return ("sweep", plan, "--backbone", self.clip, "--data", self.data, "--classes", "mesh,gear", "--threads", 1, "-o", output,
                "-q", *more)

    def rows(self, output):
        with open(output / "sweep.csv", newline="") as file:
            return list(csv.DictReader(file))

    def test_runs_are_those_of_single_evaluations(self):
        output = self.folder / "swept"
        table = done(*self.base(self.plan("two", PLAN), output))
        self.assertTrue(table.startswith("Two gammas, two seeds\n"), table)
        self.assertIn("steep, 2 seeds", table)
        single = {"steep,seed=7": ("--set", "retrieval.gamma=0.05", "--seed", 7), "text,seed=111": ("--shots", 0),
                  "small,seed=111": ("--set", "image.size=96")}
        for name, options in single.items():
            alone = self.folder / f"alone-{name}"
            done("eval", "--backbone", self.clip, "--data", self.data, "--classes", "mesh,gear", "--threads", 1, "-q", "-o", alone,
                 *options)
            for file in ("results.csv", "scores.csv", "references.json"):
                self.assertEqual((output / name / file).read_bytes(), (alone / file).read_bytes(), f"{name}/{file}")
        rows = self.rows(output)
        self.assertEqual(len(rows), 6 * 3)  # two classes and their mean
        for row in rows:
            metrics = json.loads((output / row["run"] / "results.json").read_text())
            own = metrics["mean"] if row["class"] == "mean" else metrics["classes"][row["class"]]
            self.assertEqual(float(row["P-AP"]), own["metrics"]["P-AP"])
        small = next(row for row in rows if row["run"] == "small,seed=7")
        self.assertEqual((small["retrieval.gamma"], small["run.shots"], small["image.size"], small["run.seed"]),
                         ("0.01", "1", "96", "7"))

    def test_a_sweep_goes_on_where_it_was_killed(self):
        plan = self.plan("resumed", "grid: {retrieval.gamma: [0.01, 0.02, 0.05]}")
        whole, output = self.folder / "whole", self.folder / "resumed"
        done(*self.base(plan, whole))
        with subprocess.Popen([PROGRAM, *map(str, self.base(plan, output))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 120
            while len(list(output.glob("*/classes/0.cbor"))) < 3 and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.005)
            process.kill()
        kept = {path: path.stat().st_mtime_ns for path in output.glob("*/classes/0.cbor")}
        self.assertEqual(len(kept), 3)
        self.assertFalse((output / "sweep.csv").exists(), "killed too late to show anything")
        done(*self.base(plan, output))
        self.assertEqual({path: path.stat().st_mtime_ns for path in kept}, kept)  # not evaluated again
        self.assertEqual((output / "sweep.csv").read_bytes(), (whole / "sweep.csv").read_bytes())
        # Finished, nothing is encoded any more; and a longer plan adds only what is new.
        longer = self.plan("longer", "grid: {retrieval.gamma: [0.01, 0.02, 0.05, 0.1]}")
        done(*self.base(longer, output))
        self.assertEqual({path: path.stat().st_mtime_ns for path in kept}, kept)
        self.assertEqual(len(self.rows(output)), 4 * 3)
        # What decides results may not change under the same names.
        self.fails(2, "another evaluation", *self.base(plan, output, "--set", "scoring.top_fraction=0.1"))

    def test_a_damaged_record_is_made_again(self):
        plan, output = self.plan("damaged", "grid: {retrieval.gamma: [0.01, 0.02]}"), self.folder / "damaged"
        done(*self.base(plan, output))
        expected = (output / "sweep.csv").read_bytes()
        record = output / "gamma=0.02/classes/1.cbor"
        record.write_bytes(record.read_bytes()[:-20])
        done(*self.base(plan, output))
        self.assertEqual((output / "sweep.csv").read_bytes(), expected)

    def test_with_a_store_images_are_encoded_once_for_all_sweeps(self):
        plan, store = self.plan("stored", PLAN), self.folder / "sweep-store"
        done(*self.base(plan, self.folder / "stored-one", "--store", store))
        self.assertEqual(len([path for path in store.iterdir() if path.name.startswith("size-")]), 2)
        done(*self.base(plan, self.folder / "stored-two", "--store", store))
        self.assertEqual((self.folder / "stored-one/sweep.csv").read_bytes(), (self.folder / "stored-two/sweep.csv").read_bytes())

    def test_plans_that_do_not_fit_are_refused(self):
        base = ("sweep", "PLAN", "--backbone", "nowhere.pt", "--data", self.data, "-o", self.folder / "refused", "-q")
        for text, message in (("grid: {retrieval.gama: [1]}", "there is no setting 'retrieval.gama'"),
                              ("grid: {retrieval.gamma: [x]}", "retrieval.gamma is 'x'; it must be a number"),
                              ("grid: {data.root: [a]}", "data.root cannot be swept"),
                              ("grid: {run.output: [a]}", "run.output cannot be swept"),
                              ("title: none", "neither runs nor a grid"),
                              ("set: {run.references: first}\ngrid: {run.shots: [0]}", "run.shots 0 takes no references")):
            plan = self.plan("refused", text)
            self.fails(2, message, base[0], plan, *base[2:])
        self.fails(2, "No such file", base[0], self.folder / "none.yaml", *base[2:])
        plan = self.plan("refused", "grid: {run.seed: [1]}")
        result = run(base[0], plan, *base[2:], env=dict(os.environ, RANK="0", WORLD_SIZE="2"))
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("one process", result.stderr)

    def test_every_plan_of_the_paper_runs(self):
        """On a miniature with weights by formula and 24 blocks, and adapters of one training step."""
        weights, clip = self.folder / "tiny.safetensors", self.folder / "tiny.pt"
        subprocess.run([FORMULA_CLIP, "tiny", weights], check=True)
        done("export", "--weights", weights, "--output", clip, "--image-size", 70)
        data = self.folder / "mini"
        done("demo-data", "--output", data, "--classes", "mesh", "--train", 4, "--good", 2, "--defective", 1, "--seed", 3, "-q")
        trained = self.folder / "adapters"
        done("train", "--backbone", clip, "--data", data, "--output", trained, "--set", "train.epochs=1", "-q")
        plans = sorted((Path(PROJECT) / "configs/tables").glob("*.yaml"))
        self.assertGreaterEqual(len(plans), 10)
        for plan in plans:
            text = plan.read_text().replace("[336, 518, 700]", "[42, 70]").replace("run.seed: [111, 222, 333]", "run.seed: [111, 222]")
            output = self.folder / f"plan-{plan.stem}"
            more = ("--checkpoint", trained / "checkpoint.pth") if "fine-tuned" in plan.stem else ()
            table = done("sweep", self.plan(f"mini-{plan.stem}", text), "--backbone", clip, "--data", data, "-o", output, "-q", *more)
            rows = self.rows(output)
            self.assertEqual(len(rows), 2 * len({row["run"] for row in rows}), plan.stem)
            for row in rows:
                self.assertNotIn("", [row["I-AUROC"], row["P-AP"]], plan.stem)
                if row["AUPRO"] == "" and row["class"] != "mean":  # of weights that find nothing: released metrics may have none
                    reasons = json.loads((output / row["run"] / "results.json").read_text())["classes"][row["class"]]["reasons"]
                    self.assertIn("no region is overlapped", reasons["AUPRO"])
            self.assertIn(text.split("title: ")[1].split("\n")[0], table)
        # The settings reach the scores: no two rows of an ablation are alike.
        for stem in ("table2-training-free", "table2-fine-tuned", "table3", "table11"):
            scores = [(self.folder / f"plan-{stem}" / name / "scores.csv").read_bytes()
                      for name in {row["run"] for row in self.rows(self.folder / f"plan-{stem}")}]
            self.assertEqual(len(set(scores)), len(scores), stem)
        shutil.rmtree(trained)


if __name__ == "__main__":
    main()
