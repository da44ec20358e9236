"""Writes tests/data/goldens/alignment.json: the method's scores and fused maps for every text anchor (Table 11) and residual alignment
(Table 3), evaluated from the paper's equations in double precision and plain loops. Standard library only; shares nothing with the C++ code.

    python3 tests/tools/make_alignment_goldens.py tests/data/goldens/alignment.json
"""
import itertools
import json
import math
import sys

ROWS, COLUMNS, PATCH, WIDTH, SHOTS = 3, 4, 7, 6, 2
LAYERS = (6, 12, 18, 24)
GAMMA, SIGMA, WINDOW, TOP = 0.01, 4.0, 5, 0.01
IMAGE_WEIGHTS, PIXEL_WEIGHTS = (1.0, 1.0, 1.0), (0.1, 1.0, 1.0)


class Numbers:
    """A linear congruential generator: the same numbers on every machine."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (1103515245 * self.state + 12345) % 2**31
        return self.state / 2**30 - 1

    def unit(self):
        return unit([self.next() + 0.6 for _ in range(WIDTH)])  # features have something in common


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def norm(a):
    return math.sqrt(dot(a, a))


def unit(a):
    length = norm(a)
    return [x / length for x in a]


def cosine(a, b):
    return dot(a, b) / (norm(a) * norm(b))


def minus(a, b):
    return [x - y for x, y in zip(a, b)]


def mean(vectors):
    return [sum(column) / len(vectors) for column in zip(*vectors)]


def sparsemax(z):
    """Eq. 33 by the closed form of Appendix C."""
    ordered, total, size, chosen = sorted(z, reverse=True), 0.0, 0, 0.0
    for count, value in enumerate(ordered, 1):
        total += value
        if 1 + count * value > total:
            size, chosen = count, total
    threshold = (chosen - 1) / size
    return [max(0.0, value - threshold) for value in z]


def radius(patch):
    row, column = divmod(patch, COLUMNS)
    return math.hypot(row - (ROWS - 1) / 2, column - (COLUMNS - 1) / 2)


def residuals(query, bank):
    """R_v of every patch: the query minus its retrieved reference, which is brought to unit length."""
    found = []
    for i, feature in enumerate(query):
        scores = [dot(feature, other) - GAMMA * abs(radius(i) - radius(j % len(query))) for j, other in enumerate(bank)]
        weights = sparsemax(scores)
        reference = [sum(w * other[d] for w, other in zip(weights, bank)) for d in range(WIDTH)]
        found.append(minus(feature, unit(reference)))
    return found


def upsampled(scores):
    """Bilinear, pixel centres aligned (align_corners=False)."""
    def place(pixel, count):
        at = min(max((pixel + 0.5) / PATCH - 0.5, 0.0), count - 1)
        low = min(int(at), count - 1)
        return low, min(low + 1, count - 1), at - low
    whole = []
    for y in range(ROWS * PATCH):
        top, bottom, down = place(y, ROWS)
        line = []
        for x in range(COLUMNS * PATCH):
            left, right, along = place(x, COLUMNS)
            upper = scores[top * COLUMNS + left] * (1 - along) + scores[top * COLUMNS + right] * along
            lower = scores[bottom * COLUMNS + left] * (1 - along) + scores[bottom * COLUMNS + right] * along
            line.append(upper * (1 - down) + lower * down)
        whole.append(line)
    return whole


def smoothed(image):
    half = WINDOW // 2
    kernel = [math.exp(-(i - half) ** 2 / (2 * SIGMA**2)) for i in range(WINDOW)]
    kernel = [value / sum(kernel) for value in kernel]
    height, width = len(image), len(image[0])
    return [[sum(kernel[dy + half] * kernel[dx + half] * image[y + dy][x + dx]
                 for dy in range(-half, half + 1) for dx in range(-half, half + 1)
                 if 0 <= y + dy < height and 0 <= x + dx < width)
             for x in range(width)] for y in range(height)]


def branch_map(layers):
    return smoothed(upsampled(mean(layers)))


def top_mean(image):
    values = sorted(itertools.chain.from_iterable(image), reverse=True)
    count = max(1, int(TOP * len(values)))
    return sum(values[:count]) / count


def text_score(feature, anchors, kind):
    if kind == "normal":
        return 1 - cosine(feature, anchors["normal"])
    return cosine(feature, anchors[kind])


def aligned(residual, direction, kind):
    value = cosine(residual, direction) if kind == "cosine" else dot(residual, unit(direction))
    return max(0.0, value)


def detection(query, references, anchors, anchor, alignment):
    patches = {layer: residuals(query["patches"][str(layer)], [p for shot in references for p in shot["patches"][str(layer)]])
               for layer in LAYERS}
    text = branch_map([[text_score(f, anchors, anchor) for f in query["patches"]["24"]]])
    visual = branch_map([[norm(r) for r in patches[layer]] for layer in LAYERS])
    residual = branch_map([[aligned(r, anchors["residual"], alignment) for r in patches[24]]])
    baseline = unit(mean([shot["global"] for shot in references]))
    # Eqs. 7, 9 and 12.
    scores = ((text_score(query["global"], anchors, anchor) + top_mean(text)) / 2, top_mean(visual),
              (aligned(minus(query["global"], baseline), anchors["residual"], alignment) + top_mean(residual)) / 2)
    maps = (text, visual, residual)
    fused = [[sum(w * m[y][x] for w, m in zip(PIXEL_WEIGHTS, maps)) for x in range(COLUMNS * PATCH)] for y in range(ROWS * PATCH)]
    return {"text_anchor": anchor, "residual_alignment": alignment, "text": scores[0], "visual": scores[1], "residual": scores[2],
            "score": sum(w * s for w, s in zip(IMAGE_WEIGHTS, scores)), "map": rounded(smoothed(fused))}


def rounded(values):
    return [rounded(v) for v in values] if isinstance(values, list) else round(values, 9)


def image(numbers):
    return {"global": numbers.unit(),
            "patches": {str(layer): [numbers.unit() for _ in range(ROWS * COLUMNS)] for layer in LAYERS}}


def main(path):
    numbers = Numbers(20260101)
    references = [image(numbers) for _ in range(SHOTS)]
    query = image(numbers)
    anchors = {"normal": numbers.unit(), "anomalous": numbers.unit()}
    anchors["residual"] = unit(minus(anchors["anomalous"], anchors["normal"]))
    cases = [detection(query, references, anchors, anchor, alignment)
             for anchor in ("residual", "anomalous", "normal") for alignment in ("projection", "cosine")]
    with open(path, "w", encoding="ascii") as file:
        json.dump({"rows": ROWS, "columns": COLUMNS, "patch": PATCH, "anchors": anchors, "references": references, "query": query,
                   "cases": cases}, file, separators=(",", ":"))
        file.write("\n")


main(sys.argv[1])
