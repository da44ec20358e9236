"""What tests/readme/docs.py takes for the same output, and what not."""
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from docs import same  # noqa: E402


class Same(unittest.TestCase):
    def test_the_last_digits_may_differ(self):
        self.assertTrue(same("eval", ["gear   97.9  88.5"], ["gear 98.0  88.4"]))
        self.assertTrue(same("eval", ["a.png,0.70012345"], ["a.png,0.7001"]))
        self.assertTrue(same("infer", ["0.6481  30,100 62x64  a.png"], ["0.6482  31,100 62x63  a.png"]))

    def test_figures_may_not(self):
        self.assertFalse(same("eval", ["gear   97.9  88.5"], ["gear 97.9  86.5"]))
        self.assertFalse(same("eval", ["a.png,0.7012"], ["a.png,0.7052"]))
        self.assertFalse(same("infer", ["0.6481  30,100 62x64  a.png"], ["0.6481  30,120 62x64  a.png"]))

    def test_counts_names_and_lines_may_not(self):
        self.assertFalse(same("prepare", ["meta.json: 4 images"], ["meta.json: 5 images"]))
        self.assertFalse(same("demo-data", ["data: 3 classes, 54 pictures"], ["data: 3 classes, 52 pictures"]))
        self.assertFalse(same("export", ["sha256 294ae02b"], ["sha256 294ae02c"]))
        self.assertFalse(same("eval", ["gear 97.9"], ["nut 97.9"]))
        self.assertFalse(same("eval", ["gear 97.9"], []))

    def test_times_and_machines_may(self):
        self.assertTrue(same("train", ["epoch 1   0.7 s  vis 0.9631"], ["epoch 1  12.5 s  vis 0.9632"]))
        self.assertFalse(same("train", ["epoch 1   0.7 s  vis 0.9631"], ["epoch 1   0.7 s  vis 0.9731"]))
        self.assertTrue(same("bench", ["encode, batch 1   0.0123 s/image"], ["encode, batch 1  1.5 s/image"]))
        self.assertTrue(same("doctor", ["cpu  AVX512", "memory 2 GB"], ["cpu AVX2"]))
        self.assertFalse(same("bench", ["encode 1.0 s/image"], ["match 1.0 s/image"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
