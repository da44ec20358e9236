"""The metrics beside scikit-learn and numpy, on the same arrays: metrics.py BENCH_METRICS [--images N] [--size PX]

Needs numpy, scipy and scikit-learn, installed by hand. BENCH_METRICS: the program `bench_metrics` of a build with
-DRES2CLIP_BENCH=ON. Both run on one thread; prints each metric by both, their difference, the processor seconds and their ratio.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import numpy as np  # noqa: E402
from scipy import ndimage  # noqa: E402
from sklearn import metrics  # noqa: E402


def made_up(images, size):
    """Smooth maps as a detector's, float32 [N, H, W], with a defect in two of three images."""
    random = np.random.default_rng(1)
    rows = np.arange(size)[None, :, None]
    maps = 0.6 + 0.1 * np.sin(random.uniform(0, 6, (images, 1, 1)) + rows / 60) + random.uniform(0, 0.2, (images, size, size))
    masks = np.zeros((images, size, size), np.uint8)
    edge = size // 5
    for image in range(images):
        if image % 3:
            y, x = random.integers(0, size - edge, 2)
            masks[image, y:y + edge, x:x + edge] = 1
    return (maps + 0.15 * masks).astype(np.float32), masks


def best_f1(labels, scores):
    precision, recall, _ = metrics.precision_recall_curve(labels, scores)
    return np.max(2 * precision * recall / (precision + recall + 1e-7))


def overlap(maps, masks, limit=0.3):
    """Per-region overlap: every score a threshold, by one sort of all pixels."""
    weights, regions = np.zeros(masks.shape), 0
    for image, mask in enumerate(masks):
        labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
        areas = np.bincount(labels.ravel())
        inside = labels > 0
        weights[image][inside] = 1.0 / areas[labels[inside]]
        regions += count
    order = np.argsort(-maps.ravel(), kind="stable")
    scores = maps.ravel()[order]
    ends = np.append(np.nonzero(np.diff(scores))[0], scores.size - 1)
    alarms = np.cumsum(masks.ravel()[order] == 0)[ends] / np.count_nonzero(masks == 0)
    heights = np.cumsum(weights.ravel()[order])[ends] / regions
    alarms, heights = np.insert(alarms, 0, 0.0), np.insert(heights, 0, 0.0)
    kept = alarms <= limit
    x = np.append(alarms[kept], limit)
    y = np.append(heights[kept], np.interp(limit, alarms, heights))
    return np.trapezoid(y, x) / limit


def of_peers(maps, masks):
    labels, scores = masks.any((1, 2)), maps.max((1, 2))
    pixels, values = masks.ravel(), maps.ravel()
    return {"I-AUROC": metrics.roc_auc_score(labels, scores), "I-AP": metrics.average_precision_score(labels, scores),
            "I-F1": best_f1(labels, scores), "P-AUROC": metrics.roc_auc_score(pixels, values),
            "P-AP": metrics.average_precision_score(pixels, values), "P-F1": best_f1(pixels, values), "AUPRO": overlap(maps, masks)}


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("program")
    options.add_argument("--images", type=int, default=75)
    options.add_argument("--size", type=int, default=518)
    options = options.parse_args()
    maps, masks = made_up(options.images, options.size)
    start = time.process_time()
    peers = of_peers(maps, masks)
    seconds = time.process_time() - start
    with tempfile.TemporaryDirectory() as folder:
        maps.tofile(Path(folder) / "maps.f32")
        masks.tofile(Path(folder) / "masks.u8")
        found = subprocess.run([options.program, "--arrays", folder, str(options.images), str(options.size)], check=True, capture_output=True,
                               text=True).stdout
    own = json.loads(found)["exact"]
    print(f"{maps.size / 1e6:.0f} million pixels, {options.images} images")
    for name, value in peers.items():
        print(f"{name:8} {value:.9f} {own[name]:.9f}  {own[name] - value:+.1e}")
    print(f"seconds  {seconds:.2f} (scikit-learn, numpy)  {own['seconds']:.2f} (res2clip)  ratio {seconds / own['seconds']:.1f}")


if __name__ == "__main__":
    main()
