"""Floors of encoding on a GPU: LibTorch's own products and attention of one image, nothing else. Prints JSON.

floors.py: {"fp32 1": {"floor": images/s, "with half-precision attention": images/s}, ..., "machine": {...}}
"""
import json
import sys

import torch
from torch.nn.functional import scaled_dot_product_attention

TOKENS, WIDTH, HEADS, BLOCKS, VV_BLOCKS = 1370, 1024, 16, 24, 19  # ViT-L/14 at 518 px as res2clip exports it
DEVICE = "cuda"


def seconds(job, repeats=10, warm=3):
    """Median time on the device."""
    for _ in range(warm):
        job()
    times = []
    for _ in range(repeats):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        job()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1e3)
    return sorted(times)[len(times) // 2]


def choose(precision):
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    return torch.bfloat16 if precision == "bf16" else torch.float32


def floor(precision, batch):
    kind = choose(precision)
    made = lambda *shape: torch.randn(*shape, device=DEVICE, dtype=kind)  # noqa: E731
    tokens, hidden = made(batch * TOKENS, WIDTH), made(batch * TOKENS, 4 * WIDTH)
    to_qkv, to_out, to_hidden, from_hidden = (made(a * WIDTH, b * WIDTH) for a, b in ((1, 3), (1, 1), (1, 4), (4, 1)))
    out = seconds(lambda: tokens @ to_out)
    products = seconds(lambda: tokens @ to_qkv) + out + seconds(lambda: tokens @ to_hidden) + seconds(lambda: hidden @ from_hidden)
    heads = [made(batch, HEADS, TOKENS, WIDTH // HEADS) for _ in range(3)]
    own = seconds(lambda: scaled_dot_product_attention(*heads))
    halves = [one.to(torch.bfloat16) for one in heads]
    half = seconds(lambda: scaled_dot_product_attention(*halves))
    rate = lambda attention: batch / (BLOCKS * (products + attention) + VV_BLOCKS * (attention + out))  # noqa: E731
    return {"floor": rate(own), "with half-precision attention": rate(half)}


def rates():
    """What the machine itself does, in TFLOP/s and TB/s."""
    side = 8192
    found = {}
    for precision in ("bf16", "tf32", "fp32"):
        square = torch.randn(side, side, device=DEVICE, dtype=choose(precision))
        found[f"{precision} product, TFLOP/s"] = 2 * side**3 / seconds(lambda: square @ square, 3, 1) / 1e12
    source = torch.empty(1 << 30, dtype=torch.uint8, device=DEVICE)
    target = torch.empty_like(source)
    found["copy on the device, TB/s"] = 2 * (1 << 30) / seconds(lambda: target.copy_(source)) / 1e12
    return found


with torch.no_grad():
    answer = {f"{precision} {batch}": floor(precision, batch) for precision in ("fp32", "tf32", "bf16") for batch in (1, 16)}
    answer["machine"] = rates()
json.dump(answer, sys.stdout)
