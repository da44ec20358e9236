"""Draws photographs of an elongated part, three times as high as wide, of brushed metal with bands; defective ones have a thin crack.

Standard library only. As a program: elongated.py FOLDER [GOOD DEFECTIVE WIDTH SEED] writes FOLDER/train, FOLDER/good and FOLDER/crack.
"""
import math
import random
import struct
import sys
import zlib
from pathlib import Path


def write_grey(path, rows):
    """A PNG file of rows of grey bytes."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    size = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 1)) +
                     chunk(b"IEND", b""))


def ground(dice, width, height):
    """Brushed across, with four darker bands, grain, and a brightness of its own."""
    bright, phase = dice.gauss(0, 6), dice.uniform(0, 0.3)
    rows = []
    for y in range(height):
        level = 130 + bright + 25 * math.sin(2 * math.pi * (4 * y / height + phase)) + dice.gauss(0, 5)
        table = bytes(max(0, min(255, round(level + (value - 128) / 9))) for value in range(256))
        rows.append(bytearray(dice.randbytes(width).translate(table)))
    return rows


def crack(dice, rows):
    """A line that wanders over a fifth of the width, three pixels wide and somewhat darker than the ground."""
    height, width, reach = len(rows), len(rows[0]), 1
    drawn = set()
    x, y, heading = dice.uniform(0.25, 0.75) * width, dice.uniform(0.1, 0.9) * height, dice.uniform(0, 2 * math.pi)
    for _ in range(width // 5):
        heading += dice.gauss(0, 0.2)
        x, y = x + math.cos(heading), y + math.sin(heading)
        for v in range(round(y) - reach, round(y) + reach + 1):
            for u in range(round(x) - reach, round(x) + reach + 1):
                if 0 <= v < height and 0 <= u < width and (u, v) not in drawn:
                    rows[v][u] = max(0, rows[v][u] - 15)
                    drawn.add((u, v))


def draw(folder, good, defective, width, seed):
    for kind, count in (("train", 8), ("good", good), ("crack", defective)):
        for i in range(count):
            dice = random.Random(f"{seed} {kind} {i}")
            rows = ground(dice, width, 3 * width)
            if kind == "crack":
                crack(dice, rows)
            write_grey(Path(folder) / kind / f"{i:03}.png", rows)


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[2:]] + [20, 20, 400, 1][len(sys.argv) - 2:]
    draw(sys.argv[1], *numbers)
