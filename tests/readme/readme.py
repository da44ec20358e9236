"""Takes the README at its word.

readme.py example README OUTPUT.cpp      writes the library example
readme.py run README PROGRAM EXAMPLE     runs every ```sh block in a folder with the files that it speaks of
"""
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
            subprocess.run([program, "demo-data", "--output", folder / data, "--classes", classes, "--train", "2", "--good", "3",
                            "--defective", "2", "--size", "128", "-q"], check=True)
        (folder / "good").symlink_to(folder / "mvtec_anomaly_detection/mesh/train/good")
        (folder / "new").mkdir()
        for number, picture in enumerate(sorted((folder / "mvtec_anomaly_detection/mesh/test").glob("*/*.png"))[:3]):
            shutil.copy(picture, folder / f"new/{number}.png")
        environment = dict(os.environ, PATH=f"{folder / 'bin'}:{os.environ['PATH']}")
        script = "set -euo pipefail\n" + "\n".join(blocks(readme, "sh"))
        result = subprocess.run(["bash", "-c", script], cwd=folder, env=environment)
        if result.returncode != 0:
            sys.exit("a command of the README failed")
        for product in ("maps/0.png", "maps/0.npy", "scores.jsonl", "results/results.json", "results-ft/results.csv"):
            if not (folder / product).is_file():
                sys.exit(f"the README's commands did not write {product}")
        pictures = sorted((folder / "new").glob("*.png"))
        output = subprocess.run([example, "clip.pt", "good/000.png", *pictures], cwd=folder, check=True, capture_output=True,
                                text=True).stdout
        if len(output.splitlines()) != len(pictures):
            sys.exit("the example did not print one line per picture: " + output)


{"example": write_example, "run": run}[sys.argv[1]](*sys.argv[2:])
