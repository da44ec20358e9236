"""Tiles: overlapping parts of images, for thin cracks on elongated parts."""
import json
from pathlib import Path

from program import ProgramTest, done, main, run

import elongated


class Tiles(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.parts = cls.folder / "parts"
        elongated.draw(cls.parts, good=12, defective=12, width=240, seed=1)
        cls.made = ("bank", "--backbone", cls.clip, "--reference", cls.parts / "train", "--output")
        cls.whole, cls.tiled, cls.common = (cls.folder / name for name in ("whole.bank", "tiled.bank", "common.bank"))
        done(*cls.made, cls.whole, "-q")
        cls.told = run(*cls.made, cls.tiled, "--tiles", "3x1")
        assert cls.told.returncode == 0, cls.told.stderr
        done(*cls.made, cls.common, "--tiles", "3x1", "--common-tiles", "-q")

    def auroc(self, bank):
        lines = done("bank", "--backbone", self.clip, "--bank", bank, "--check", self.parts / "good", "--defective", self.parts / "crack", "-q")
        return float(next(line for line in lines.splitlines() if line.startswith("image AUROC")).split()[2])

    def test_thin_cracks_on_elongated_parts_are_told_apart_by_tiles(self):
        whole, tiled, common = (self.auroc(bank) for bank in (self.whole, self.tiled, self.common))
        self.assertLess(whole, 0.85, "the images are too easy to show anything")
        self.assertGreater(tiled, whole + 0.1)
        self.assertGreater(common, whole + 0.1)

    def test_the_bank_keeps_its_tiles_and_infer_uses_them(self):
        self.assertIn(", 3x1 tiles", self.told.stderr)
        self.assertEqual(len(self.told.stdout.splitlines()), 1 + 8 + 1, "each reference is compared with the others")
        images = sorted((self.parts / "crack").iterdir())[:3]
        output = self.folder / "drawn"
        lines = done("infer", "--backbone", self.clip, "--bank", self.tiled, "--json", "-q", "--output", output, *images).splitlines()
        direct = done("infer", "--backbone", self.clip, "--reference", self.parts / "train", "--tiles", "auto", "--json", "-q", *images).splitlines()
        for line, other in zip(lines, direct):
            record = json.loads(line)
            self.assertEqual(record["score"], json.loads(other)["score"], "three tiles are what auto finds for an aspect of 3")
            box = record["box"]
            self.assertLessEqual(box["x"] + box["width"], 240)
            self.assertLessEqual(box["y"] + box["height"], 720)
            header = Path(record["map"]).read_bytes()[:128].decode("latin1")
            self.assertIn("(320, 128)", header, "a map of 128 pixels across, and 128 + 2 * 96 down")
        self.assertEqual(len(list(output.glob("*.png"))), 3)

    def test_one_tile_is_the_same_as_none(self):
        one = self.folder / "one.bank"
        done(*self.made, one, "--tiles", "1x1", "-q")
        self.assertEqual(one.read_bytes(), self.whole.read_bytes())

    def test_what_cannot_be_right_is_refused(self):
        none, image = self.folder / "none.bank", sorted((self.parts / "good").iterdir())[0]
        for text in ("3", "0x2", "17x1", "big"):
            self.fails(2, "takes ROWSxCOLUMNS", *self.made, none, "--tiles", text)
        self.fails(2, "it needs --tiles", *self.made, none, "--common-tiles")
        self.fails(2, "not supported together with --roi", *self.made, none, "--tiles", "3x1", "--roi", "0,0,50%,50%")
        self.fails(2, "a bank keeps its own", "infer", "--backbone", self.clip, "--bank", self.tiled, "--tiles", "3x1", image)
        self.fails(2, "--check cuts images as the bank says", "bank", "--backbone", self.clip, "--bank", self.tiled, "--check", image, "--tiles", "3x1")
        self.fails(3, "tiles need images of the references' aspect", *self.made, none, "--tiles", "3x1", "--reference", self.good)
        self.assertFalse(none.exists())
        # On the line an image of another aspect is an error of that image alone.
        result = run("infer", "--backbone", self.clip, "--bank", self.tiled, "--json", "-q", self.part, image)
        self.assertEqual(result.returncode, 3)
        records = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertIn("aspect", records[0]["error"])
        self.assertIn("score", records[1])


if __name__ == "__main__":
    main()
