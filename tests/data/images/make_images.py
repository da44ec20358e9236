"""Makes the small image files of this folder and images.json, which says what Pillow 11.0.0 reads from each.

Run with Pillow 11.0.0 and numpy. The pictures are noise over a gradient, free of any rights (CC0).
For each file: mode and size, the bytes of convert("RGB"), and of a bicubic resize to 7 x 7 in the file's own mode
followed by convert("RGB"), both as hexadecimal text. Files that must be refused carry "refused": true.
"""
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

assert PIL.__version__ == "11.0.0", PIL.__version__
FOLDER = Path(__file__).parent
H, W = 9, 12
rng = np.random.default_rng(5)
entries = []


def picture(channels):
    y, x = np.mgrid[0:H, 0:W]
    base = np.stack([20 * x, 25 * y, 9 * (x + y), 255 - 20 * x], -1)[..., :channels]
    return np.clip(base + rng.integers(-30, 30, base.shape), 0, 255).astype(np.uint8)


def record(name, refused=False):
    if refused:
        entries.append({"file": name, "refused": True})
        return
    image = Image.open(FOLDER / name)
    image.load()
    own = image.resize((7, 7), Image.BICUBIC).convert("RGB")
    entries.append({"file": name, "mode": image.mode, "width": image.width, "height": image.height,
                    "rgb": image.convert("RGB").tobytes().hex(), "grey": image.convert("L").tobytes().hex(),
                    "own_mode_7": own.tobytes().hex()})


def save(image, name, refused=False, **options):
    image.save(FOLDER / name, **options)
    record(name, refused)


def png(name, depth, colour, rows, extra=b""):
    """A PNG of a kind that Pillow does not write: rows are bytes, without the filter byte."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", W, H, depth, colour, 0, 0, 0)
    (FOLDER / name).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra +
                                chunk(b"IDAT", zlib.compress(b"".join(b"\0" + r for r in rows))) + chunk(b"IEND", b""))
    record(name)


rgb, rgba = Image.fromarray(picture(3)), Image.fromarray(picture(4))
grey = Image.fromarray(picture(1)[..., 0])
palette = rgb.quantize(11)
save(rgb, "rgb.png")
save(grey, "grey.png")
save(rgba, "rgba.png")
save(rgba.convert("LA"), "grey_alpha.png")
save(palette, "palette.png")
save(palette, "palette_transparent.png", transparency=bytes([0, 128, 255, 40]))
save(grey.convert("1"), "bilevel.png")
save(rgb, "transparent_colour.png", transparency=tuple(int(v) for v in picture(3)[0, 0]))
save(Image.fromarray(picture(1)[..., 0].astype(np.uint16)), "grey16_low.png")
save(Image.fromarray(picture(1)[..., 0].astype(np.uint16) * 257), "grey16_high.png", refused=True)
wide = rng.integers(0, 65536, (H, W, 4)).astype(">u2")
png("rgb16.png", 16, 2, [wide[y, :, :3].tobytes() for y in range(H)])
png("rgba16.png", 16, 6, [wide[y].tobytes() for y in range(H)])
png("grey4.png", 4, 0, [rng.integers(0, 256, W // 2).astype(np.uint8).tobytes() for _ in range(H)])
png("grey2.png", 2, 0, [rng.integers(0, 256, W // 4).astype(np.uint8).tobytes() for _ in range(H)])
gamma = struct.pack(">I", 4) + b"gAMA" + struct.pack(">I", 22000)
png("gamma.png", 8, 2, [picture(3)[y].tobytes() for y in range(H)],
    gamma + struct.pack(">I", zlib.crc32(gamma[4:])))
save(rgb, "rgb.jpg", quality=90)
save(rgb, "rgb_420.jpg", quality=80, subsampling=2)
save(rgb, "progressive.jpg", quality=85, progressive=True)
save(grey, "grey.jpg", quality=90)
exif = Image.Exif()
exif[0x0112] = 6
save(rgb, "exif_rotated.jpg", quality=90, exif=exif)
save(rgb.convert("CMYK"), "cmyk.jpg", refused=True)
save(rgb, "rgb.bmp")
save(grey, "grey.bmp")
save(palette, "palette.bmp")
save(grey.convert("1"), "bilevel.bmp")
save(rgba, "rgba.bmp")
save(rgb, "rgb.tif")
save(rgb, "lzw.tif", compression="tiff_lzw")
save(rgba, "rgba.tif", refused=True)
save(grey, "grey.tif")
save(palette, "palette.tif")
save(grey.convert("1"), "bilevel.tif")
save(grey.convert("1"), "group4.tif", compression="group4")
save(Image.fromarray(picture(1)[..., 0].astype(np.float32)), "float.tif", refused=True)
save(rgb.convert("CMYK"), "cmyk.tif", refused=True)
save(rgb, "lossless.webp", lossless=True)
save(rgba, "lossless_alpha.webp", lossless=True, exact=True)
save(rgb, "lossy.webp", quality=80)
json.dump({"pillow": PIL.__version__, "images": entries}, open(FOLDER / "images.json", "w"), indent=1)
