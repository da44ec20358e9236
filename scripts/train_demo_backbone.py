#!/usr/bin/env python3
"""Trains the demo backbone, a small CLIP in CLIP's exact architecture, on generated pictures.

Needs Python 3.11 or later with torch, numpy 2 or later, pillow and safetensors, and the built program for the pictures:

    python scripts/train_demo_backbone.py --output mine.safetensors

From scratch that is 20,000 steps of 32 pictures (on one CPU core, about a day; fewer with --steps or --minutes). Larger, on a GPU:

    python scripts/train_demo_backbone.py --output mine.safetensors --device cuda --width 192 --blocks 12 --steps 200000

--initial FILE starts from an exported model instead. --evaluate only measures one. --smoke takes three steps on a few pictures:
whether everything works. models/README.md says what came out.
"""
import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from demo_backbone import captions, evaluation
from demo_backbone.clip_model import Clip, config_of, quarters, sizes_of
from demo_backbone.objective import losses
from demo_backbone.pool import Pool, draw_group, listing, render
from demo_backbone.tokenizer import Tokenizer

STAGES = ((0.0, 64), (0.35, 96), (0.75, 128))  # from this share of the training on, this picture size
POOL_SEED = 1000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/res2clip", help="the built res2clip, which makes the pictures")
    parser.add_argument("--merges", default="third_party/clip-bpe/merges.txt", help="CLIP's byte-pair merges")
    parser.add_argument("--pool", default="build/demo-pool", help="folder for the generated pictures")
    parser.add_argument("--output", default="build/demo-clip.safetensors")
    parser.add_argument("--initial", help="start from this model's weights, with its width and blocks")
    parser.add_argument("--width", type=int, default=128, help="width of the image tower, a multiple of 64")
    parser.add_argument("--blocks", type=int, default=8, help="blocks of the image tower")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--evaluate", nargs="*", metavar="CLASS_FOLDER",
                        help="no training: measure --initial on these folders of MVTec AD's layout")
    parser.add_argument("--sizes", type=int, nargs="*", default=[128, 192], help="picture sizes of --evaluate")
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--minutes", type=float, default=math.inf, help="end, and lower the rate, by this time at the latest")
    parser.add_argument("--groups", type=int, default=8, help="groups of four pictures in a step")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--warm-up", type=int, default=200, help="steps over which the rate rises")
    parser.add_argument("--ema", type=float, default=0.998)
    parser.add_argument("--stages", help="picture sizes by share of the training: 0:64,0.35:96,0.75:128")
    parser.add_argument("--variants", type=int, default=24, help="classes of each family")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-minutes", type=float, default=4)
    parser.add_argument("--smoke", action="store_true", help="three steps on three families: whether everything works")
    options = parser.parse_args()
    if options.width % 64 or options.width < 64 or options.blocks < 4:
        parser.error("--width must be a multiple of 64, and --blocks at least 4")
    if options.smoke:
        options.steps, options.groups, options.variants, options.stages = 3, 2, 1, "0:32,0.5:64"
    return options


def known_words(tokenizer, families, initial):
    """The tokens that get rows of their own: the captions', and the initial model's."""
    words = {token for text in captions.all_words(families) for token in tokenizer(text)}
    words |= set(tokenizer("."))
    if initial:
        table = initial["token_embedding.weight"]
        rows, counts = table.unique(dim=0, return_counts=True)
        words |= set((table != rows[counts.argmax()]).any(1).nonzero().flatten().tolist())
    return sorted(words)


def batch_of(pool, choice, tokenizer, groups, size):
    """Pictures [G, 4, 3, S, S], masks [G, 4, 1, S, S], captions, and which are true of which picture [G*4, captions];
    all on the CPU."""
    drawn = [draw_group(pool, choice, size) for _ in range(groups)]
    pictures = [picture for group in drawn for picture in group]
    said = [captions.describe(choice, p.kept.family, p.kept.words, p.colour, p.kind) for p in pictures]
    truth = torch.tensor([[claim.fits(p.kept.family, p.colour, p.kind) for claim in said] for p in pictures])
    images = torch.stack([p.image for p in pictures]).unflatten(0, (groups, 4))
    masks = torch.stack([p.mask for p in pictures]).unflatten(0, (groups, 4))
    return (images, masks), [tokenizer(claim.text) for claim in said], truth


def train(model, pool, tokenizer, options):
    stages, layers = STAGES, quarters(options.blocks)
    if options.stages:
        stages = [(float(share), int(size)) for share, size in (part.split(":") for part in options.stages.split(","))]
    choice = random.Random(options.seed)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
                                  lr=options.rate, betas=(0.9, 0.98))
    average = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    begin = saved = time.monotonic()
    sums, step = {}, 0
    while True:
        elapsed = (time.monotonic() - begin) / 60
        progress = max(step / options.steps, elapsed / options.minutes)
        if progress >= 1:
            break
        size = [size for share, size in stages if progress >= share][-1]
        warm = min(1, (step + 1) / options.warm_up)
        for group in optimizer.param_groups:
            group["lr"] = options.rate * warm * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * progress)))
        groups, texts, truth = batch_of(pool, choice, tokenizer, options.groups, size)
        anchors = [[tokenizer(text) for text in texts_of] for texts_of in captions.anchors(choice, 6)]
        groups, truth = [part.to(options.device) for part in groups], truth.to(options.device)
        terms = losses(model, groups, texts, truth, anchors, layers, size)
        optimizer.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        keep = min(options.ema, (step + 1) / (step + 10))
        for name, tensor in model.state_dict().items():
            average[name].lerp_(tensor, 1 - keep)
        for name, term in terms.items():
            sums[name] = sums.get(name, 0) + term.item()
        if step % 20 == 0:
            text = ", ".join(f"{name} {value / 20:.3f}" for name, value in sums.items())
            print(f"{elapsed:.1f} min, step {step}, {size} px: {text}", flush=True)
            sums = {}
        if time.monotonic() - saved > options.save_minutes * 60:
            saved = time.monotonic()
            write(model, average, options.output)
    write(model, average, options.output)
    print(f"{options.output}: after {step} steps")


def write(model, average, path):
    current = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(average)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    weights = model.export()
    save_file(weights, f"{path}.new", metadata={"open_clip_config": json.dumps(config_of(weights))})  # which `export` reads
    Path(f"{path}.new").replace(path)
    model.load_state_dict(current)


def evaluate(model, tokenizer, folders, sizes, layers):
    model.eval()
    print("I-AUROC / P-AUROC / P-AP / AUPRO, training-free, one reference, the authors' scoring")
    for size in sizes:
        rows = []
        for folder in folders:
            rows.append(evaluation.evaluate_class(model, tokenizer, folder, size, layers))
            print(f"{size} px  {Path(folder).name:16}", " / ".join(f"{value:5.1f}" for value in rows[-1]), flush=True)
        print(f"{size} px  {'mean':16}", " / ".join(f"{value:5.1f}" for value in sum(rows) / len(rows)), flush=True)


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    known = listing(options.program)
    tokenizer = Tokenizer(options.merges)
    initial = load_file(options.initial) if options.initial else None
    if initial:
        options.width, options.blocks = sizes_of(initial).values()
    model = Clip(known_words(tokenizer, known["families"], initial), width=options.width, layers=options.blocks)
    if initial:
        model.load(initial)
    model.to(options.device)
    if options.evaluate is not None:
        evaluate(model, tokenizer, options.evaluate, options.sizes, quarters(options.blocks))
        return
    trained = [family["name"] for family in known["families"] if not family["held_out"]]
    if options.smoke:
        trained = trained[:3]
    classes = [f"{family}_{k}" for family in trained for k in range(1, options.variants + 1)]
    defects = [kind["name"] for kind in known["defects"] if not kind["held_out"]]
    render(options.program, options.pool, classes, defects, POOL_SEED, options.threads)
    train(model, Pool(options.pool), tokenizer, options)


if __name__ == "__main__":
    main()
