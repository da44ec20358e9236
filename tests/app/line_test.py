"""`infer` on a line: records of several kinds, a watched folder, going on after a crash."""
import base64
import csv
import io
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import time
from html.parser import HTMLParser
from pathlib import Path

from png import rows_of
from program import PROGRAM, ProgramTest, done, main, run

TIMES = ("time", "seconds")


def without_times(record):
    return {key: value for key, value in record.items() if key not in TIMES}


def jpeg_size(data):
    """Width and height of a baseline JPEG."""
    at = 2
    while data[at + 1] != 0xC0:
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    height, width = struct.unpack(">HH", data[at + 5:at + 9])
    return width, height


class Page(HTMLParser):
    """A page whose tags are closed in their order; what it loads and shows."""
    VOID = {"meta", "img", "br", "link", "input"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.images, self.elements, self.captions = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:"), attributes
        if tag == "img":
            self.images.append(base64.b64decode(attributes["src"].split(",", 1)[1], validate=True))
        if tag == "figcaption":
            self.captions.append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        if "figcaption" in self.open:
            self.captions[-1] += data


class Line(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.line = cls.folder / "line"
        done("demo-data", "--output", cls.line, "--classes", "mesh", "--train", 6, "--good", 4, "--defective", 4, "--seed", 6, "--size", 128,
             "-q")
        cls.bank = cls.folder / "mesh.bank"
        done("bank", "--backbone", cls.clip, "--reference", cls.line / "mesh/train/good", "--output", cls.bank, "-q")
        cls.images = sorted((cls.line / "mesh/test").rglob("*.png"))
        cls.inspect = ("infer", "--backbone", cls.clip, "--bank", cls.bank, "-q")

    def records(self, *arguments, **options):
        return [json.loads(line) for line in done(*self.inspect, "--json", *arguments, **options).splitlines()]

    def test_records_hold_every_region_and_when_and_how_long(self):
        several = 0
        begun = time.time()
        for record in self.records(*self.images):
            regions, box = record["regions"], record["box"]
            self.assertEqual([r["peak"] for r in regions], sorted((r["peak"] for r in regions), reverse=True))
            if box["peak"] >= record["regions_from"]:
                self.assertEqual(regions[0]["peak"], box["peak"])
                self.assertLessEqual(regions[0]["x"], box["x"] + box["width"])
            else:
                self.assertEqual(regions, [])
            for region in regions:
                self.assertLessEqual(record["regions_from"], region["mean"])
                self.assertLessEqual(region["mean"], region["peak"])
                self.assertLessEqual(1, region["area"])
                self.assertLessEqual(region["area"], region["width"] * region["height"] + 1)
                self.assertLessEqual(region["x"] + region["width"], 128)
            several += len(regions) > 1
            then = time.strptime(record["time"][:19], "%Y-%m-%dT%H:%M:%S")
            self.assertRegex(record["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertLess(abs(time.mktime(then) - time.mktime(time.gmtime(begun))), 3600)
            self.assertTrue(0 < record["seconds"] < 600)
        self.assertGreater(several, 0)

    def test_csv_says_what_json_says(self):
        broken = self.folder / 'torn, "so".png'
        broken.write_text("no image")
        result = run(*self.inspect, "--csv", self.images[0], broken, self.images[-1])
        self.assertEqual(result.returncode, 3)
        rows = list(csv.DictReader(io.StringIO(result.stdout)))
        self.assertEqual([row["path"] for row in rows], [str(self.images[0]), str(broken), str(self.images[-1])])
        self.assertTrue(rows[1]["error"] and not rows[1]["score"])
        for row, record in zip((rows[0], rows[2]), self.records(self.images[0], self.images[-1])):
            for key in ("path", "verdict", "bank"):
                self.assertEqual(row[key], record[key])
            for key in ("score", "text", "visual", "residual", "threshold", "regions_from"):
                self.assertEqual(float(row[key]), record[key])
            for key in ("x", "y", "width", "height", "peak"):
                self.assertEqual(float(row[key]), record["box"][key])
            regions = [[float(value) for value in text.split()] for text in row["regions"].split(";") if text]
            self.assertEqual(regions, [list(region.values()) for region in record["regions"]])
        both = run(*self.inspect, "--csv", "--json", self.images[0])
        self.assertEqual(both.returncode, 2)
        self.assertIn("excludes", both.stderr)

    def test_overlays_are_small_if_asked(self):
        sizes = {}
        for name, options in (("png", ()), ("small", ("--overlay-format", "small-png")), ("jpeg", ("--overlay-format", "jpeg")),
                              ("alone", ("--overlay-only",)), ("least", ("--overlay-only", "--overlay-format", "jpeg"))):
            record, = self.records("--output", self.folder / "small" / name, *options, self.images[0])
            sizes[name] = Path(record["overlay"])
        rows = {name: rows_of(path) for name, path in sizes.items() if path.suffix == ".png"}
        self.assertEqual(rows["png"], rows["small"])
        self.assertEqual(sizes["jpeg"].suffix, ".jpg")
        self.assertEqual(jpeg_size(sizes["jpeg"].read_bytes()), (len(rows["png"][0]) // 3, len(rows["png"])))
        self.assertEqual((len(rows["alone"][0]) // 3, len(rows["alone"])), (512, 512))
        self.assertEqual(jpeg_size(sizes["least"].read_bytes()), (512, 512))
        bytes_of = {name: path.stat().st_size for name, path in sizes.items()}
        self.assertLess(bytes_of["small"], 0.9 * bytes_of["png"])
        self.assertLess(bytes_of["jpeg"], bytes_of["small"] / 2)
        self.assertLess(bytes_of["least"], bytes_of["jpeg"])
        for other in ("gif", "1", ""):
            result = run(*self.inspect, "--overlay-format", other, self.images[0])
            self.assertEqual(result.returncode, 2)
            self.assertIn("--overlay-format", result.stderr)

    def test_check_takes_several_values(self):
        good, bad = [p for p in self.images if p.parent.name == "good"], [p for p in self.images if p.parent.name != "good"]
        base = ("bank", "--backbone", self.clip, "--bank", self.bank, "-q")
        together = done(*base, "--check", *good, "--defective", *bad)
        self.assertEqual(together, done(*base, "--check", self.line / "mesh/test/good",
                                        *(argument for path in bad for argument in ("--defective", path))))
        self.fails(3, "nowhere.png: no such file", *base, "--check", good[0], "nowhere.png")

    def test_names_of_outputs_start_from_a_base_folder(self):
        maps, base = self.folder / "based", self.line / "mesh"
        arguments = ("--output", maps, "--base", base)
        listed = self.records(*arguments, self.images[0])
        streamed = self.records(*arguments, "-", input=f"{self.images[0]}\n")
        self.assertEqual(Path(listed[0]["overlay"]), maps / (str(self.images[0].relative_to(base)) + ".png"))
        self.assertEqual(listed[0]["overlay"], streamed[0]["overlay"])
        self.fails(2, "is not below", *self.inspect, *arguments, self.part)
        self.fails(2, "it needs --output", *self.inspect, "--base", base, self.part)

    def test_a_report_is_one_page_with_all_scores_and_images(self):
        page, wild, broken = self.folder / "pages/day.html", self.folder / "a<b>&\"c.png", self.folder / "x<y>.png"
        shutil.copy(self.images[0], wild)
        broken.write_text("no image")
        result = run(*self.inspect, "--json", "--report", page, *self.images, wild, broken)
        self.assertEqual(result.returncode, 3)
        records = [json.loads(line) for line in result.stdout.splitlines()][:-1]
        text = page.read_text()
        shown = Page(text)
        self.assertEqual(len(shown.images), len(records))
        for image in shown.images:
            self.assertLessEqual(max(jpeg_size(image)), 320)
        expected = sorted(records, key=lambda record: (-record["score"], record["path"]))
        for caption, record in zip(shown.captions, expected):
            self.assertTrue(caption.startswith(f"{record['score']:.4f} {record['verdict']}{record['path']}"), (caption, record["path"]))
        # The bars' areas are shares of all images.
        bars = [float(attributes["height"]) for tag, attributes in shown.elements if tag == "rect"]
        tallest = int(text.split('text-anchor="end">')[1].split("<")[0])
        self.assertAlmostEqual(sum(bars) / 180 * tallest, len(records), delta=0.1)
        self.assertIn(f"threshold {records[0]['threshold']:.4f}", text)
        self.assertNotIn("x<y>", text)
        self.assertIn("not readable", text)
        self.fails(2, "must end in .html", *self.inspect, "--report", "page.pdf", self.images[0])

    def test_the_demo_backbone_is_called_a_toy_once(self):
        result = run(*(argument for argument in self.inspect if argument != "-q"), *self.images[:2])
        self.assertEqual(result.stderr.count("demo backbone"), 1)
        self.assertEqual(run(*self.inspect, self.images[0]).stderr, "")

    def results(self, path):
        return [json.loads(line) for line in path.read_text().splitlines()]

    def test_a_run_that_is_killed_at_any_moment_goes_on_with_every_image_once(self):
        whole = {record["path"]: without_times(record) for record in self.records(*self.images)}
        dice = random.Random(3)
        for trial in range(2):
            kept, maps = self.folder / f"kept{trial}.jsonl", self.folder / f"kept{trial}"
            command = [PROGRAM, *map(str, self.inspect), "--results", kept, "--skip-done", "--output", maps, self.line / "mesh/test",
                       "--recursive"]
            kills = 0
            while True:
                process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                try:
                    if kills < 6:
                        process.communicate(timeout=dice.uniform(0.2, 1.5))
                    else:
                        process.communicate()
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    kills += 1
            self.assertEqual(process.returncode, 0)
            self.assertGreater(kills, 0)
            found = self.results(kept)
            self.assertEqual(sorted(record["path"] for record in found), sorted(str(path) for path in self.images))
            for record in found:
                expected = whole[record["path"]]
                self.assertEqual({key: record[key] for key in expected}, expected)
                self.assertTrue(Path(record["overlay"]).exists() and Path(record["map"]).exists())

    def test_a_torn_line_is_mended_and_other_files_stay_as_they_are(self):
        kept = self.folder / "torn.jsonl"
        go_on = ("--results", kept, "--skip-done")
        first = self.records(*go_on, *self.images[:3])
        text = kept.read_text()
        kept.write_text(text[:-30])
        result = run(*(argument for argument in self.inspect if argument != "-q"), *go_on, "--json", *self.images[:3])
        self.assertIn("the last line was cut off", result.stderr)
        self.assertEqual([json.loads(line)["path"] for line in result.stdout.splitlines()], [first[2]["path"]])
        self.assertEqual([without_times(r) for r in self.results(kept)], [without_times(json.loads(line)) for line in text.splitlines()])
        self.assertEqual(self.records(*go_on, *self.images[:3]), [])
        # A file that changed is another image.
        changed = self.folder / "changed.png"
        shutil.copy(self.images[0], changed)
        self.assertEqual(len(self.records(*go_on, changed)), 1)
        shutil.copy(self.images[-1], changed)
        self.assertEqual(len(self.records(*go_on, changed)), 1)

        self.fails(2, "--skip-done goes on with it", *self.inspect, "--results", kept, self.images[0])
        other = self.folder / "other.bank"
        done("bank", "--backbone", self.clip, "--reference", self.good, "--output", other, "-q")
        self.fails(2, "line 1 is of another bank", "infer", "--backbone", self.clip, "--bank", other, "-q", *go_on, self.images[0])
        for foreign in ("a letter", '{"path":"x"}\n', "[1]\n"):
            kept.write_text(foreign)
            self.fails(3, "line 1 is not a record", *self.inspect, *go_on, self.images[0])
            self.assertEqual(kept.read_text(), foreign)
        self.fails(2, "needs both --results and --bank", *self.inspect, "--skip-done", self.images[0])

    def test_a_broken_image_has_a_record_too(self):
        broken, kept = self.folder / "broken.png", self.folder / "broken.jsonl"
        broken.write_text("no image")
        arguments = (*self.inspect, "--results", kept, "--skip-done", broken, self.images[0])
        self.assertEqual(run(*arguments).returncode, 3)
        self.assertEqual([("error" in record) for record in self.results(kept)], [True, False])
        self.assertEqual(run(*arguments).returncode, 0)

    def watching(self, folder, *arguments):
        return subprocess.Popen([PROGRAM, *map(str, self.inspect), "--json", "--watch", folder, *map(str, arguments)], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_a_folder_is_watched_until_an_interrupt(self):
        camera, maps, kept = self.folder / "camera", self.folder / "camera-maps", self.folder / "camera.jsonl"
        camera.mkdir()
        shutil.copy(self.images[0], camera / "0.png")
        with self.watching(camera, "--output", maps, "--results", kept, "--skip-done") as process:
            def answer():
                return json.loads(process.stdout.readline())
            self.assertEqual(answer()["path"], str(camera / "0.png"))
            data = self.images[1].read_bytes()
            with open(camera / "1.png", "wb") as slow:
                for begin in range(0, len(data), len(data) // 3 + 1):
                    slow.write(data[begin:begin + len(data) // 3 + 1])
                    slow.flush()
                    time.sleep(0.3)
            record = answer()
            self.assertEqual(record["path"], str(camera / "1.png"))
            self.assertEqual(Path(record["overlay"]), maps / "1.png.png")
            shutil.copy2(self.images[2], camera / "copy.png")
            self.assertEqual(answer()["path"], str(camera / "copy.png"))
            shutil.copy(self.images[3], camera / "2.part")
            os.rename(camera / "2.part", camera / "2.png")
            self.assertEqual(answer()["path"], str(camera / "2.png"))
            time.sleep(1)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(timeout=20), 0)
            self.assertEqual(process.stdout.read(), "")
        self.assertEqual(len(self.results(kept)), 4)
        shutil.copy(self.images[4], camera / "late.png")
        with self.watching(camera, "--results", kept, "--skip-done") as process:
            self.assertEqual(json.loads(process.stdout.readline())["path"], str(camera / "late.png"))
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(timeout=20), 0)

    def test_what_cannot_be_watched_is_refused(self):
        self.fails(3, "is not a folder that can be watched", *self.inspect, "--watch", self.images[0])
        self.fails(2, "lies in --watch", *self.inspect, "--watch", self.line, "--output", self.line / "maps")
        self.fails(2, "either IMAGE ... or --watch DIR", *self.inspect, "--watch", self.line, self.images[0])
        self.fails(2, "either IMAGE ... or --watch DIR", *self.inspect)

    def test_results_of_two_processes_are_not_mixed(self):
        camera, kept = self.folder / "one-camera", self.folder / "one.jsonl"
        camera.mkdir()
        shutil.copy(self.images[0], camera)
        with self.watching(camera, "--results", kept) as process:
            process.stdout.readline()
            self.fails(2, "another process writes its results there", *self.inspect, "--results", kept, "--skip-done", self.images[0])
            process.terminate()
            self.assertEqual(process.wait(timeout=20), 0)


if __name__ == "__main__":
    main()
