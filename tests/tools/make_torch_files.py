#!/usr/bin/env python3
"""Small files of tensors as PyTorch and training scripts write them: tests/data/torch_files.

    python tests/tools/make_torch_files.py tests/data/torch_files      (needs torch and numpy)

All hold weight = [[0, 1, 2], [3, 4, 5]] and bias = [0.5, -0.5] of one linear map called "part" (half precision in gpu.pt).
"""
import argparse
import collections
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.part = torch.nn.Linear(3, 2)
        self.part.weight.data = torch.arange(6.0).reshape(2, 3)
        self.part.bias.data = torch.tensor([0.5, -0.5])
        self.register_buffer("input_resolution", torch.tensor(224))
        self.widths = [3, 2]

    def forward(self, x):
        return self.part(x)


def from_gpu(source, target):
    """As a GPU of 2020 would have written it: storages on cuda:0, an older version, no debug files."""
    with zipfile.ZipFile(source) as read, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as write:
        for entry in read.infolist():
            data = read.read(entry)
            if entry.filename.endswith("data.pkl"):
                assert b"X\x03\x00\x00\x00cpu" in data
                data = data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
            if entry.filename.endswith("/version"):
                data = b"2\n"
            if not entry.filename.endswith(".debug_pkl"):
                write.writestr(zipfile.ZipInfo(entry.filename, (2020, 7, 1, 0, 0, 0)), data)


def main():
    out = Path(sys.argv[1])
    model = Model().eval()
    old = {"_use_new_zipfile_serialization": False}
    torch.save(model.state_dict(), out / "before_1_6.pth", **old)
    shared = torch.arange(6.0)
    torch.save({"part.weight": shared.reshape(2, 3), "part.turned": shared.reshape(2, 3).t()}, out / "before_1_6_shared.pth", **old)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    model = Model().eval()
    wrapped = collections.OrderedDict((f"module.{name}", tensor) for name, tensor in model.state_dict().items())
    torch.save({"epoch": 3, "args": argparse.Namespace(lr=0.1, name="run"), "best": np.float64(0.5), "state_dict": wrapped,
                "optimizer": optimizer.state_dict()}, out / "training.pt")
    torch.save(model, out / "module.pt")
    scripted = out / "scripted.pt"
    torch.jit.save(torch.jit.script(model.half()), scripted)
    from_gpu(scripted, out / "gpu.pt")
    scripted.unlink()


main()
