"""The processor's precisions: which it takes, how fast each encodes, and how far scores move."""
import json

from part_runs import backbone, pictures
from part_speed import figures_of
from report import line, outcome

PRECISIONS = ("fp32", "bf16", "int8")
FLAGS = ("avx2", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")


def processor(one):
    yield "itself", lambda: [described()]
    for precision in PRECISIONS:
        yield f"{precision}, speed", lambda precision=precision: speed(one, precision)
    for precision in PRECISIONS[1:]:
        yield f"{precision}, scores", lambda precision=precision: deviation(one, precision)


def described():
    with open("/proc/cpuinfo") as file:
        told = dict(text.split(":", 1) for text in file.read().splitlines() if ":" in text)
    values = {key.strip(): value.strip() for key, value in told.items()}
    flags = [flag for flag in FLAGS if flag in values.get("flags", "").split()]
    return line(f"{values.get('model name', 'unknown')}: {', '.join(flags) or 'none of the flags looked for'}")


def refused(code, errors):
    """A precision that this processor does not have is refused in words."""
    return [outcome("refused, and says why", code == 2 and "this processor" in errors, errors.strip()[:300])]


def speed(one, precision):
    code, output, errors, _ = one.res2clip("bench", "--backbone", backbone(one), "--device", "cpu", "--precision", precision,
                                           "--batch-size", 1, "--repeats", 2, "--shots", 1, "--inspection")
    return refused(code, errors) if code else [line(*figure) for figure in figures_of(output)]


def scores(one, precision):
    """Of the demo backbone, whose features mean something: weights by formula have none."""
    files, references = pictures(one)
    options = [word for path in references for word in ("--reference", path)]
    code, output, errors, _ = one.res2clip("infer", "--backbone", one.work / "demo.clip.pt", "--device", "cpu", "--precision", precision,
                                           *options, "--json", "--quiet", *files[:32])
    found = [json.loads(text) for text in output.splitlines()]
    return code, errors, {result["path"]: result["score"] for result in found}


def deviation(one, precision):
    code, errors, found = scores(one, precision)
    if code:
        return refused(code, errors)
    exact = scores(one, "fp32")[2]
    return [outcome("a result for every image", found.keys() == exact.keys() and found),
            line("largest difference of a score from fp32's", max(abs(found[path] - exact[path]) for path in exact)),
            line("scores of fp32 span", max(exact.values()) - min(exact.values()))]
