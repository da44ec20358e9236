"""scripts/demo.sh in a scratch checkout whose build.sh builds nothing. Standard library only.

demo_test.py PROGRAM PROJECT
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, PROJECT = map(Path, sys.argv[1:3])
MODES = ("training-free", "fine-tuned", "fine-tuned-identity")

# The program, but for a command that STOP_AT names: there it is interrupted. Each command is noted in CALLS.
WRAPPER = """#!/bin/sh
echo "$1" >> "$CALLS"
[ "$1" != "$STOP_AT" ] || exit 1
exec "{program}" "$@"
"""


class Demo(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = Path(holder.name)
        (self.root / "scripts").mkdir()
        (self.root / "build/release").mkdir(parents=True)
        for name in ("demo.sh", "common.sh"):
            shutil.copy(PROJECT / "scripts" / name, self.root / "scripts")
        self.write_executable("scripts/build.sh", f'#!/bin/sh\necho "$@" > "{self.root}/built"\n')
        self.write_executable("build/release/res2clip", WRAPPER.format(program=PROGRAM.resolve()))
        (self.root / "models").symlink_to(PROJECT.resolve() / "models")
        self.demo = self.root / "build/demo"

    def write_executable(self, name, text):
        path = self.root / name
        path.write_text(text)
        path.chmod(0o755)

    def run_demo(self, *arguments, stop_at=""):
        """The script's outcome, and the program's commands that it ran."""
        calls = self.root / "calls"
        calls.write_text("")
        environment = dict(os.environ, RES2CLIP_DEMO_SMALL="1", RES2CLIP_CACHE=str(self.root / "cache"), STOP_AT=stop_at,
                           CALLS=str(calls))
        result = subprocess.run([self.root / "scripts/demo.sh", *arguments], env=environment, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        return result, [call for call in calls.read_text().split() if call != "version"]

    def files(self):
        """What stands in the demo's folder, and when it was written."""
        return {str(path): path.lstat().st_mtime_ns for path in [self.demo, *self.demo.rglob("*")]}

    def check_results(self, printed):
        for mode in MODES:
            table = (self.demo / mode / "table.txt").read_text()
            self.assertIn(table, printed)
            self.assertRegex(table, r"(?m)^mesh +[0-9.]+")
            self.assertRegex(table, r"(?m)^mean +[0-9.]+")
            self.assertTrue((self.demo / mode / "results.json").is_file())
        inspected = sorted(path.relative_to(self.demo / "unseen") for path in self.demo.glob("unseen/*/test/*/*.png"))
        self.assertGreater(len(inspected), 4)
        for picture in inspected:
            class_name, _, kind, name = picture.parts
            overlay = self.demo / "maps" / class_name / kind / name
            self.assertEqual(overlay.read_bytes()[:4], b"\x89PNG", overlay)

    def check_page(self, printed):
        self.assertIn(str(self.demo / "index.html"), printed)
        page = (self.demo / "index.html").read_text()
        links = re.findall(r'(?:src|href)="([^"]*)"', page)
        self.assertGreater(sum(link.startswith("maps/") for link in links), 4)
        self.assertIn("adapters/curves.html", links)
        for link in links:
            self.assertTrue((self.demo / link).is_file(), link)
        for mode in MODES:
            self.assertIn((self.demo / mode / "table.txt").read_text().rstrip("\n"), page)

    def test_it_runs_goes_on_where_it_was_interrupted_and_keeps_what_is_there(self):
        result, calls = self.run_demo(stop_at="train")
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(calls, ["demo-data", "demo-data", "export", "eval", "infer", "infer", "train"])
        self.assertEqual((self.root / "built").read_text(), "--target res2clip_program\n")

        result, calls = self.run_demo()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(calls, ["train", "eval", "eval"])
        self.check_results(result.stdout)
        self.check_page(result.stdout)

        before = self.files()
        again, calls = self.run_demo()
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(calls, [])
        self.assertEqual(self.files(), before)
        self.check_results(again.stdout)

        # Another option of a late command: what was made before it stays.
        script = self.root / "scripts/demo.sh"
        script.write_text(script.read_text().replace("scoring.mode=fine_tuned", "scoring.mode=fine_tuned --shots 1"))
        result, calls = self.run_demo()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(calls, ["eval"])

        # Another program: everything is made anew, and nothing of the old one's stays.
        program = self.root / "build/release/res2clip"
        program.write_text(program.read_text() + "# another build\n")
        _, calls = self.run_demo(stop_at="demo-data")
        self.assertEqual(calls, ["demo-data"])
        self.assertFalse((self.demo / "seen").exists())

    def test_it_leaves_a_folder_with_other_files_alone(self):
        mine = self.root / "mine"
        mine.mkdir()
        (mine / "seen").write_text("keep")
        result, calls = self.run_demo(mine)
        self.assertEqual((result.returncode, calls), (1, []))
        self.assertIn(str(mine), result.stderr)
        self.assertEqual((mine / "seen").read_text(), "keep")

    def test_it_says_what_it_does(self):
        result, calls = self.run_demo("--help")
        self.assertEqual((result.returncode, calls), (0, []))
        self.assertIn("RES2CLIP_DEMO_SMALL", result.stdout)
        self.assertEqual(self.run_demo("--no-such-option")[0].returncode, 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
