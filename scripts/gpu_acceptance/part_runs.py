"""Whole runs: weights, inspection of files, training, several processes, and what happens when memory runs out."""
import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from report import at_least, at_most, line, outcome

# On an H100 or H200 with 16 cores, from PNG files of 1,024 px, 4 references: images a second, by (precision, with --output).
AIMS = {("bf16", False): 250, ("bf16", True): 150}
FIRST_RESULT = 1.5  # seconds after the start
SAME = {"fp32": 1e-6}  # largest difference of a score from the processor's


def backbone(one):
    return one.work / ("full.clip.pt" if one.gpu else "demo.clip.pt")


def weights(one):
    yield "by formula" if one.gpu else "of the demo backbone", lambda: make_backbone(one)


def make_backbone(one):
    """Full size on a GPU, filled by formula: ten seconds instead of a download. The demo backbone on a processor."""
    start = time.monotonic()
    one.must("export", "--weights", one.source / "models/demo-clip.safetensors", "--output", one.work / "demo.clip.pt")
    if one.gpu:
        file = one.work / "full.safetensors"
        code, _, errors, _ = one.run([one.work / "build/tests/tools/formula_clip", "full", file], 300)
        if code != 0:
            raise RuntimeError(f"formula_clip: exit code {code}: {errors[-300:]}")
        one.must("export", "--weights", file, "--output", backbone(one), "--image-size", 518)
        file.unlink()
    return [line("seconds", time.monotonic() - start, "s"), line("archive", backbone(one).stat().st_size / 1e6, "MB")]


def images(one):
    """A drawn data set; its first class serves as the images of `infer`."""
    folder = one.work / "drawn"
    done = one.work / "drawn.done"
    if not done.exists():
        size, count, kinds = (1024, 128, 2) if one.gpu else (128, 4, 2)
        one.must("demo-data", "--output", folder, "--size", size, "--classes", "weave", "gear", "--train", 8, "--good", count // 2,
                 "--defective", count // 4, "--kinds", kinds, "--quiet", timeout=600)
        done.touch()
    return folder


def pictures(one):
    found = sorted(path for path in images(one).glob("*/test/*/*.png"))
    return found, sorted(images(one).glob("weave/train/good/*.png"))[:4]


def infer(one):
    yield "images", lambda: [line("drawn", len(pictures(one)[0]), "images")]
    for precision in ("fp32", "tf32", "bf16") if one.gpu else ("fp32",):
        yield precision, lambda precision=precision: inspected(one, precision)
    yield "a device that is not there", lambda: [absent_device(one)]


def inspect(one, bank, precision, files, *more):
    """Seconds to the first line and in all, and the scores by file name."""
    command = [one.program, "infer", "--backbone", backbone(one), "--device", one.device, "--precision", precision, "--bank", bank,
               "--batch-size", 16, "--json", "--quiet", *more, *files]
    start = time.monotonic()
    with subprocess.Popen([str(word) for word in command], env=one.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, cwd=one.work) as process:
        first = process.stdout.readline()
        to_first = time.monotonic() - start
        rest, errors = process.communicate(timeout=300)
    if process.returncode != 0:
        raise RuntimeError(f"infer: exit code {process.returncode}: {errors[-300:]}")
    results = [json.loads(text) for text in (first + rest).splitlines()]
    return to_first, time.monotonic() - start, {result["path"]: result["score"] for result in results}


def bank_of(one, device, precision):
    bank = one.work / f"{device}-{precision}.bank"
    references = [word for path in pictures(one)[1] for word in ("--reference", path)]
    one.must("bank", "--backbone", backbone(one), "--device", device, "--precision", precision, "--output", bank, *references)
    return bank


def processor_scores(one, files):
    """What the processor finds, computed once."""
    kept = one.work / "processor.json"
    if not kept.exists():
        output, _ = one.must("infer", "--backbone", backbone(one), "--device", "cpu", "--bank", bank_of(one, "cpu", "fp32"), "--json",
                             "--quiet", *files, timeout=300)
        found = [json.loads(text) for text in output.splitlines()]
        kept.write_text(json.dumps({result["path"]: result["score"] for result in found}))
    return json.loads(kept.read_text())


def inspected(one, precision):
    files, few = pictures(one)[0], 16 if one.gpu else 2
    bank = bank_of(one, one.device, precision)
    inspect(one, bank, precision, files[:1])  # files and kernels come into memory
    to_first, short, scores = inspect(one, bank, precision, files[:few])
    _, whole, more = inspect(one, bank, precision, files)
    _, drawn, _ = inspect(one, bank, precision, files, "--output", fresh(one, "overlays"))
    _, drawn_short, _ = inspect(one, bank, precision, files[:few], "--output", fresh(one, "overlays"))
    rate = lambda long, brief: (len(files) - few) / max(long - brief, 1e-9)  # noqa: E731
    aim = lambda drawing: AIMS.get((precision, drawing)) if one.gpu else None  # noqa: E731
    lines = [outcome("a result for every image", len(more) == len(files)),
             at_least("from files to scores", rate(whole, short), "images/s", aim(False)),
             at_least("and to overlays", rate(drawn, drawn_short), "images/s", aim(True)),
             at_most("first result after", to_first, "s", FIRST_RESULT if one.gpu else None)]
    expected = processor_scores(one, files[:4])
    worst = max(abs(more[path] - score) for path, score in expected.items())
    return lines + [at_most("largest difference of a score from the processor's", worst, "", SAME.get(precision)),
                    at_most("the same image in another batch", max(abs(more[path] - scores[path]) for path in scores), "",
                            SAME.get(precision))]


def absent_device(one):
    code, _, errors, _ = one.res2clip("infer", "--backbone", one.work / "demo.clip.pt", "--device", "cuda:63", "--reference",
                                      pictures(one)[1][0], pictures(one)[0][0])
    return outcome("is refused with a clear message", code == 2 and "'cuda:63' is not there" in errors, errors.strip()[-200:])


def train(one):
    yield "the demo backbone, beside the processor", lambda: trained_alike(one)
    if one.gpu:
        yield "full size", lambda: trained(one)


def training(one, device, archive, output, *more):
    data = images(one)
    return one.must("train", "--backbone", archive, "--dataset", "mvtec", "--data", data, "--output", output, "--device", device,
                    "--epochs", 2, "--batch-size", 8, "--quiet", *more, timeout=400)[1]


def scores_of(one, device, archive, folder, *more):
    one.must("eval", "--backbone", archive, "--dataset", "mvtec", "--data", images(one), "--output", folder, "--device", device,
             "--shots", 2, "--quiet", *more, timeout=400)
    with open(folder / "scores.csv") as file:
        return {row["path"]: float(row["score"]) for row in csv.DictReader(file)}


def difference(one, other):
    return max(abs(one[path] - other[path]) for path in one) if one.keys() == other.keys() else float("inf")


def fresh(one, name):
    """A folder that no earlier run has left."""
    return one.work / f"{name}-{time.time_ns()}"


def trained_alike(one):
    archive, found = one.work / "demo.clip.pt", {}
    for device in dict.fromkeys((one.device, "cpu")):
        folder = fresh(one, f"trained-{device}")
        seconds = training(one, device, archive, folder)
        found[device] = (seconds, scores_of(one, device, archive, fresh(one, "eval"), "--checkpoint", folder / "checkpoint.pth"))
    lines = [line(f"two epochs on {device}", seconds, "s") for device, (seconds, _) in found.items()]
    # Adam divides by small numbers in its first steps: two orders of summation differ by more than rounding.
    return lines + [at_most("largest difference of a score after training", difference(found[one.device][1], found["cpu"][1]), "", 1e-3)]


def trained(one):
    folder = fresh(one, "trained-full")
    seconds = training(one, one.device, backbone(one), folder)
    scores = scores_of(one, one.device, backbone(one), fresh(one, "eval-full"), "--checkpoint", folder / "checkpoint.pth")
    output, _ = one.must("bench", "--backbone", backbone(one), "--device", one.device, "--batch-size", 16, "--shots", 1, "--training",
                         "--repeats", 3, timeout=240)
    steps = [text for text in output.splitlines() if text.startswith(("training step", "10 epochs"))]
    return [line(f"two epochs of {len(scores)} images", seconds, "s"), outcome("scores are numbers", all(s == s for s in scores.values())),
            *(line(" ".join(text.split()[:-2]), float(text.split()[-2]), text.split()[-1]) for text in steps)]


def processes(one):
    yield "two on one device", lambda: shared_out(one)


def shared_out(one):
    """Two processes share a data set, and one device; alone and together they must find the same."""
    archive, folder = one.work / "demo.clip.pt", fresh(one, "together")
    alone = scores_of(one, one.device, archive, fresh(one, "alone"))
    command = [one.program, "eval", "--backbone", archive, "--dataset", "mvtec", "--data", images(one), "--output", folder, "--device",
               one.device, "--shots", 2, "--quiet"]
    place = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(20000 + os.getpid() % 20000)}
    running = [subprocess.Popen([str(word) for word in command], env={**one.environment, **place, "RANK": rank, "LOCAL_RANK": rank},
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for rank in "01"]
    errors = [process.communicate(timeout=300)[1] for process in running]
    if any(process.returncode for process in running):
        return [outcome("both end well", False, " / ".join(errors)[-300:].replace("\n", " "))]
    with open(folder / "scores.csv") as file:
        together = {row["path"]: float(row["score"]) for row in csv.DictReader(file)}
    return [at_most("largest difference of a score from one process's", difference(alone, together), "", 1e-6)]


HOG = """
import sys, torch
free, _ = torch.cuda.mem_get_info()
kept = torch.empty(max(0, free - int(float(sys.argv[1]) * 2**30)), dtype=torch.uint8, device="cuda")
print("ready", flush=True)
sys.stdin.read()
"""


def memory(one):
    if not one.gpu:
        yield "too little", lambda: [line("not run", remark="no GPU")]
        return
    yield "too little for the batch", lambda: [starved(one, 5.0, 0, "lowered to")]
    yield "too little for the weights", lambda: [starved(one, 1.0, 1, "out of memory")]
    yield "none", lambda: [starved(one, 0.1, 1, "out of memory")]


def starved(one, gibibytes, expected, words):
    """`infer` where another program has left so much memory of the GPU."""
    bank, files = bank_of(one, one.device, "fp32"), pictures(one)[0][:64]
    with subprocess.Popen([sys.executable, "-c", HOG, str(gibibytes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hog:
        hog.stdout.readline()
        code, _, errors, _ = one.res2clip("infer", "--backbone", backbone(one), "--device", one.device, "--bank", bank, "--batch-size", 64,
                                          "--json", *files)
        hog.stdin.close()
    said = errors.strip().splitlines()[-1] if errors.strip() else ""
    return outcome(f"{gibibytes} GiB left: exit code {expected}, says '{words}'", code == expected and words in errors, f"{code}: {said[-250:]}")
