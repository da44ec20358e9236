"""Takes the README at its word.

readme.py example README OUTPUT.cpp      writes the library example
readme.py run README PROGRAM EXAMPLE     runs every ```sh block in a folder with the files that it speaks of
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def blocks(readme, language):
    return re.findall(rf"^```{language}\n(.*?)^```", Path(readme).read_text(), re.MULTILINE | re.DOTALL)


def write_example(readme, output):
    (example,) = blocks(readme, "cpp")
    Path(output).write_text(example)


def expect(true, what):
    if not true:
        sys.exit(f"the README's commands {what}")


def check_products(folder, pictures):
    products = [f"maps/{picture.stem}.{kind}" for picture in pictures for kind in ("png", "npy")]
    products += ["clip.pt", "part.bank", "adapters/checkpoint.pth"]
    products += [f"{results}/{name}" for results in ("results", "results-ft")
                 for name in ("results.json", "results.csv", "scores.csv", "settings.yaml")]
    for product in products:
        expect((folder / product).is_file(), f"did not write {product}")
    for results in ("results", "results-ft"):
        figures = json.loads((folder / results / "results.json").read_text())["mean"]["metrics"]
        expect(figures["P-AUROC"] > 0.5, f"found nothing: {results} has {figures}")


def check_scores(folder, pictures, with_bank):
    """scores.jsonl, and the lines that infer prints with a bank that knows its threshold."""
    direct = {Path(record["path"]).name: record for record in map(json.loads, (folder / "scores.jsonl").open())}
    kept = {Path(record["path"]).name: record for record in map(json.loads, with_bank)}
    names = {picture.name for picture in pictures}
    expect(set(direct) == names, f"scored {sorted(direct)}, not each picture once")
    expect(set(kept) == names and len(with_bank) == len(names), f"scored {sorted(kept)} with the bank")
    for name in names:
        expect(direct[name]["score"] == kept[name]["score"], f"gave {name} another score with the bank")
        expect("anomalous" not in direct[name] and "threshold" in kept[name], f"judge {name} without a threshold, or not by the bank's")
        expect(kept[name]["anomalous"] == (kept[name]["score"] > kept[name]["threshold"]), f"do not call {name} anomalous by its score")
        expect(kept[name]["verdict"] in ("good", "anomalous", "unknown"), f"give no verdict on {name}")


def run(readme, program, example):
    project = Path(readme).resolve().parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "models").symlink_to(project / "models")
        (folder / "bin").mkdir()
        (folder / "bin/res2clip").symlink_to(Path(program).resolve())
        # The format of weights is told by their contents: the demo's may stand in for OpenAI's.
        shutil.copy(project / "models/demo-clip.safetensors", folder / "ViT-L-14-336px.pt")
        for data, classes in (("mvtec_anomaly_detection", "mesh"), ("auxiliary", "weave")):
            subprocess.run([program, "demo-data", "--output", folder / data, "--classes", classes, "--train", "4", "--good", "3",
                            "--defective", "2", "--size", "128", "-q"], check=True)
        (folder / "good").symlink_to(folder / "mvtec_anomaly_detection/mesh/train/good")
        (folder / "new").mkdir()
        for number, picture in enumerate(sorted((folder / "mvtec_anomaly_detection/mesh/test").glob("*/*.png"))[:3]):
            shutil.copy(picture, folder / f"new/{number}.png")
        environment = dict(os.environ, PATH=f"{folder / 'bin'}:{os.environ['PATH']}")
        script = "set -euo pipefail\n" + "\n".join(blocks(readme, "sh"))
        result = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
        if result.returncode != 0:
            sys.exit("a command of the README failed")
        pictures = sorted((folder / "new").glob("*.png"))
        check_products(folder, pictures)
        check_scores(folder, pictures, [line for line in result.stdout.splitlines() if line.startswith("{")])
        output = subprocess.run([example, "clip.pt", "good/000.png", *pictures], cwd=folder, check=True, capture_output=True,
                                text=True).stdout
        if len(output.splitlines()) != len(pictures):
            sys.exit("the example did not print one line per picture: " + output)


{"example": write_example, "run": run}[sys.argv[1]](*sys.argv[2:])
