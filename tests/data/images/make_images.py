"""Makes the small image files of this folder and images.json, which says what Pillow 11.0.0 reads from each.

Run with Pillow 11.0.0 and numpy. The pictures are noise over a gradient, free of any rights (CC0).
For each file: mode and size, the bytes of convert("RGB"), and of a bicubic resize to 7 x 7 in the file's own mode
followed by convert("RGB"), both as hexadecimal text. Files that must be refused carry "refused": true. "upright" is what
ImageOps.exif_transpose makes of a file with an EXIF orientation. "wide" lists what each rule makes of samples of more than
8 bits, by numpy, as Pillow has no such rules.
"""
import io
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps

assert PIL.__version__ == "11.0.0", PIL.__version__
FOLDER = Path(__file__).parent
H, W = 9, 12
rng = np.random.default_rng(5)
entries = []
wide_entries = []


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
    entry = {"file": name, "mode": image.mode, "width": image.width, "height": image.height,
             "rgb": image.convert("RGB").tobytes().hex(), "grey": image.convert("L").tobytes().hex()}
    if image.mode == "CMYK":  # is converted first here, and its grey comes from RGB
        entry["grey"] = image.convert("RGB").convert("L").tobytes().hex()
    else:
        entry["own_mode_7"] = image.resize((7, 7), Image.BICUBIC).convert("RGB").tobytes().hex()
    if image.getexif().get(0x0112, 1) != 1 and not name.endswith(".tif"):
        entry["orientation"] = image.getexif()[0x0112]
        entry["upright"] = ImageOps.exif_transpose(image).convert("RGB").tobytes().hex()
    entries.append(entry)


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
save(rgb.convert("CMYK"), "cmyk.jpg")
save(rgb, "rgb.bmp")
save(grey, "grey.bmp")
save(palette, "palette.bmp")
save(grey.convert("1"), "bilevel.bmp")
save(rgba, "rgba.bmp")
save(rgb, "rgb.tif")
save(rgb, "lzw.tif", compression="tiff_lzw")
save(rgba, "rgba.tif")
save(grey, "grey.tif")
save(palette, "palette.tif")
save(grey.convert("1"), "bilevel.tif")
save(grey.convert("1"), "group4.tif", compression="group4")
save(Image.fromarray(picture(1)[..., 0].astype(np.float32)), "float.tif", refused=True)
save(rgb.convert("CMYK"), "cmyk.tif")
save(rgb, "lossless.webp", lossless=True)
save(rgba, "lossless_alpha.webp", lossless=True, exact=True)
save(rgb, "lossy.webp", quality=80)

# Kinds that came later stand below, so that the files above keep their bytes.


def write(name, data, refused=False):
    (FOLDER / name).write_bytes(data)
    record(name, refused)


def bmp(name, dib, palette, data, file_header=True):
    offset = 14 + len(dib) + len(palette)
    head = b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) if file_header else b""
    write(name, head + dib + palette + data)


def dib(bits, compression=0, height=H, colours=0, size=40, tail=b""):
    return struct.pack("<IiiHHIIiiII", size, W, height, 1, bits, compression, 0, 2835, 2835, colours, 0) + tail


def padded(rows):
    return b"".join(bytes(r) + bytes(-len(bytes(r)) % 4) for r in rows)


def run_lengths(indices, four_bits=False):
    """One literal run and then repeated ones, row by row from the bottom."""
    out = bytearray()
    for row in indices[::-1]:
        if four_bits:
            out += bytes((0, 4, row[0] << 4 | row[1], row[2] << 4 | row[3]))
        else:
            out += bytes((0, 4, *row[:4]))
        for value in row[4:]:
            out += bytes((1, value << 4 if four_bits else value))
        out += b"\0\0"
    return bytes(out[:-2] + b"\0\1")


def tiff(data, bits, photometric, samples, extra=(), big=False, endian="<", strips=None, tile=None):
    """A TIFF with one page, of a kind that Pillow does not write. extra: (tag, type, values)."""
    short, long, long8 = 3, 4, 16
    strips = strips or [data]
    at, sizes = (324, 325) if tile else (273, 279)
    tags = [(256, long, [W]), (257, long, [H]), (258, short, [bits] * samples), (259, short, [1]),
            (262, short, [photometric]), (277, short, [samples]), (at, long8 if big else long, [0] * len(strips)),
            (sizes, long8 if big else long, [len(s) for s in strips])] + list(extra)
    tags += [(322, long, [tile]), (323, long, [tile])] if tile else [(278, long, [H])]
    tags.sort()
    size, code = {1: 1, 3: 2, 4: 4, 16: 8}, {1: "B", 3: "H", 4: "I", 16: "Q"}
    directory, inline = (16, 8) if big else (8, 4)
    after = directory + (8 if big else 2) + (20 if big else 12) * len(tags) + inline
    places, blobs = {}, 0
    for tag, kind, values in tags:
        if size[kind] * len(values) > inline:
            places[tag] = after + blobs
            blobs += size[kind] * len(values) + size[kind] * len(values) % 2
    offsets, at_byte = [], after + blobs
    for s in strips:
        offsets.append(at_byte)
        at_byte += len(s)
    out = (b"II" if endian == "<" else b"MM")
    out += struct.pack(endian + "HHHQ", 43, 8, 0, directory) if big else struct.pack(endian + "HI", 42, directory)
    out += struct.pack(endian + ("Q" if big else "H"), len(tags))
    body = bytearray(blobs)
    for tag, kind, values in tags:
        raw = struct.pack(endian + code[kind] * len(values), *(offsets if tag == at else values))
        out += struct.pack(endian + ("HHQ" if big else "HHI"), tag, kind, len(values))
        if len(raw) > inline:
            out += struct.pack(endian + ("Q" if big else "I"), places[tag])
            body[places[tag] - after:places[tag] - after + len(raw)] = raw
        else:
            out += raw.ljust(inline, b"\0")
    return out + bytes(inline) + bytes(body) + b"".join(strips)


rgb_pixels, g = np.array(rgb), np.array(grey)
ramp = b"".join(bytes((i, i, i, 0)) for i in range(256))
colours16 = b"".join(bytes((i * 16, 255 - i * 9, i * 5, 0)) for i in range(16))
bmp("os2.bmp", struct.pack("<IHHHH", 12, W, H, 1, 8), b"".join(bytes((i, i, i)) for i in range(256)), padded(g[::-1]))
bmp("rle8.bmp", dib(8, 1, colours=256), ramp, run_lengths(g.tolist()))
# Pillow reads a literal run of 4 bits whole; its blanks at the ends of rows are as here.
bmp("rle4.bmp", dib(4, 2, colours=16), colours16, run_lengths((g // 16).tolist(), True))
c = rgb_pixels.astype(np.uint16)
five = (c[..., 0] >> 3 << 10 | c[..., 1] >> 3 << 5 | c[..., 2] >> 3).astype("<u2")
six = (c[..., 0] >> 3 << 11 | c[..., 1] >> 2 << 5 | c[..., 2] >> 3).astype("<u2")
bmp("rgb555.bmp", dib(16), b"", padded([r.tobytes() for r in five[::-1]]))
bmp("rgb565.bmp", dib(16, 3), struct.pack("<III", 0xF800, 0x7E0, 0x1F), padded([r.tobytes() for r in six[::-1]]))
bmp("topdown.bmp", dib(24, height=-H), b"", padded([r.tobytes() for r in rgb_pixels[..., ::-1]]))
bmp("abgr_masks.bmp", dib(32, 3, size=56, tail=struct.pack("<IIII", 0xFF000000, 0xFF0000, 0xFF00, 0xFF)), b"",
    np.array(rgba)[::-1, :, ::-1].tobytes())
bmp("no_file_header.dib", dib(24), b"", padded([r.tobytes() for r in rgb_pixels[::-1, :, ::-1]]), file_header=False)

cmyk = io.BytesIO()
rgb.convert("CMYK").save(cmyk, "JPEG", quality=90)
adobe = cmyk.getvalue().index(b"Adobe")
write("ycck.jpg", cmyk.getvalue()[:adobe + 11] + b"\2" + cmyk.getvalue()[adobe + 12:])
whole = (FOLDER / "rgb.jpg").read_bytes()
write("padded.jpg", whole[:-2] + bytes(512))
write("padded_half.jpg", whole[:len(whole) - 40] + bytes(2000), refused=True)
write("no_end.jpg", whole[:-2], refused=True)
write("trailing.jpg", whole + b"vendor trailer" * 9)

words = rgb_pixels.astype(np.uint16) * 257
write("rgb16.tif", tiff(words.astype("<u2").tobytes(), 16, 2, 3))
write("rgb16_big_endian.tif", tiff(words.astype(">u2").tobytes(), 16, 2, 3, endian=">"))
save(rgba.convert("LA"), "grey_alpha.tif")
write("rgbx.tif", tiff(np.dstack([rgb_pixels, g]).tobytes(), 8, 2, 4, [(338, 3, [0])]))
write("premultiplied.tif", tiff(np.dstack([np.minimum(rgb_pixels, g[..., None]), g]).tobytes(), 8, 2, 4, [(338, 3, [1])]))
write("planar.tif", tiff(b"", 8, 2, 3, [(284, 3, [2])], strips=[rgb_pixels[..., i].tobytes() for i in range(3)]))
tile = np.zeros((16, 16, 3), np.uint8)
tile[:H, :W] = rgb_pixels
write("tiled.tif", tiff(b"", 8, 2, 3, strips=[tile.tobytes()], tile=16))
write("big.tif", tiff(g.tobytes(), 8, 1, 1, big=True))
write("orientation0.tif", tiff(g.tobytes(), 8, 1, 1, [(274, 3, [0])]))
save(rgb, "turned.tif", compression="tiff_lzw", tiffinfo={274: 6})
save(rgb, "mirrored.tif", compression="tiff_lzw", tiffinfo={274: 7})
write("white_is_zero.tif", tiff(g.tobytes(), 8, 0, 1))
write("grey4.tif", tiff((g[:, ::2] >> 4 << 4 | g[:, 1::2] >> 4).tobytes(), 4, 1, 1))
write("palette4.tif", tiff((g[:, ::2] >> 4 << 4 | g[:, 1::2] >> 4).tobytes(), 4, 3, 1,
                           [(320, 3, [v * 257 for channel in np.frombuffer(colours16, np.uint8).reshape(16, 4).T[:3].tolist()
                                      for v in channel])]))
save(rgb, "jpeg.tif", compression="jpeg")
save(grey, "pages.tif", save_all=True, append_images=[grey, grey])
write("signed16.tif", tiff(g.astype("<i2").tobytes(), 16, 1, 1, [(339, 3, [2])]), refused=True)
write("uint32.tif", tiff(g.astype("<u4").tobytes(), 32, 1, 1), refused=True)
save(rgb.convert("LAB"), "lab.tif", refused=True)

save(palette, "palette.gif")
save(grey, "grey.gif")
save(palette, "interlaced.gif", interlace=1)
save(palette, "animated.gif", save_all=True, append_images=[palette.rotate(180)])
still = (FOLDER / "palette.gif").read_bytes()
wide_screen = struct.pack("<HH", W + 5, H + 3)  # the frame leaves some of the screen bare
write("bare_screen.gif", still[:6] + wide_screen + still[10:])
save(rgb, "animated.webp", save_all=True, append_images=[rgb.rotate(180)], lossless=True)
save(rgba, "animated.png", save_all=True, append_images=[rgba.rotate(180)])

save(grey, "grey.pgm")
save(rgb, "rgb.ppm")
save(grey.convert("1"), "bilevel.pbm")
text = "\n".join(" ".join(str(v) for v in row) for row in rgb_pixels.reshape(H, -1).tolist())
write("plain.ppm", f"P3 # plain\n{W} {H} # size\n255\n{text}\n".encode())
write("plain.pbm", f"P1\n{W} {H}\n".encode() + "".join("10"[v // 128] for v in g.flatten().tolist()).encode())
write("hundred.pgm", f"P5\n{W} {H}\n100\n".encode() + np.minimum(g, 100).tobytes())
write("hundred.ppm", f"P6\n{W} {H}\n100\n".encode() + np.minimum(rgb_pixels, 100).tobytes())
save(rgb, "rgb.jp2")
save(grey, "grey.j2k")
save(rgba, "rgba.jp2")

for orientation, name in ((2, "exif2.png"), (3, "exif3.jpg"), (4, "exif4.png"), (5, "exif5.png"), (7, "exif7.webp"),
                          (8, "exif8.jpg")):
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(rgb, name, exif=exif, **({"lossless": True} if name.endswith("webp") else {}))


def wide_golden(name, samples, depth, **rules):
    """rules: text -> 8-bit values, or None where the file must be refused."""
    for rule, values in rules.items():
        entry = {"file": name, "rule": rule.replace("_to_", ":").replace("divide_", "divide:").replace("range_", "range:")}
        if values is not None:
            array = np.asarray(values, np.uint8)
            entry["rgb"] = (np.repeat(array[..., None], 3, 2) if array.ndim == 2 else array[..., :3]).tobytes().hex()
        wide_entries.append(entry)


def in_range(samples, low, high):
    clipped = np.clip(samples.astype(np.int64), low, high) - low
    return (255 * clipped + (high - low) // 2) // (high - low)


mono12 = g.astype(np.uint16) * 16 + 7
colour12 = rgb_pixels.astype(np.uint16) * 16 + 7
mono16 = g.astype(np.uint16) * 257
pairs = mono12.reshape(-1, 2)
packed = np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], 1).astype(np.uint8)
(FOLDER / "mono12.tif").write_bytes(tiff(mono12.astype("<u2").tobytes(), 16, 1, 1))
Image.fromarray(mono12).save(FOLDER / "mono12.png")
(FOLDER / "mono12_packed.tif").write_bytes(tiff(packed.tobytes(), 12, 1, 1))
(FOLDER / "colour12.tif").write_bytes(tiff(colour12.astype("<u2").tobytes(), 16, 2, 3))
(FOLDER / "mono12.pgm").write_bytes(f"P5\n{W} {H}\n4095\n".encode() + mono12.astype(">u2").tobytes())
(FOLDER / "mono16.pgm").write_bytes(f"P5\n{W} {H}\n65535\n".encode() + mono16.astype(">u2").tobytes())
Image.fromarray(mono16).save(FOLDER / "mono16.jp2")
twelve = {"refuse": None, "divide_16": mono12 // 16, "divide_2": None, "range_100_to_3000": in_range(mono12, 100, 3000)}
for name in ("mono12.tif", "mono12.png"):
    wide_golden(name, mono12, 16, high_byte=mono12 >> 8, **twelve)
for name in ("mono12_packed.tif", "mono12.pgm"):
    wide_golden(name, mono12, 12, high_byte=mono12 >> 4 if name.endswith("tif") else
                (mono12.astype(np.int64) * 65535 + 2047) // 4095 >> 8, **twelve)
wide_golden("colour12.tif", colour12, 16, refuse=None, high_byte=colour12 >> 8, divide_16=colour12 // 16,
            range_0_to_4095=in_range(colour12, 0, 4095))
for name in ("grey16_high.png", "mono16.pgm", "mono16.jp2"):
    values = mono16 if name != "grey16_high.png" else np.asarray(Image.open(FOLDER / name)).astype(np.uint16)
    wide_golden(name, values, 16, refuse=None, high_byte=values >> 8, divide_257=values // 257, divide_16=None,
                range_0_to_65535=in_range(values, 0, 65535))
low = np.asarray(Image.open(FOLDER / "grey16_low.png")).astype(np.uint16)
wide_golden("grey16_low.png", low, 16, refuse=low, high_byte=low >> 8, divide_2=low // 2)
wide_golden("rgb16.png", wide, 16, refuse=wide[..., :3].astype(np.uint16) >> 8, high_byte=wide[..., :3].astype(np.uint16) >> 8,
            divide_256=wide[..., :3].astype(np.uint16) // 256, divide_16=None)
json.dump({"pillow": PIL.__version__, "images": entries, "wide": wide_entries}, open(FOLDER / "images.json", "w"), indent=1)
