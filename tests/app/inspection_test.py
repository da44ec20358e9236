"""From images of good parts to verdicts: `bank` calibrates, `infer` decides."""
import json
import shutil
import struct
import zlib
from pathlib import Path

from program import ProgramTest, done, main, run


def write_grey(path, value, size=128):
    """A PNG file of one grey value."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    rows = (b"\0" + bytes([value]) * size) * size
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Inspection(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.line = cls.folder / "line"
        done("demo-data", "--output", cls.line, "--classes", "mesh", "gear", "--train", 8, "--good", 4, "--defective", 3, "--seed", 6,
             "--size", 128, "-q")
        cls.goods = cls.line / "mesh/train/good"
        cls.bank = cls.folder / "mesh.bank"
        cls.told = run("bank", "--backbone", cls.clip, "--reference", cls.goods, "--output", cls.bank)
        assert cls.told.returncode == 0, cls.told.stderr
        cls.inspect = ("infer", "--backbone", cls.clip, "--bank", cls.bank)

    def records(self, *arguments, **options):
        return [json.loads(line) for line in done(*self.inspect, "--json", "-q", *arguments, **options).splitlines()]

    def threshold(self):
        lines = [line for line in self.told.stdout.splitlines() if line.startswith("threshold")]
        self.assertEqual(len(lines), 1)
        return float(lines[0].split()[1].rstrip(":"))

    def test_a_bank_prints_the_scores_of_its_references_and_what_can_be_promised(self):
        lines = self.told.stdout.splitlines()
        scores = [float(line.split()[0]) for line in lines[1:-1]]
        self.assertEqual(len(scores), 8)
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertEqual({Path(line.split()[2]).name for line in lines[1:-1]}, {path.name for path in self.goods.iterdir()})
        self.assertEqual(self.threshold(), scores[0])
        self.assertIn("about 11.1 % of further good parts", lines[-1])
        self.assertIn("with 8 references no rate below 1/9 = 11.1 % can", self.told.stderr)

    def test_a_rate_that_can_be_promised_takes_a_lower_threshold_without_a_remark(self):
        result = run("bank", "--backbone", self.clip, "--reference", self.goods, "--output", self.folder / "loose.bank",
                     "--false-alarms", 0.3)
        lines = result.stdout.splitlines()
        self.assertEqual(float(lines[-1].split()[1].rstrip(":")), float(lines[2].split()[0]))  # rank 7 of 8
        self.assertNotIn("cannot be promised", result.stderr)
        for rate in ("0", "1", "nan"):
            self.fails(2, "--false-alarms", "bank", "--backbone", self.clip, "--reference", self.goods, "--output",
                       self.folder / "none.bank", "--false-alarms", rate)
        self.assertFalse((self.folder / "none.bank").exists())

    def test_a_region_of_interest_is_kept_in_the_bank_and_holds_all_that_is_found(self):
        images = sorted((self.line / "mesh/test").glob("*/*.png"))
        base = ("bank", "--backbone", self.clip, "--reference", self.goods)
        left, whole, ignoring = (self.folder / name for name in ("left.bank", "whole.bank", "ignoring.bank"))
        told = run(*base, "--output", left, "--roi", "0,0,64,128")
        self.assertIn("50.0 % of each image looked at", told.stderr)
        done(*base, "--output", ignoring, "--ignore", "64,0 128,0 128,128 64,128", "-q")
        self.assertEqual(left.read_bytes(), ignoring.read_bytes())
        done(*base, "--output", whole, "--roi", "0,0,100%,100%", "-q")
        self.assertEqual(whole.read_bytes(), self.bank.read_bytes())
        records = [json.loads(line) for line in done("infer", "--backbone", self.clip, "--bank", left, "--json", "-q", *images).splitlines()]
        self.assertEqual(len(records), len(images))
        for record in records:
            for box in (record["box"], *record["regions"]):
                self.assertLessEqual(box["x"] + box["width"], 64, record["path"])
        self.assertNotEqual([record["score"] for record in records], [record["score"] for record in self.records(*images)])
        direct = done("infer", "--backbone", self.clip, "--reference", self.goods, "--roi", "0,0,64,128", "--json", "-q", *images).splitlines()
        self.assertEqual([json.loads(line)["score"] for line in direct], [record["score"] for record in records])
        for text, why in (("0,0,200,10", "reaches out of the image, which is 128x128"), ("1,2,3", "takes x,y,w,h"), ("0,0,3,3", "covers no patch")):
            self.fails(2, why, *base, "--output", self.folder / "none.bank", "--roi", text)
        self.fails(3, "no-mask.png", *base, "--output", self.folder / "none.bank", "--roi", self.folder / "no-mask.png")
        overlays = self.folder / "region-overlays"
        drawing = ("infer", "--backbone", self.clip, "--reference", self.goods, "-q", images[0], "--output", overlays)
        done(*drawing)
        (mask,) = overlays.rglob("*.png")
        self.fails(2, "is one of your images, which this output would replace", *drawing, "--roi", mask)
        self.fails(2, "a bank keeps its own", *self.inspect, "--roi", "0,0,64,128", images[0])
        self.fails(2, "--check looks where", "bank", "--backbone", self.clip, "--bank", self.bank, "--check", images[0], "--roi", "0,0,9,9")
        self.assertFalse((self.folder / "none.bank").exists())

    def test_a_bank_is_checked_on_further_images(self):
        good, defective = self.line / "mesh/test/good", [path for path in sorted((self.line / "mesh/test").iterdir()) if path.name != "good"]
        base = ("bank", "--backbone", self.clip, "--bank", self.bank, "--check", good)
        marked = [argument for folder in defective for argument in ("--defective", folder)]
        lines = done(*base, *marked, "-q").splitlines()
        of_good, of_defective = self.records(good), self.records(*defective)

        def count(records, verdict):
            return sum(record["verdict"] == verdict for record in records)
        for line, name, records in ((lines[1], "good", of_good), (lines[2], "defective", of_defective)):
            self.assertEqual(line.split(), [name, *(str(count(records, verdict)) for verdict in ("good", "anomalous", "unknown"))])
        pairs = [(g["score"], d["score"]) for g in of_good for d in of_defective]
        auroc = sum((d > g) + 0.5 * (d == g) for g, d in pairs) / len(pairs)
        self.assertIn(f"image AUROC {auroc:.4f}", lines)
        self.assertTrue(any(line.startswith(f"detection {100 - 100 * count(of_defective, 'good') / len(of_defective):.1f} %") for line in lines))
        table = lines[lines.index("threshold  good above  defective above") + 1:]
        self.assertEqual(sum("the bank's" in line for line in table), 1)
        for line in table:
            threshold, good_above, _, defective_above = (line.split() + [""])[:4]
            # The printed threshold is rounded: images at it may lie on either side.
            for share, records in ((good_above, of_good), (defective_above, of_defective)):
                clear = [record for record in records if abs(record["score"] - float(threshold)) > 1e-4]
                above = sum(record["score"] > float(threshold) for record in clear)
                self.assertLessEqual(abs(float(share) * len(records) / 100 - above), len(records) - len(clear) + 0.1, line)
        self.assertNotIn("AUROC", done(*base, "-q"))
        self.fails(2, "is a reference of this bank", "bank", "--backbone", self.clip, "--bank", self.bank, "--check", self.goods)
        self.fails(2, "--check measures the bank", *base, "--output", self.folder / "x.bank")
        self.fails(2, "belong to --check", "bank", "--backbone", self.clip, "--bank", self.bank)
        self.fails(2, "other settings (retrieval)", *base, "--set", "retrieval.gamma=0.02")

    def test_an_odd_reference_is_named(self):
        mixed = self.folder / "mixed"
        shutil.copytree(self.goods, mixed)
        shutil.copy(sorted((self.line / "gear/train/good").iterdir())[0], mixed / "stray.png")
        result = run("bank", "--backbone", self.clip, "--reference", mixed, "--output", self.folder / "mixed.bank")
        remarks = [line for line in result.stderr.splitlines() if "look at it" in line]
        self.assertEqual(len(remarks), 1, result.stderr)
        self.assertIn("stray.png", remarks[0])

    def test_too_few_references_give_no_verdict_and_say_so(self):
        few = self.folder / "few.bank"
        result = run("bank", "--backbone", self.clip, "--reference", self.good, "--output", few)
        self.assertIn("no threshold: it takes at least 4 references", result.stderr)
        record, = [json.loads(line) for line in done("infer", "--backbone", self.clip, "--bank", few, "--json", "-q", self.part).splitlines()]
        self.assertNotIn("verdict", record)
        self.fails(2, "--exit-code needs a threshold", "infer", "--backbone", self.clip, "--bank", few, "--exit-code", "-q", self.part)

    def test_images_are_good_anomalous_or_unknown(self):
        black, white = self.folder / "black.png", self.folder / "white.png"
        write_grey(black, 0)
        write_grey(white, 255)
        gear = sorted((self.line / "gear/test/good").iterdir())[0]
        parts = sorted((self.line / "mesh/test").rglob("*.png"))
        records = self.records(*parts, black, white, gear)
        threshold = self.threshold()
        for record in records[:-3]:
            self.assertAlmostEqual(record["threshold"], threshold, 4)
            self.assertEqual(len(record["bank"]), 64)
            expected = "anomalous" if record["score"] > record["threshold"] else "good"
            self.assertEqual(record["verdict"], expected, record)
            self.assertEqual(record["anomalous"], expected == "anomalous")
        self.assertEqual({record["verdict"] for record in records[:-3]}, {"good", "anomalous"})
        for record in records[-3:]:
            self.assertEqual(record["verdict"], "unknown", record)
            self.assertIn("patches", record["reason"])
        table = done(*self.inspect, "-q", black).splitlines()
        self.assertIn("verdict", table[0])
        self.assertEqual(table[1].split()[4], "unknown")
        one, = self.records("--threshold", 99, parts[-1])
        self.assertEqual((one["verdict"], one["threshold"]), ("good", 99))

    def test_without_good_parts_the_text_branch_scores_alone(self):
        base = ("infer", "--backbone", self.clip, "--json", "-q")
        with_reference = json.loads(done(*base, "--reference", self.good, self.part))
        alone = json.loads(done(*base, "--zero-shot", self.part))
        self.assertEqual(alone["text"], with_reference["text"])
        self.assertEqual(alone["score"], alone["text"])
        self.assertEqual((alone["visual"], alone["residual"]), (0, 0))
        maps = self.folder / "zero-shot-maps"
        done(*base, "--zero-shot", "--output", maps, self.part)
        self.assertEqual(len(list(maps.glob("*.npy"))), 1)
        self.fails(2, "--zero-shot uses no good parts", *base, "--zero-shot", "--reference", self.good, self.part)
        self.fails(2, "--exit-code needs a threshold", *base, "--zero-shot", "--exit-code", self.part)

    def test_the_exit_code_tells_the_worst_verdict(self):
        by_verdict = {}
        black = self.folder / "dark.png"
        write_grey(black, 0)
        for record in self.records(*sorted((self.line / "mesh/test").rglob("*.png")), black):
            by_verdict.setdefault(record["verdict"], record["path"])
        good, anomalous, unknown = (by_verdict[verdict] for verdict in ("good", "anomalous", "unknown"))
        for code, images in ((0, [good]), (10, [good, anomalous]), (11, [good, unknown]), (10, [unknown, anomalous])):
            self.assertEqual(run(*self.inspect, "--exit-code", "-q", *images).returncode, code, images)
            self.assertEqual(run(*self.inspect, "-q", *images).returncode, 0)
        broken = self.folder / "torn.png"
        broken.write_text("no image")
        self.assertEqual(run(*self.inspect, "--exit-code", "-q", anomalous, broken).returncode, 3)

    def test_a_threshold_of_other_settings_is_not_used(self):
        result = run(*self.inspect, "--json", "--set", "retrieval.gamma=0.02", self.part)
        self.assertEqual(result.returncode, 0)
        self.assertNotIn("verdict", json.loads(result.stdout))
        self.assertIn("taken with other settings (retrieval)", result.stderr)

    def test_all_images_of_a_bank_have_one_colour_scale(self):
        drawn = self.folder / "scale"
        parts = sorted((self.line / "mesh/test").rglob("*.png"))
        done(*self.inspect, "--output", drawn, "-q", "--set", "overlay.side_by_side=false", "--set", "overlay.outline=false",
             *parts)
        low, high = self.scale()
        done(*self.inspect, "--output", self.folder / "same", "-q", "--set", "overlay.side_by_side=false", "--set",
             "overlay.outline=false", "--range", low, high, "--", *parts)
        for path in drawn.rglob("*.png"):
            self.assertEqual(path.read_bytes(), (self.folder / "same" / path.relative_to(drawn)).read_bytes(), path)

    def scale(self):
        """The bank's: what good parts reach is the middle."""
        data = self.bank.read_bytes()
        header = json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])
        calibration = json.loads(header["__metadata__"]["calibration"])
        low, middle = calibration["map_low"], calibration["map_threshold"]
        return repr(low), repr(max(2 * middle - low, low + 0.25))


if __name__ == "__main__":
    main()
