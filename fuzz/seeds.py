"""Makes the first inputs of the fuzz targets: seeds.py PROJECT FOLDER. From tests/data, and from texts written here."""
import json
import shutil
import struct
import sys
from pathlib import Path

project, output = Path(sys.argv[1]), Path(sys.argv[2])
data = project / "tests/data"
stored = data / "formats/0.1.0"


def seed(target, name, content):
    folder = output / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def without_crc(archive):
    """A zip whose directory states no CRC-32."""
    archive = bytearray(archive)
    at = archive.find(b"PK\1\2")
    while at >= 0:
        archive[at + 16:at + 20] = bytes(4)
        at = archive.find(b"PK\1\2", at + 4)
    return bytes(archive)


def safetensors(tensors, metadata):
    header, content = {"__metadata__": metadata}, b""
    for name, (kind, shape, numbers) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(content), len(content) + len(numbers)]}
        content += numbers
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


shutil.rmtree(output, ignore_errors=True)
for path in sorted((data / "torch_files").glob("*.pt*")):
    seed("torch_file", path.name, without_crc(path.read_bytes()))
seed("torch_file", "checkpoint.pth", without_crc((stored / "checkpoint.pth").read_bytes()))
seed("safetensors", "two", safetensors({"a": ("F32", [2, 2], bytes(16)), "b": ("BF16", [3], bytes(6))}, {"format": "pt"}))
seed("safetensors", "none", safetensors({}, {}))
card = {"format": 2, "checksum": "0" * 64, "name": "tiny", "weights_sha256": "0" * 64, "weights_verified": False, "embed_dim": 96,
        "image_size": 70, "native_size": 70, "patch_size": 14, "vision_width": 64, "vision_layers": 4, "vision_heads": 1,
        "text_width": 64, "text_layers": 2, "text_heads": 1, "context_length": 77, "vocabulary_size": 49408, "vv_blocks": 2,
        "global_ln_post": True, "patch_ln_post": True, "patch_projection": True}
seed("card", "usual", json.dumps(card))
seed("card", "other", json.dumps(dict(card, format=3, activation="gelu", vision_head_width=64, text_head_width=64,
                                      image_mean=[0.5, 0.5, 0.5], image_deviation=[0.5, 0.5, 0.5])))
for number, text in enumerate(("a photo of a damaged leather.", "it's &amp;lt; 100 % \u00c9\u03a3\u0130", "#version\ni n\nt h\nth e</w>\n")):
    seed("tokenizer", str(number), text)
seed("bank", "normal", (stored / "normal.bank").read_bytes())
for kind in ("float32", "float16"):
    folder = stored / f"store-{kind}"
    seed("store", kind, (folder / "store.json").read_bytes() + b"\n----\n" + (folder / "index.log").read_bytes())
item = {"img_path": "a/test/bad/0.png", "mask_path": "a/ground_truth/bad/0.png", "cls_name": "a", "specie_name": "bad", "anomaly": 1}
good = dict(item, img_path="a/train/good/0.png", mask_path="", specie_name="good", anomaly=0)
seed("lists", "meta", json.dumps({"train": {"a": [good]}, "test": {"a": [item, good]}}))
seed("lists", "real", json.dumps({"meta": {"prefix": "", "normal_class": "OK"},
                                  "train": [{"category": "part", "anomaly_class": "OK", "image_path": "a.jpg", "mask_path": None}],
                                  "test": [{"category": "part", "anomaly_class": "NG", "image_path": "b.jpg", "mask_path": "b.png"}]}))
seed("lists", "references", json.dumps({"a": ["a/train/good/0.png", "/nowhere/1.png"]}))
seed("lists", "visa", "object,split,label,image,mask\na,train,normal,a/Data/Images/Normal/0.JPG,\n"
                      "a,test,anomaly,a/Data/Images/Anomaly/0.JPG,a/Data/Masks/Anomaly/0.png\n")
seed("lists", "paths", "\ufeffa b.png\r\n\"c.png\"\n\\d\\e.png\n")
seed("pairs", "two", '{"epoch":0,"step":0,"query":["a","b"],"reference":["c","a"]}\n{"epoch":0,"step":1,"query":["d"],"reference":["d"]}\n')
for name in ("released", "paper"):
    seed("settings", name, (project / f"configs/{name}.yaml").read_bytes())
seed("settings", "plan", (next(iter(sorted((project / "configs/tables").glob("*.yaml"))))).read_bytes())
seed("settings", "json", '{"profile": "paper", "retrieval": {"gamma": 0.5}, "layers": {"text": [1, 2]}}')
seed("settings", "assignment", "retrieval.gamma=0.5")
for path in sorted((data / "images").iterdir()):
    if path.suffix not in {".py", ".md", ".json", ".pt"} and path.name != "LICENSE" and path.stat().st_size < 3000:
        seed("image", path.name, path.read_bytes())
