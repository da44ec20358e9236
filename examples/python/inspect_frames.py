"""Verdicts on camera frames, in Python, through ctypes: inspect_frames.py LIBRARY ARCHIVE BANK WIDTH HEIGHT < frames

LIBRARY is libres2clip_c.so. Frames come on standard input as raw RGB, row after row. If there is no file BANK yet, the first
six frames are good parts: they are remembered, calibrated and saved there. Every other frame gets a line: score, threshold,
verdict, hottest region. An array of numpy gives its address by `array.ctypes.data` and its rows by `array.strides[0]`.
"""
import os
import sys
from ctypes import (CDLL, POINTER, Structure, byref, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_void_p, cast,
                    create_string_buffer)

GOOD_PARTS = 6
RGB8 = 0


class Image(Structure):
    _fields_ = [("data", c_void_p), ("width", c_int64), ("height", c_int64), ("row_bytes", c_int64), ("format", c_int32)]


# What of c.h is used here, without the two arguments for the text of an error.
CALLS = {
    "res2clip_pipeline_load": [c_char_p, c_char_p, c_char_p, POINTER(c_void_p)],
    "res2clip_bank_of_images": [c_void_p, POINTER(Image), POINTER(c_char_p), c_size_t, POINTER(c_void_p)],
    "res2clip_bank_calibrate": [c_void_p, c_void_p, c_double],
    "res2clip_bank_save": [c_void_p, c_char_p],
    "res2clip_bank_open": [c_void_p, c_char_p, POINTER(c_void_p)],
    "res2clip_product_new": [c_void_p, c_void_p, POINTER(c_double), POINTER(c_void_p)],
    "res2clip_inspect": [c_void_p, POINTER(Image), POINTER(c_void_p)],
}
OF_FINDING = {"score": c_double, "threshold": c_double, "verdict": c_char_p}


class Failure(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Library:
    def __init__(self, path):
        self.own = CDLL(path)
        for name, arguments in CALLS.items():
            getattr(self.own, name).argtypes = [*arguments, c_char_p, c_size_t]
        for name, result in OF_FINDING.items():
            function = getattr(self.own, f"res2clip_finding_{name}")
            function.argtypes, function.restype = [c_void_p], result
        self.own.res2clip_finding_box.argtypes = [c_void_p, POINTER(c_int64)]
        for handle in ("pipeline", "bank", "product", "finding"):
            free = getattr(self.own, f"res2clip_{handle}_free")
            free.argtypes, free.restype = [c_void_p], None

    def call(self, name, *arguments):
        error = create_string_buffer(1024)
        status = getattr(self.own, name)(*arguments, error, len(error))
        if status:
            raise Failure(status, error.value.decode())

    def made(self, name, *arguments):
        handle = c_void_p()
        self.call(name, *arguments, byref(handle))
        return handle


def image_of(frame, width, height):
    return Image(cast(c_char_p(frame), c_void_p), width, height, 0, RGB8)


def open_or_make(library, pipeline, path, frames, width, height):
    if os.path.exists(path):
        return library.made("res2clip_bank_open", pipeline, os.fsencode(path))
    good = [frame for frame in (next(frames, None) for _ in range(GOOD_PARTS)) if frame]
    images = (Image * len(good))(*(image_of(frame, width, height) for frame in good))
    bank = library.made("res2clip_bank_of_images", pipeline, images, None, len(good))
    library.call("res2clip_bank_calibrate", pipeline, bank, 0.05)
    library.call("res2clip_bank_save", bank, os.fsencode(path))
    return bank


def line_of(library, product, image):
    finding = library.made("res2clip_inspect", product, byref(image))
    box = (c_int64 * 4)()
    library.own.res2clip_finding_box(finding, box)
    score, threshold, verdict = (getattr(library.own, f"res2clip_finding_{name}")(finding) for name in OF_FINDING)
    library.own.res2clip_finding_free(finding)
    return "%.4f %.4f %s %d,%d %dx%d" % (score, threshold, verdict.decode(), *box)


def frames_of(stream, width, height):
    while len(frame := stream.read(width * height * 3)) == width * height * 3:
        yield frame


def main(path, archive, bank_path, width, height):
    library, width, height = Library(path), int(width), int(height)
    frames = frames_of(sys.stdin.buffer, width, height)
    pipeline = library.made("res2clip_pipeline_load", os.fsencode(archive), None, None)
    bank = open_or_make(library, pipeline, bank_path, frames, width, height)
    product = library.made("res2clip_product_new", pipeline, bank, None)
    for frame in frames:
        print(line_of(library, product, image_of(frame, width, height)), flush=True)
    for kind, handle in (("product", product), ("bank", bank), ("pipeline", pipeline)):
        getattr(library.own, f"res2clip_{kind}_free")(handle)


if len(sys.argv) != 6:
    sys.exit(__doc__.splitlines()[0])
try:
    main(*sys.argv[1:])
except Failure as failure:
    print(failure, file=sys.stderr)
    sys.exit(failure.status)
