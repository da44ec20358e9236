"""scripts/train_demo_backbone.py and its parts. Standard library only; the training itself needs a Python with torch, numpy,
pillow and safetensors: this one, or the one that RES2CLIP_PYTHON names.

training_test.py PROGRAM PROJECT
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, PROJECT = sys.argv[1], Path(sys.argv[2])
SCRIPTS = PROJECT / "scripts"
PYTHON = os.environ.get("RES2CLIP_PYTHON", sys.executable)
sys.dont_write_bytecode = True
sys.path.insert(0, str(SCRIPTS))


def can_train():
    needs = "import numpy, PIL, safetensors, torch; numpy.trapezoid"
    return subprocess.run([PYTHON, "-c", needs], capture_output=True).returncode == 0


class Training(unittest.TestCase):
    def test_every_script_is_valid_python(self):
        sources = sorted(SCRIPTS.rglob("*.py"))
        self.assertIn(SCRIPTS / "train_demo_backbone.py", sources)
        for source in sources:
            compile(source.read_text(), str(source), "exec")

    def test_captions_are_tokenised_as_by_clip(self):
        from demo_backbone.tokenizer import Tokenizer
        tokenizer = Tokenizer(PROJECT / "third_party/clip-bpe/merges.txt")
        self.assertEqual(tokenizer("a photo of a cat."), [49406, 320, 1125, 539, 320, 2368, 269, 49407])
        self.assertEqual(tokenizer("A  Diagram"), [49406, 320, 22697, 49407])

    def test_there_are_words_for_every_kind_of_defect_that_is_trained_on(self):
        from demo_backbone import captions
        listing = json.loads(subprocess.run([PROGRAM, "demo-data", "--list"], check=True, capture_output=True).stdout)
        trained = {kind["name"] for kind in listing["defects"] if not kind["held_out"]}
        self.assertEqual(trained, set(captions.KINDS) - {"pasted"})

    @unittest.skipUnless(can_train(), f"{PYTHON} has no torch, numpy 2, pillow and safetensors; name one with RES2CLIP_PYTHON")
    def test_a_short_training_gives_a_model_that_the_program_takes(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)

            def train(output, *arguments):
                command = [PYTHON, "-B", SCRIPTS / "train_demo_backbone.py", "--program", PROGRAM, "--merges",
                           PROJECT / "third_party/clip-bpe/merges.txt", "--pool", folder / "pool", "--output", folder / output,
                           *arguments]
                result = subprocess.run(command, capture_output=True, text=True)
                self.assertEqual(result.returncode, 0, result.stderr)
                return result.stdout

            train("wide.safetensors", "--smoke", "--width", "192", "--blocks", "12")
            train("more.safetensors", "--smoke", "--initial", folder / "wide.safetensors")
            for weights in ("wide.safetensors", "more.safetensors"):
                made = subprocess.run([PROGRAM, "export", "--weights", folder / weights, "--output", folder / "clip.pt"],
                                      capture_output=True, text=True)
                self.assertEqual(made.returncode, 0, made.stderr)
                self.assertIn("12 blocks of width 192", made.stderr)
            self.assertNotEqual((folder / "wide.safetensors").read_bytes(), (folder / "more.safetensors").read_bytes())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
