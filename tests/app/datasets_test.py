"""Data sets as people lay them out: one evaluation on each layout; what is left out, remarked on or refused.

Each tree is made of one drawn class by moving its files.
"""
import json
import os
import re
import shutil
from pathlib import Path

from program import ProgramTest, done, main, run
from visa_layout import as_visa

SMALL = ("--batch-size", 8, "--threads", 1)


class Datasets(ProgramTest):
    def tree(self, name):
        """A copy of the class gear: train/good, test/{good, DEFECT}, ground_truth/DEFECT."""
        folder = self.folder / "trees" / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.data / "gear", folder / "gear")
        return folder, folder / "gear"

    def defects(self, part):
        return sorted(p for p in (part / "test").iterdir() if p.name != "good")

    def evaluate(self, data, *arguments, name="results"):
        output = self.folder / "out" / name
        shutil.rmtree(output, ignore_errors=True)
        result = run("eval", "--backbone", self.clip, "--data", data, "--output", output, *SMALL, *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads((output / "results.json").read_text()), result.stderr

    def means_of(self, data, *arguments):
        return self.evaluate(data, *arguments)[0]["mean"]["metrics"]

    def remarks(self, data, *arguments):
        results, messages = self.evaluate(data, *arguments)
        for remark in results["remarks"]:
            self.assertIn("remark: " + remark, messages)
        return results["remarks"]

    def test_each_layout_gives_what_mvtecs_gives(self):
        root, part = self.tree("mvtec")
        first = ("--references", "first")
        expected = self.means_of(root, "--dataset", "mvtec", *first)

        root, part = self.tree("btad")
        for split in ("train", "test"):
            (part / split / "good").rename(part / split / "ok")
        for mask in part.glob("ground_truth/*/*_mask.png"):
            mask.rename(mask.with_name(mask.name.replace("_mask", "")))
        self.assertEqual(self.means_of(root, "--dataset", "btad", *first), expected)

        root, part = self.tree("loco")
        for mask in sorted(part.glob("ground_truth/*/*_mask.png")):
            folder = mask.with_name(mask.name.replace("_mask.png", ""))
            folder.mkdir()
            mask.rename(folder / "000.png")
            shutil.copy(folder / "000.png", folder / "001.png")
        self.assertEqual(self.means_of(root, "--dataset", "loco", *first), expected)

        root, part = self.tree("ad2")
        (part / "test").rename(part / "test_public")
        (part / "ground_truth").rename(part / "test_public/ground_truth")
        self.assertEqual(self.means_of(root, "--dataset", "mvtec_ad2", *first), expected)

        root, part = self.tree("mpdd")
        (root / "MPDD").mkdir()
        part.rename(root / "MPDD/gear")
        self.assertEqual(self.means_of(root, "--dataset", "mpdd", *first), expected)

        root, part = self.tree("anomalib")
        (part / "train/good").rename(part / "normal")
        (part / "test/good").rename(part / "normal_test")
        (part / "ground_truth").rename(part / "mask")
        for kind in self.defects(part):
            kind.rename(part / kind.name)
        (part / "test/good").parent.rmdir()
        (part / "train").rmdir()
        self.assertEqual(self.means_of(root, "--dataset", "anomalib", *first), expected)

        root, part = self.tree("deeper")
        (part / "train/good").rename(part / "train/x")
        (part / "train/good").mkdir()
        (part / "train/x").rename(part / "train/good/cam1")
        done("prepare", "--dataset", "folder", "--data", root)
        self.assertEqual(self.means_of(root, "--dataset", "meta", *first), expected)
        (root / "meta.json").rename(root / "list.json")
        self.assertEqual(self.means_of(root / "list.json", "--dataset", "meta", *first), expected)

        self.assertEqual(self.means_of(self.visa(), "--dataset", "visa", "--classes", "gear", *first), expected)
        self.assertEqual(self.means_of(self.real_iad(), "--dataset", "real_iad", *first), expected)

    def test_prepare_counts_and_compares_with_the_papers_counts(self):
        root = self.folder / "counted"
        for name in ("01", "02", "03"):  # BTAD's classes, with other images
            shutil.copytree(self.data / "gear", root / name)
        lines = run("prepare", "--dataset", "mvtec", "--data", root).stderr.splitlines()
        counts = [list(map(int, re.findall(r"\d+", line.split(":")[1]))) for line in lines if re.match(r"0[123]: ", line)]
        self.assertEqual(len(counts), 3)
        train, test, anomalous = (sum(column) for column in zip(*counts))
        self.assertIn(f"all 3 classes: {train} train, {test} test ({anomalous} anomalous)", lines)
        self.assertIn("remark: the paper's BTAD has 451 normal and 290 anomalous test images", lines)
        self.assertNotIn("paper", run("prepare", "--dataset", "mvtec", "--data", self.data).stderr)

    def visa(self):
        """VisA's folders and list, which names a second class that is not there."""
        root, part = self.tree("visa")
        as_visa(root, part, "other,test,normal,other/Data/Images/Normal/0.png,")
        return root

    def real_iad(self):
        root, part = self.tree("real_iad")
        lists = {"meta": {"prefix": "gear/", "normal_class": "OK"}, "train": [], "test": []}
        for split in ("train", "test"):
            for path in sorted((part / split).glob("*/*.png")):
                kind, mask = path.parent.name, part / "ground_truth" / path.parent.name / f"{path.stem}_mask.png"
                lists[split].append({"category": "gear", "anomaly_class": "OK" if kind == "good" else kind,
                                     "image_path": str(path.relative_to(part)),
                                     "mask_path": str(mask.relative_to(part)) if mask.exists() else None})
        (root / "realiad_jsons").mkdir()
        (root / "realiad_jsons/gear.json").write_text(json.dumps(lists))
        return root

    def test_what_may_be_wrong_is_remarked_on_in_terminal_and_results(self):
        root, part = self.tree("shop-floor")
        (part / "test/good").rename(part / "test/Gut")
        remarks = " | ".join(self.remarks(root))
        self.assertIn("gear: no test image is normal", remarks)
        self.assertIn("anomalous images have no mask: their pixels count as good", remarks)
        self.assertEqual([r for r in self.remarks(root, "--good", "gut,good") if "mask" in r or "normal" in r], [])

        root, part = self.tree("empty-masks")
        masks = sorted(part.glob("ground_truth/*/*.png"))
        for mask in masks[:2]:
            self.write_png(mask, 128, 128, 0)
        self.assertIn(f"gear: 2 of {len(masks)} masks are empty", " | ".join(self.remarks(root)))
        self.write_png(masks[0], 128, 128, 255)
        self.assertIn(f"gear: 1 of {len(masks)} masks mark every pixel", " | ".join(self.remarks(root)))
        self.write_png(masks[0], 128, 64, 255)
        self.fails(3, "another ratio of width to height", "eval", "--backbone", self.clip, "--data", root)

    def test_a_mask_that_vanishes_at_the_size_of_the_maps_is_remarked_on(self):
        root, part = self.tree("thin")
        masks = sorted(part.glob("ground_truth/*/*.png"))
        self.write_png(masks[0], 256, 256, 0, marked=(100, 50))  # a quarter of a pixel of the map
        remarks = [remark for remark in self.remarks(root) if "mark no pixel" in remark]
        self.assertEqual(len(remarks), 1)
        self.assertIn("gear: 1 masks mark no pixel at 128 x 128", remarks[0])

    def write_png(self, path, width, height, value, marked=None):
        import struct
        import zlib
        def chunk(name, data):
            return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        rows = bytearray((b"\0" + bytes([value]) * width) * height)
        if marked:
            rows[marked[1] * (width + 1) + 1 + marked[0]] = 255
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
                         chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

    def test_prepare_writes_what_any_folder_holds_and_never_dies(self):
        for good, bad in (("OK", "NG"), ("Good", "Bad"), ("normal", "abnormal")):
            root, part = self.tree("names")
            for split in ("train", "test"):
                (part / split / "good").rename(part / split / good)
            shutil.rmtree(part / "ground_truth")
            self.defects(part)
            result = run("prepare", "--dataset", "folder", "--data", root)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("gear: 2 train, 16 test (12 anomalous)", result.stderr)
        shutil.rmtree(part / "train")
        self.fails(2, "is there already and says something else", "prepare", "--dataset", "folder", "--data", root)
        (root / "meta.json").unlink()
        result = run("prepare", "--dataset", "folder", "--data", root)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("gear: 0 train, 16 test (12 anomalous)", result.stderr)

    def broken_tree(self):
        root, part = self.tree("broken")
        images = sorted((part / "test/good").glob("*.png"))
        mask = sorted(part.glob("ground_truth/*/*.png"))[0]
        for path in (images[1], images[2], mask):
            path.write_bytes(path.read_bytes()[:100])
        return root, [images[1], images[2], mask]

    def test_broken_files_are_all_named_before_anything_is_encoded(self):
        root, broken = self.broken_tree()
        for command in (("eval", "--backbone", self.clip), ("train", "--backbone", self.clip, "--output", self.folder / "never"),
                        ("bank", "--backbone", "nowhere.pt", "--output", self.folder / "never.bank")):
            data = ("--data", root) if command[0] != "bank" else ("--reference", root / "gear/test/good")
            for path in broken[:2] if command[0] == "bank" else broken:
                self.fails(3, str(path), *command, *data)
        self.assertFalse((self.folder / "never/features").exists())

    def test_runs_go_on_without_broken_files_if_asked(self):
        root, broken = self.broken_tree()
        results, messages = self.evaluate(root, "--skip-broken")
        self.assertEqual(results["classes"]["gear"]["images"], 13)
        self.assertEqual(len(results["left_out"]), 3)
        for path in broken:
            self.assertIn(f"left out: {path}", messages)
        result = run("train", "--backbone", self.clip, "--data", root, "--output", self.folder / "skipped", "--epochs", 1,
                     "--skip-broken", *SMALL[2:])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(f"left out: {broken[0]}", result.stderr)
        result = run("bank", "--backbone", self.clip, "--reference", root / "gear/test/good", "--output",
                     self.folder / "some.bank", "--skip-broken")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("2 reference image(s)", result.stderr)

    def test_training_without_any_mask_is_refused(self):
        root, part = self.tree("no-masks")
        shutil.rmtree(part / "ground_truth")
        self.assertIn("nothing to learn from", run("train", "--backbone", self.clip, "--data", root, "--output",
                                                   self.folder / "nothing").stderr)
        self.assertFalse((self.folder / "nothing/features").exists())

    def test_an_evaluation_on_what_was_trained_on_says_so(self):
        run_folder = self.folder / "trained"
        done("train", "--backbone", self.clip, "--data", self.data, "--classes", "mesh", "--output", run_folder, "--epochs", 1,
             "--threads", 1, "-q")
        checkpoint = ("--checkpoint", run_folder / "checkpoint.pth")
        seen = self.remarks(self.data, "--classes", "mesh,gear", *checkpoint)
        self.assertIn("16 of 32 test images are among those that", " | ".join(seen))
        self.assertNotIn("are among those", " | ".join(self.remarks(self.data, "--classes", "gear", *checkpoint)))
        shutil.copy(run_folder / "checkpoint.pth", self.folder / "alone.pth")
        alone = self.remarks(self.data, "--classes", "gear", "--checkpoint", self.folder / "alone.pth")
        self.assertIn("no training_data.json beside it", " | ".join(alone))

    def test_the_papers_figures_stand_beside_its_own_data_alone(self):
        results, _ = self.evaluate(self.data, "--dataset", "mvtec")
        self.assertNotIn("published", results)
        self.assertEqual(results["not_compared_with_the_paper"], "the classes are not those of MVTec AD")
        self.assertNotIn("not_compared_with_the_paper", self.evaluate(self.data, "--dataset", "folder")[0])
        self.fails(2, "all weights are 0", "eval", "--backbone", self.clip, "--data", self.data, "--set",
                   "scoring.training_free.image={text: 0, visual: 0, residual: 0}")

    def test_references_are_found_by_the_tail_of_their_path(self):
        references = self.folder / "refs.json"
        name = sorted(self.good.glob("*.png"))[0].name
        references.write_text(json.dumps({"mesh": [f"./data/MVTec/mesh/train/good/{name}"], "gear": ["gone.png"]}))
        results, _ = self.evaluate(self.data, "--classes", "mesh", "--references", references)
        self.assertEqual(results["classes"]["mesh"]["references"], [f"mesh/train/good/{name}"])
        test = next((self.data / "mesh/test/good").glob("*.png"))
        references.write_text(json.dumps({"mesh": [str(test)]}))
        self.assertIn("1 of 1 references are also test images", " | ".join(self.remarks(
            self.data, "--classes", "mesh", "--references", references)))
        self.fails(2, "'gear' is none of them", "eval", "--backbone", self.clip, "--data", self.data, "--references", "published")

    def test_no_output_leaves_its_folder(self):
        root, part = self.tree("leaving")
        images = sorted((part / "test/good").glob("*.png"))
        bad = self.defects(part)[0]
        items = [{"img_path": f"../leaving/gear/test/good/{images[0].name}", "cls_name": "gear", "anomaly": 0},
                 {"img_path": str(self.part), "cls_name": "gear", "anomaly": 0},
                 {"img_path": f"../../data/gear/test/good/{images[1].name}", "cls_name": "gear", "anomaly": 0},
                 {"img_path": str(next(bad.glob("*.png")).relative_to(root)), "cls_name": "gear", "anomaly": 1}]
        (root / "meta.json").write_text(json.dumps({"test": {"gear": items}}))
        (root / "refs.json").write_text(json.dumps({"gear": [str(images[2])]}))
        before = {p for p in self.folder.rglob("*") if p.is_file()}
        output = self.folder / "out/maps-inside"
        done("eval", "--backbone", self.clip, "--dataset", "meta", "--data", root, "--references", root / "refs.json",
             "--save-maps", "--output", output, "-q", *SMALL)
        new = {p for p in self.folder.rglob("*") if p.is_file()} - before
        self.assertEqual([p for p in new if output not in p.parents], [])
        self.assertEqual(len(list((output / "maps").rglob("*.npy"))), 4)

    def infer(self, *arguments, **options):
        return run("infer", "--backbone", self.clip, "--reference", self.good, "--json", *SMALL, *arguments, **options)

    def test_folders_say_what_they_leave_out(self):
        new = self.folder / "new"
        (new / "below").mkdir(parents=True)
        for name in ("a.png", "below/b.png", "c.jfif", "notes.txt", "d.png.bak", ".DS_Store", "Thumbs.db"):
            shutil.copy(self.part, new / name)
        result = self.infer(new)
        self.assertEqual(len(result.stdout.splitlines()), 2, result.stderr)
        self.assertIn("not taken from folders: 2 other files (suffix .bak 1, suffix .txt 1), 1 image in folders below", result.stderr)
        self.assertEqual(len(self.infer("--recursive", new).stdout.splitlines()), 3)
        self.assertEqual(len(self.infer(new / "**/*.png").stdout.splitlines()), 2)
        os.symlink("/nowhere/x.png", new / "gone.png")
        (new / "lfs.png").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
        result = self.infer(new)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("2 of 4 images could not be read", result.stderr)

    def test_lists_of_paths_are_read_as_programs_write_them(self):
        images = [str(p) for p in sorted((self.data / "mesh/test/good").glob("*.png"))]
        lists = {"bom": "\n".join(images).encode("utf-8-sig"), "quoted": "\n".join(f'"{p}"' for p in images).encode(),
                 "crlf": "\r\n".join(images).encode(), "blanks": "".join(p + "  \n" for p in images).encode(),
                 "backslash": "\n".join(p.replace("/", "\\") for p in images).encode()}
        for name, text in lists.items():
            path = self.folder / f"{name}.txt"
            path.write_bytes(text)
            with open(path) as stream:
                result = self.infer("-q", "-", stdin=stream)
            self.assertEqual((result.returncode, len(result.stdout.splitlines())), (0, len(images)), name + result.stderr)
        path.write_bytes("\n".join(images).encode("utf-16"))
        for text, stream in (("UTF-16", open(path)), ("names no images", open(os.devnull))):
            with stream:
                result = self.infer("-q", "-", stdin=stream)
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assertIn(text, result.stderr)


if __name__ == "__main__":
    main()
