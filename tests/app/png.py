"""Reads the PNG files that the program writes (8-bit RGB, not interlaced). Standard library only."""
import struct
import zlib


def nearest_of(left, up, corner):
    """The Paeth predictor."""
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))


def rows_of(path):
    """The image's rows of bytes, RGB after RGB."""
    data = path.read_bytes()
    at, width, packed = 8, 0, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, _, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert (depth, colours, interlaced) == (8, 2, 0), path
        packed += body if kind == b"IDAT" else b""
        at += length + 12
    plain, stride, rows = zlib.decompress(packed), 3 * width, []
    above = bytearray(stride)
    for start in range(0, len(plain), stride + 1):
        row = bytearray(plain[start + 1:start + 1 + stride])
        for i in range(stride):
            left, corner = (row[i - 3], above[i - 3]) if i >= 3 else (0, 0)
            row[i] = (row[i] + (0, left, above[i], (left + above[i]) // 2, nearest_of(left, above[i], corner))[plain[start]]) % 256
        rows.append(row)
        above = row
    return rows


def changed_box(before, after):
    """x, y, width and height of the pixels in which two images of one size differ."""
    pixels = [(i // 3, y) for y, (one, two) in enumerate(zip(before, after)) for i in range(len(one)) if one[i] != two[i]]
    xs, ys = [x for x, _ in pixels], [y for _, y in pixels]
    return min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1
