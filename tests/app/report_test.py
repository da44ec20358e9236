"""The report of an evaluation: one well-formed page that needs nothing else, with the figures of the results."""
import base64
import csv
import json
import re
from html.parser import HTMLParser

from program import ProgramTest, done, main

CLOSED_AT_ONCE = {"meta", "br", "img", "line", "polyline"}  # HTML's void elements, and SVG's that hold nothing


class Page(HTMLParser):
    """Every element closed in its order; attributes given once; texts of cells and images by table and tag."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.rows, self.images, self.faults, self.counts, self.scripts = [], [], [], [], {}, 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if len({name for name, _ in attributes}) != len(attributes):
            self.faults.append(f"<{tag}> has an attribute twice")
        for name, value in attributes:
            if name in ("src", "href") and not value.startswith("data:"):
                self.faults.append(f"<{tag}> loads {value}")
        if tag == "img":
            self.images.append(dict(attributes))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        if tag not in CLOSED_AT_ONCE:
            self.faults.append(f"<{tag}/> may not be closed at once")
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing at {self.getpos()}")

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    def row(self, name):
        return next(row[1:] for row in self.rows if row and row[0] == name)


class Report(ProgramTest):
    def evaluated(self, name, *more):
        output = self.folder / name
        done("eval", "--backbone", self.clip, "--data", self.data, "--output", output, "-q", *more)
        return output

    def test_the_page_is_whole_and_says_what_the_results_say(self):
        first, second = self.evaluated("plain", "--save-maps"), self.evaluated("steep", "--set", "retrieval.gamma=0.05", "--shots", 2)
        page_file, table_file = self.folder / "report.html", self.folder / "report.csv"
        done("report", first, second, "-o", page_file, "-o", table_file, "-o", self.folder / "report.md", "-o",
             self.folder / "report.tex", "-q")
        page = Page(page_file.read_text(encoding="utf-8"))
        self.assertEqual(page.faults, [])
        self.assertEqual(page.open, [])
        for folder in (first, second):
            results = json.loads((folder / "results.json").read_text())
            expected = [f"{100 * value:.1f}" for value in results["mean"]["metrics"].values()]
            self.assertEqual(page.row(folder.name), expected)
        classes = json.loads((first / "results.json").read_text())["classes"]
        for name, one in classes.items():
            self.assertEqual(page.row(name), [f"{100 * value:.1f}" for value in one["metrics"].values()])
        self.assertEqual(page.counts["polyline"], 2 * 2 * len(classes))  # two curves a class and run
        self.assertEqual(page.counts["svg"], 3 * 2 * len(classes))
        self.assertEqual(page.counts["script"], 1)
        with open(table_file, newline="") as file:
            rows = {(row["run"], row["class"]): row for row in csv.DictReader(file)}
        self.assertEqual(float(rows["plain", "gear"]["P-AP"]), classes["gear"]["metrics"]["P-AP"])
        self.assertIn("| plain |", (self.folder / "report.md").read_text())
        self.assertIn("\\toprule", (self.folder / "report.tex").read_text())

    def test_the_gallery_shows_the_worst_mistakes(self):
        """Of image scores that are turned round, so that every kind of mistake occurs."""
        folder = self.evaluated("mistaken", "--save-maps", "--save-branch-maps", "--classes", "mesh")
        with open(folder / "scores.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        scores = sorted(float(row["score"]) for row in rows)
        alarm, miss = (next(row for row in rows if row["label"] == label) for label in "01")
        alarm["score"], miss["score"] = scores[-1] + 1, scores[0] - 1
        with open(folder / "scores.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        output = self.folder / "gallery.html"
        done("report", folder, "-o", output, "-q")
        page = Page(output.read_text(encoding="utf-8"))
        self.assertEqual(page.faults, [])
        shown = [image["alt"] for image in page.images]
        for path in (alarm["path"], miss["path"]):
            self.assertIn("image of " + path, shown)
            for kind in ("anomaly", "text", "visual", "residual"):
                self.assertIn(f"{kind} map of {path}", shown)
        self.assertIn("ground truth of " + miss["path"], shown)
        self.assertNotIn("ground truth of " + alarm["path"], shown)
        self.assertTrue((self.data / miss["mask"]).is_file())
        self.assertEqual(alarm["mask"], "")
        for image in page.images:
            png = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"), validate=True)
            self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
            self.assertEqual((int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")),
                             (int(image["width"]), int(image["height"])))
        done("report", folder, "-o", output, "--gallery", 0, "-q")
        self.assertEqual(Page(output.read_text(encoding="utf-8")).images, [])
        results = (folder / "results.json").read_text()
        (folder / "results.json").write_text(results.replace(str(self.data), "/nowhere"))
        done("report", folder, "-o", output, "-q")
        text = output.read_text(encoding="utf-8")
        self.assertEqual(Page(text).images, [])
        self.assertGreaterEqual(len(re.findall("the image cannot be read", text)), 2)

    def test_what_cannot_be_reported_is_refused(self):
        folder = self.evaluated("whole", "--classes", "mesh")
        self.fails(2, "must end in .html, .md, .csv or .tex", "report", folder, "-o", self.folder / "report.pdf")
        self.fails(3, "holds no results.json", "report", self.data, "-o", self.folder / "none.html")
        (folder / "scores.csv").unlink()
        self.fails(3, "scores.csv", "report", folder, "-o", self.folder / "none.html")
        self.assertFalse((self.folder / "none.html").exists())


if __name__ == "__main__":
    main()
