"""Generated pictures in memory, and the groups that training draws from them."""
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)


def listing(program):
    """The families and kinds of defects that the generator knows."""
    return json.loads(subprocess.run([program, "demo-data", "--list"], check=True, capture_output=True, text=True).stdout)


def render(program, folder, classes, defects, seed, threads):
    """Generated data of training families and training defects; does nothing where they are there already."""
    command = [program, "demo-data", "--output", str(folder), "--seed", str(seed), "--train", "4", "--good", "0",
               "--defective", "2", "--kinds", "3", "--threads", str(threads), "--quiet",
               "--classes", *classes, "--defects", *defects]
    if not (Path(folder) / "complete").exists():
        subprocess.run(command, check=True)
        (Path(folder) / "complete").touch()


@dataclass
class Kept:
    """The pictures of one class: indices into the pool."""
    family: str
    words: list
    colour: str
    clean: list
    defective: list  # (index, kind)


class Pool:
    """Every picture of a rendered folder, shrunk to `side` pixels; read once, then kept in a file beside them."""

    def __init__(self, folder, side=144):
        kept = Path(folder) / f"pictures-{side}.pt"
        if not kept.exists():
            torch.save(read_pictures(Path(folder), side), kept)
        pictures = torch.load(kept, weights_only=True)
        self.images, self.masks = pictures["images"], pictures["masks"]
        self.classes = [Kept(**entry) for entry in pictures["classes"]]
        self.side = side

    def take(self, index):
        """[3, side, side] and [1, side, side], both in [0, 1]."""
        return self.images[index].permute(2, 0, 1).float() / 255, self.masks[index][None].float() / 255


def read_pictures(folder, side):
    """Images [M, side, side, 3], masks [M, side, side], and per class what Kept holds."""
    classes, images, masks = [], [], []

    def keep(path, mask_path=None):
        with Image.open(path) as image:
            images.append(np.asarray(image.convert("RGB").resize((side, side), Image.BICUBIC)))
        if mask_path is None:
            masks.append(np.zeros((side, side), np.uint8))
        else:
            with Image.open(mask_path) as mask:
                masks.append(np.asarray(mask.resize((side, side), Image.BILINEAR)))
        return len(images) - 1

    for entry in json.loads((folder / "demo.json").read_text())["classes"]:
        root = folder / entry["name"]
        clean = [keep(path) for path in sorted((root / "train" / "good").glob("*.png"))]
        defective = [(keep(path, root / "ground_truth" / kind / f"{path.stem}_mask.png"), kind)
                     for kind in entry["defects"] for path in sorted((root / "test" / kind).glob("*.png"))]
        classes.append({"family": entry["family"], "words": entry["words"], "colour": entry["colour"],
                        "clean": clean, "defective": defective})
    return {"images": torch.from_numpy(np.stack(images)), "masks": torch.from_numpy(np.stack(masks)),
            "classes": classes}


@dataclass
class Picture:
    image: torch.Tensor  # [3, S, S]
    mask: torch.Tensor   # [1, S, S]
    kept: Kept
    colour: str          # its word; empty where recolouring has changed it
    kind: str            # of the defect; empty for a clean picture


def blob(random, side):
    """A random soft-edged spot [1, side, side] for pasting."""
    axis = torch.linspace(0, 1, side)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    cx, cy, radius = random.uniform(0.15, 0.85), random.uniform(0.15, 0.85), random.uniform(0.05, 0.16)
    angle, stretch = random.uniform(0, 3.1416), random.uniform(1, 3)
    dx, dy = x - cx, y - cy
    u = dx * np.cos(angle) + dy * np.sin(angle)
    v = (dy * np.cos(angle) - dx * np.sin(angle)) * stretch
    wave = 1 + 0.25 * torch.cos(3 * torch.atan2(v, u) + random.uniform(0, 6.3))
    return ((radius * wave - (u * u + v * v).sqrt()) * side / 2 + 0.5).clamp(0, 1)[None]


def recolour(random, images):
    """The same strong change of light and colours for all pictures of a group, and whether the colours' words still hold."""
    order = random.sample(range(3), 3) if random.random() < 0.3 else [0, 1, 2]
    gain = torch.tensor([random.uniform(0.85, 1.15) for _ in range(3)]).view(3, 1, 1) * random.uniform(0.75, 1.25)
    gamma, grey, invert = random.uniform(0.7, 1.4), random.random() < 0.12, random.random() < 0.06
    changed = []
    for image in images:
        image = (image[order] * gain).clamp(0, 1) ** gamma
        if grey:
            image = image.mean(0, keepdim=True).expand(3, -1, -1)
        changed.append(1 - image if invert else image)
    return changed, order == [0, 1, 2] and not grey and not invert


def camera(random, image):
    """A small change of each picture alone, so that light alone is no defect."""
    light = random.uniform(0.93, 1.07) + random.uniform(-0.07, 0.07) * torch.linspace(-1, 1, image.shape[-1])
    if random.random() < 0.5:
        light = light[:, None]
    if random.random() < 0.25:
        image = F.avg_pool2d(image[None], 3, 1, 1, count_include_pad=False)[0]
    noise = torch.randn(1, *image.shape[1:]) * random.uniform(0, 0.012)
    return (image * light + random.uniform(-0.03, 0.03) + noise).clamp(0, 1)


def draw_group(pool, random, size):
    """Four pictures of one class, cut and turned alike: two clean, one defective, one defective or pasted over."""
    kept = random.choice(pool.classes)
    clean = random.sample(kept.clean, 3)
    first, second = random.sample(kept.defective, 2)
    drawn = [(*pool.take(clean[0]), ""), (*pool.take(clean[1]), ""), (*pool.take(first[0]), first[1])]
    if random.random() < 0.6:
        drawn.append((*pool.take(second[0]), second[1]))
    else:
        image, _ = pool.take(clean[2])
        other, _ = pool.take(random.choice(random.choice(pool.classes).clean))
        spot = blob(random, pool.side)
        strength = random.choice((0.35, 0.6, 1.0))
        pasted = image + spot * strength * (other.roll((random.randrange(pool.side), random.randrange(pool.side)), (1, 2))
                                            - image)
        seen = (pasted - image).abs().mean(0, keepdim=True) > 0.04
        drawn.append((pasted, spot * seen, "pasted"))

    side = int(pool.side * random.uniform(0.72, 1.0))
    top, left = random.randrange(pool.side - side + 1), random.randrange(pool.side - side + 1)
    flips = [axis for axis in (1, 2) if random.random() < 0.5]
    quarter = random.randrange(4)
    images, masks = [], []
    for image, mask, _ in drawn:
        both = torch.cat([image, mask])[:, top : top + side, left : left + side]
        both = torch.rot90(both.flip(flips), quarter, (1, 2))
        both = F.interpolate(both[None], size=(size, size), mode="bilinear", antialias=True)[0]
        images.append(both[:3])
        masks.append(both[3:])
    images, named = recolour(random, images)
    images = [camera(random, image) for image in images]
    return [Picture((image - MEAN) / STD, mask, kept, kept.colour if named else "", kind)
            for image, mask, (_, _, kind) in zip(images, masks, drawn)]
