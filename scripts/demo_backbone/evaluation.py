"""The training-free detector in short: the authors' scoring and four of the metrics, one reference per class."""
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from . import captions
from .clip_model import normalised
from .objective import penalty, retrieved
from .pool import MEAN, STD


def load(path, size):
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB").resize((size, size), Image.BICUBIC), np.float32) / 255
    return (torch.from_numpy(pixels).permute(2, 0, 1) - MEAN) / STD


def load_mask(path, size):
    with Image.open(path) as mask:
        binary = Image.fromarray((np.asarray(mask.convert("L")) > 0).astype(np.uint8) * 255)
    return np.asarray(binary.resize((size, size), Image.BILINEAR)) > 127


def gaussian(maps):
    """sigma 4, 5 x 5, the border padded with zeros."""
    axis = torch.arange(5, device=maps.device) - 2.0
    kernel = torch.exp(-axis**2 / 32)
    kernel = kernel[:, None] * kernel[None]
    return F.conv2d(maps[:, None], (kernel / kernel.sum())[None, None], padding=2)[:, 0]


def detect(model, tokenizer, images, reference, layers):
    """Scores [B] and maps [B, S, S]."""
    size = images.shape[-1]
    side = size // model.visual.patch
    normal, anomalous = (model.encode_text([tokenizer(text) for text in texts]) for texts in captions.all_anchors())
    residual = normalised(normalised(anomalous.mean(0)) - normalised(normal.mean(0)))
    patches, bare, _ = model.visual(images, layers)
    reference_patches, reference_bare, _ = model.visual(reference[None], layers)

    def smooth(grid):
        maps = F.interpolate(grid.view(-1, 1, side, side), size=(size, size), mode="bilinear", align_corners=False)
        return gaussian(maps[:, 0])

    def top(maps):
        return maps.flatten(1).topk(max(1, int(0.01 * size * size))).values.mean(1)

    left_over, cost = {}, penalty(side, images.device)
    for layer in layers:
        bank = reference_patches[layer].expand(len(images), -1, -1)
        left_over[layer] = patches[layer] - retrieved(patches[layer], bank, cost)
    text = smooth(patches[layers[-1]] @ residual)
    visual = smooth(torch.stack([rest.norm(dim=-1) for rest in left_over.values()]).mean(0))
    projected = smooth((left_over[layers[-1]] @ residual).clamp(min=0))
    global_residual = ((bare - reference_bare) @ residual).clamp(min=0)
    scores = (bare @ residual + top(text)) / 2 + top(visual) + (global_residual + top(projected)) / 2
    return scores, gaussian(0.1 * text + visual + projected)


def curve(scores, positive):
    """Counts of true and false positives at each distinct score, from the highest down."""
    order = np.argsort(-scores, kind="stable")
    scores, positive = scores[order], positive[order]
    ends = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    true = np.cumsum(positive, dtype=np.float64)[ends]
    return true, ends + 1 - true


def auroc(scores, positive):
    true, false = curve(scores, positive)
    return np.trapezoid(np.append(0, true), np.append(0, false)) / true[-1] / false[-1]


def average_precision(scores, positive):
    true, false = curve(scores, positive)
    return float(np.sum(np.diff(np.append(0, true)) / true[-1] * true / (true + false)))


def regions(mask):
    """8-connected regions as boolean maps."""
    left, found = mask.copy(), []
    while left.any():
        region = np.zeros_like(mask)
        region[tuple(np.argwhere(left)[0])] = True
        count = 0
        while region.sum() != count:
            count = region.sum()
            padded = np.pad(region, 1)
            grown = np.zeros_like(mask)
            for dy in range(3):
                for dx in range(3):
                    grown |= padded[dy : dy + mask.shape[0], dx : dx + mask.shape[1]]
            region = grown & mask
        found.append(region)
        left &= ~region
    return found


def aupro(maps, masks, limit=0.3):
    """Mean overlap per region, integrated over the false-positive rate up to 0.3, divided by 0.3."""
    weights = np.zeros(maps.shape)
    total = 0
    for i, mask in enumerate(masks):
        for region in regions(mask):
            weights[i][region] = 1 / region.sum()
            total += 1
    order = np.argsort(-maps.ravel(), kind="stable")
    ends = np.flatnonzero(np.append(np.diff(maps.ravel()[order]) != 0, True))
    overlap = np.append(0, np.cumsum(weights.ravel()[order])[ends] / total)
    normal = (~masks).ravel()[order]
    false = np.append(0, np.cumsum(normal)[ends] / normal.sum())
    at_limit = np.interp(limit, false, overlap)
    inside = false <= limit
    return np.trapezoid(np.append(overlap[inside], at_limit), np.append(false[inside], limit)) / limit


@torch.no_grad()
def evaluate_class(model, tokenizer, folder, size, layers, most=200):
    """I-AUROC, P-AUROC, P-AP and AUPRO of one class in percent; its first training picture is the reference."""
    folder, device = Path(folder), model.logit_scale.device
    first = sorted((folder / "train" / "good").iterdir())[0]
    paths = {kind.name: sorted(kind.iterdir()) for kind in sorted((folder / "test").iterdir())}
    good = paths.pop("good")[: most // 2]
    bad = [path for kind in paths.values() for path in kind[: max(1, most // 2 // len(paths))]]
    masks = np.zeros((len(good) + len(bad), size, size), bool)
    for i, path in enumerate(bad, len(good)):
        masks[i] = load_mask(folder / "ground_truth" / path.parent.name / f"{path.stem}_mask.png", size)
    scores, maps = [], []
    images = [load(path, size) for path in [*good, *bad]]
    for begin in range(0, len(images), 8):
        batch = torch.stack(images[begin : begin + 8]).to(device)
        found = detect(model, tokenizer, batch, load(first, size).to(device), layers)
        scores.append(found[0])
        maps.append(found[1])
    scores, maps = torch.cat(scores).cpu().numpy(), torch.cat(maps).cpu().numpy()
    labels = np.arange(len(scores)) >= len(good)
    pixels = (maps.ravel(), masks.ravel())
    return 100 * np.array([auroc(scores, labels), auroc(*pixels), average_precision(*pixels), aupro(maps, masks)])
