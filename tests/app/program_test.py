"""The program as its users call it: pictures, options, messages, interruptions, completion."""
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from png import changed_box, rows_of
from program import PROGRAM, PROJECT, ProgramTest, done, main, run


class Program(ProgramTest):
    def test_infer_prints_json_lines_and_writes_maps(self):
        maps = self.folder / "maps"
        lines = done("infer", "--backbone", self.clip, "--reference", self.good, "--output", maps, "--json",
                     "--threshold", 0.1, self.part).splitlines()
        self.assertEqual(len(lines), 1)
        record = json.loads(lines[0])
        self.assertLessEqual({"path", "score", "text", "visual", "residual", "box", "anomalous"}, set(record))
        self.assertTrue(record["anomalous"])
        self.assertEqual((maps / f"{self.part.stem}.png").read_bytes()[:4], b"\x89PNG")
        self.assertEqual((maps / f"{self.part.stem}.npy").read_bytes()[:6], b"\x93NUMPY")

    def test_a_bank_and_paths_on_standard_input_give_the_same_scores(self):
        bank = self.folder / "mesh.bank"
        done("bank", "--backbone", self.clip, "--reference", self.good, "--output", bank)
        direct = done("infer", "--backbone", self.clip, "--reference", self.good, "--json", "-q", "--", self.part)
        kept = done("infer", "--backbone", self.clip, "--bank", bank, "--json", "-q", "-", input=f"{self.part}\n")
        self.assertEqual(json.loads(direct)["score"], json.loads(kept)["score"])

    def test_an_image_that_cannot_be_read_does_not_stop_the_others(self):
        broken = self.folder / "broken.png"
        broken.write_text("no picture")
        result = run("infer", "--backbone", self.clip, "--reference", self.good, "--json", "--", broken, self.part)
        self.assertEqual(result.returncode, 3)
        records = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([("error" in r, "score" in r) for r in records], [(True, False), (False, True)])

    def test_references_are_named_one_by_one_so_that_pictures_may_follow(self):
        goods = sorted(self.good.glob("*.png"))
        result = run("infer", "--backbone", self.clip, "--reference", goods[0], self.part, goods[1], "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([json.loads(line)["path"] for line in result.stdout.splitlines()], [str(self.part), str(goods[1])])
        self.assertIn("1 reference(s), 2 image(s)\n", result.stderr)
        result = run("infer", "--backbone", self.clip, "--reference", goods[0], "--reference", goods[1], self.part)
        self.assertIn("2 reference(s), 1 image(s)\n", result.stderr)
        self.assertEqual(run("infer", "--backbone", self.clip, "--reference", goods[0], self.part, "-q").stderr, "")
        self.fails(2, str(goods[0]), "infer", "--backbone", self.clip, "--reference", self.good, self.part, goods[0])
        self.fails(2, "not both", "infer", "--backbone", self.clip, "--reference", "-", "-", input="")
        self.fails(3, "gamma", "infer", "--backbone", self.clip, "--reference", goods[0], self.part, "--set",
                   "retrieval.gamma=0.02", "retrieval.gamma=0.03")  # the second is no setting but a picture

    def pictures(self, name):
        folder = self.folder / name
        folder.mkdir()
        for number, source in enumerate((self.part, sorted(self.good.glob("*.png"))[0])):
            shutil.copy(source, folder / f"{number}.png")
        return folder

    def test_an_output_that_would_replace_a_picture_is_refused(self):
        own = self.pictures("own")
        before = {path: path.read_bytes() for path in own.iterdir()}
        bank = self.folder / "own.bank"
        done("bank", "--backbone", self.clip, "--reference", own / "1.png", "--output", bank, "-q")
        base = ("infer", "--backbone", self.clip, "--output", own)
        self.fails(2, str(own), *base, "--reference", self.good, own)
        self.fails(2, str(own), *base, "--reference", own / "1.png", self.pictures("like") / "1.png", "-q")
        self.fails(2, str(own), *base, "--bank", bank, self.folder / "like/1.png", "-q")
        (self.folder / "alias").symlink_to(own)
        self.fails(2, "alias", "infer", "--backbone", self.clip, "--output", self.folder / "alias", "--reference", self.good, own)
        deep = self.folder / "deep" / str(own / "0.png.png")[1:]
        deep.parent.mkdir(parents=True)
        os.link(own / "0.png", deep)
        self.fails(2, str(deep), "infer", "--backbone", self.clip, "--output", self.folder / "deep", "--reference", self.good,
                   "-q", "-", input=f"{own}/0.png\n")
        self.assertEqual({path: path.read_bytes() for path in own.iterdir()}, before)

    def test_no_command_replaces_what_it_reads(self):
        folder = self.folder / "read"
        folder.mkdir()
        (folder / "weights.safetensors").write_bytes(b"weights")
        for source, name in ((self.clip, "clip.pt"), (self.part, "part.png")):
            shutil.copy(source, folder / name)
        before = {path: path.read_bytes() for path in folder.iterdir()}
        weights, clip, part = folder / "weights.safetensors", folder / "clip.pt", folder / "part.png"
        self.fails(2, "read by this command", "export", "--weights", weights, "--output", weights)
        for output in (clip, part):
            self.fails(2, "read by this command", "bank", "--backbone", clip, "--reference", part, "--output", output, "-q")
        self.fails(1, "part.png", "bank", "--backbone", clip, "--reference", part, "--output", part / "x.bank", "-q")
        self.assertEqual({path: path.read_bytes() for path in folder.iterdir()}, before)

    def test_a_name_does_not_steer_the_terminal(self):
        evil = self.folder / "\x1b[31mred.png"
        evil.write_bytes(b"no image")
        result = run("infer", "--backbone", self.clip, "--reference", self.good, "-q", "--", evil)
        self.assertEqual(result.returncode, 3)
        self.assertIn("\\x1b[31mred.png", result.stderr)
        self.assertNotIn("\x1b", result.stderr + result.stdout)
        evil = self.folder / "\x1b[32mgreen\nerror: a second line\x9b.png"
        shutil.copy(self.part, evil)
        result = run("infer", "--backbone", self.clip, "--reference", self.good, "-q", "--", evil)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(result.stdout.splitlines()), 2, "a heading and a line")
        self.assertIn("\\x1b[32mgreen\\x0aerror: a second line\\xc2\\x9b.png", result.stdout)
        result = run("bank", "--backbone", self.clip, "--reference", evil, *sorted(self.data.rglob("train/good/*.png"))[:3], "-q",
                     "--output", self.folder / "evil.bank")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("\x1b", result.stderr + result.stdout)

    def test_csv_runs_no_formula(self):
        for name in ("=1+1.png", "-2.png", "@x.png"):
            shutil.copy(self.part, self.folder / name)
        result = run("infer", "--backbone", self.clip, "--reference", self.good, "--csv", "-q", "./=1+1.png", "./-2.png", "./@x.png",
                     cwd=self.folder)
        self.assertEqual([row["path"] for row in csv.DictReader(io.StringIO(result.stdout))],
                         ["./=1+1.png", "./-2.png", "./@x.png"])
        result = run("infer", "--backbone", self.clip, "--reference", self.good, "--csv", "-q", "=1+1.png", "@x.png", cwd=self.folder)
        self.assertEqual([row["path"] for row in csv.DictReader(io.StringIO(result.stdout))], ["'=1+1.png", "'@x.png"])

    def test_every_image_has_its_own_output_under_any_name(self):
        own, maps = self.folder / "alike", self.folder / "alike-maps"
        own.mkdir()
        long = "\u00e9" * 123  # 246 bytes
        names = ["part.png", "part.jpg", "part.png.bmp", "part.jpg.png", "part", f"{long}.png", f"{long}.jpg.png"]
        for name in names:
            shutil.copy(self.part, own / name)  # by their contents PNGs
        images = [own / name for name in names]
        base = ("infer", "--backbone", self.clip, "--reference", self.good, "--output", maps, "--json", "-q")
        records = [json.loads(line) for line in done(*base, *images).splitlines()]
        for kind in ("overlay", "map"):
            written = [record[kind] for record in records]
            self.assertEqual(len(set(written)), len(names), written)
            self.assertTrue(all(Path(path).is_file() for path in written))
        records = [json.loads(line) for line in done(*base, "--base", own, *images).splitlines()]
        self.assertEqual(len({record["overlay"] for record in records}), len(names))
        self.assertRegex(Path(records[6]["overlay"]).name, "^\u00e9+-[0-9a-f]{16}\\.png$")

    def test_paths_on_standard_input_keep_their_outputs_apart(self):
        own, maps = self.pictures("twins"), self.folder / "twin-maps"
        shutil.copy(own / "0.png", own / "0.jpg")  # by its contents a PNG
        base = ("infer", "--backbone", self.clip, "--reference", self.good, "--output", maps, "--json", "-q", "-")
        lines = done(*base, input=f"{own}/0.png\r\n{own}/0.jpg\n").splitlines()
        overlays = [json.loads(line)["overlay"] for line in lines]
        self.assertEqual([Path(overlay).name for overlay in overlays], ["0.png.png", "0.jpg.png"])
        self.assertEqual(len(done(*base, input=f"{own}\n").splitlines()), 3)
        result = run(*base, input=f"{own}/none.png\n{own}/1.png\n")
        self.assertEqual(result.returncode, 3)
        self.assertEqual([("error" in json.loads(line)) for line in result.stdout.splitlines()], [True, False])

    def test_a_file_that_is_named_twice_is_inspected_once(self):
        own = self.pictures("twice")
        lines = done("infer", "--backbone", self.clip, "--reference", self.good, "--json", "-q", own / "1.png", own).splitlines()
        self.assertEqual([Path(json.loads(line)["path"]).name for line in lines], ["1.png", "0.png"])

    def test_an_interrupt_ends_the_wait_for_a_line(self):
        with subprocess.Popen([PROGRAM, "infer", "--backbone", self.clip, "--reference", self.good, "-"], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdin.write(f"{self.part}\n")
            process.stdin.flush()
            process.stdout.readline()  # the heading
            self.assertIn(str(self.part), process.stdout.readline())
            time.sleep(0.2)  # until it waits
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(timeout=10), 1)
            self.assertIn("stopping after this batch; again to stop now\n", process.stderr.read())

    def test_a_signal_that_was_ignored_stays_ignored(self):
        with subprocess.Popen([PROGRAM, "infer", "--backbone", self.clip, "--reference", self.good, "-"], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:  # as nohup does
            process.stdin.write(f"{self.part}\n")
            process.stdin.flush()
            process.stdout.readline()  # the heading
            process.stdout.readline()
            process.send_signal(signal.SIGHUP)
            process.stdin.write(f"{self.part}\n")
            process.stdin.close()
            self.assertIn(str(self.part), process.stdout.read())
            self.assertEqual(process.wait(timeout=60), 0)

    def test_closed_standard_streams_are_not_written_into_files(self):
        for closed, code in ((0, 3), (1, 1)):
            result = subprocess.run(["bash", "-c", f'"{PROGRAM}" infer --backbone "{self.clip}" --reference "{self.good}" '
                                     f'{"-" if closed == 0 else chr(34) + str(self.part) + chr(34)} {closed}>&-'],
                                    stderr=subprocess.PIPE, text=True)
            self.assertEqual(result.returncode, code, result.stderr)
        store = self.folder / "closed-store"
        result = subprocess.run(["bash", "-c", f'"{PROGRAM}" eval --backbone "{self.clip}" --data "{self.data}" --classes mesh '
                                 f'--store "{store}" 2>&-'], stdout=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 0)
        self.assertEqual((store / "index.log").stat().st_size % 80, 0)
        self.assertNotIn(b"encod", (store / "index.log").read_bytes())

    def test_doctor_verifies_what_an_archive_was_made_from(self):
        weights = Path(PROJECT) / "models/demo-clip.safetensors"
        found = done("doctor", "--backbone", self.clip, "--weights", weights)
        self.assertIn(": verified, the archive was made from them", found)
        self.assertIn("members      verified now: sha256 over all", found)
        self.assertIn("not verified", done("doctor", "--backbone", self.clip))
        other = self.folder / "other.safetensors"
        changed = bytearray(weights.read_bytes())
        changed[-5000] ^= 1
        other.write_bytes(changed)
        self.assertNotEqual(run("doctor", "--backbone", self.clip, "--weights", other).returncode, 0)

    def test_a_picture_that_can_be_read_once_is_enough(self):
        command = (f'"{PROGRAM}" infer --backbone "{self.clip}" --reference "{self.good}" --output "{self.folder}/once" '
                   f'--json -q <(cat "{self.part}")')
        result = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        direct = done("infer", "--backbone", self.clip, "--reference", self.good, "--json", "-q", self.part)
        self.assertEqual(json.loads(result.stdout)["score"], json.loads(direct)["score"])

    def test_output_to_a_full_device_is_an_error(self):
        for arguments in (["settings"], ["version"], ["--help"], ["completion", "bash"],
                          ["infer", "--backbone", self.clip, "--reference", self.good, self.part]):
            with open("/dev/full", "w") as full:
                result = subprocess.run([PROGRAM, *map(str, arguments)], stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(result.returncode, 1, arguments)
            self.assertIn("standard output cannot be written", result.stderr)

    def test_only_what_stands_out_is_outlined(self):
        def overlay(name, picture, *arguments):
            done("infer", "--backbone", self.clip, "--reference", self.good, "--output", self.folder / "outlines" / name, "-q",
                 *arguments, picture)
            return (self.folder / "outlines" / name / f"{Path(picture).stem}.png").read_bytes()
        calm_at_one = ("--set", "overlay.calm=1")
        without = ("--set", "overlay.outline=false")
        lines = done("infer", "--backbone", self.clip, "--reference", self.good, "--json", "-q",
                     *sorted((self.data / "mesh/test").glob("*"))).splitlines()
        peaks = {record["path"]: record["box"]["peak"] for record in map(json.loads, lines)}
        calm, hot = min(peaks, key=peaks.get), max(peaks, key=peaks.get)
        self.assertLess(peaks[calm], 1)
        self.assertGreater(peaks[hot], 1)
        self.assertTrue(overlay("a", calm, *calm_at_one) == overlay("b", calm, *calm_at_one, *without))
        self.assertFalse(overlay("c", hot, *calm_at_one) == overlay("d", hot, *calm_at_one, *without))
        self.assertFalse(overlay("e", calm, "--threshold", -1) == overlay("f", calm, "--threshold", -1, *without))
        self.assertTrue(overlay("g", hot, "--threshold", 99) == overlay("h", hot, "--threshold", 99, *without))

    def test_the_box_is_the_region_that_is_outlined(self):
        def inspected(name, *settings):
            line = done("infer", "--backbone", self.clip, "--reference", self.good, "--output", self.folder / "boxes" / name,
                        "--json", "--threshold", -1, "-q", "--set", "overlay.side_by_side=false", "--set",
                        "overlay.smallest_edge=1", "--set", "overlay.opacity=0", *settings, self.part)
            record = json.loads(line)
            return rows_of(Path(record["overlay"])), record["box"]
        without, _ = inspected("none", "--set", "overlay.outline=false")
        areas = []
        for fraction in (0.5, 0.95):
            drawn, box = inspected(str(fraction), "--set", f"overlay.outline_fraction={fraction}")
            x, y, width, height = changed_box(without, drawn)
            for line, edge in ((x, box["x"]), (y, box["y"]), (x + width, box["x"] + box["width"]),
                               (y + height, box["y"] + box["height"])):
                # The line's dark rim is 3 pixels wide, and the map half as fine as the image.
                self.assertLessEqual(abs(line - edge), 4, (fraction, box, (x, y, width, height)))
            areas.append(box["width"] * box["height"])
        self.assertLess(areas[1], areas[0] / 2)

    def test_options_that_have_no_effect_are_not_taken(self):
        for option in ("--device", "--precision", "--threads", "--batch-size"):
            self.assertEqual(run("settings", option, "1").returncode, 2, option)
            self.assertEqual(run("export", "--weights", "w", "--output", "o", option, "1").returncode, 2, option)
        self.assertEqual(run("bank", "--help").stdout.count("--device"), 1)

    def test_messages_name_the_option_and_help_its_default(self):
        base = ("eval", "--backbone", self.clip, "--data", self.data)
        self.fails(2, "--shots is 'x'; it must be a whole number", *base, "--shots", "x")
        self.fails(2, "--dataset is 'coco'", *base, "--dataset", "coco")
        self.fails(2, "--set run.shots=x: run.shots", *base, "--set", "run.shots=x")
        self.fails(2, "--threshold", "infer", "--backbone", self.clip, "--reference", self.good, "--threshold", "nan", self.part)
        text = " ".join(run("eval", "--help").stdout.split())
        for option, default in (("shots", "1"), ("seed", "111"), ("batch-size", "8"), ("metrics", "released"),
                                ("dataset", "mvtec"), ("device", "auto")):
            self.assertRegex(text, rf"--{option} TEXT(={default}| \[{default}\]) ")  # as CLI11 of any version writes it
        output = self.folder / "with-maps"
        done(*base, "--save-maps", "--output", output, "--classes", "mesh", "-q")
        self.assertTrue(list((output / "maps").rglob("*.npy")))

    def test_bash_completes_options_values_and_names_with_spaces(self):
        script = self.folder / "completion.bash"
        script.write_text(done("completion", "bash"))
        (self.folder / "a b.png").write_text("")

        def completed(*words):
            quoted = " ".join(f"'{word}'" for word in words)
            command = (f"source '{script}'; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _res2clip; "
                       "printf '%s\\n' \"${COMPREPLY[@]}\"")
            return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True,
                                  cwd=self.folder).stdout.splitlines()
        self.assertIn("a b.png", completed("res2clip", "infer", "a"))
        self.assertEqual(completed("res2clip", "eval", "--dataset", "m"), ["mvtec", "mpdd", "mvtec_ad2", "meta"])
        self.assertEqual(completed("res2clip", "completion", ""), ["bash", "zsh", "fish"])
        self.assertEqual(completed("res2clip", "--vers"), ["--version"])
        self.assertEqual(completed("res2clip", "eval", "--sho"), ["--shots"])
        for shell in ("zsh", "fish"):
            self.assertIn("mvtec visa", done("completion", shell))

    def test_wrong_input_is_one_line_and_the_right_code(self):
        base = ("infer", "--backbone", self.clip, "--reference", self.good)
        self.fails(3, "nowhere.pt", "infer", "--backbone", "nowhere.pt", "--reference", self.good, "--", self.part)
        self.fails(2, "--reference", "infer", "--backbone", self.clip, self.part)
        self.fails(2, "retrieval.gama", *base, "--set", "retrieval.gama=1", "--", self.part)
        self.fails(2, "multiple of 8", *base, "--set", "image.size=130", "--", self.part)
        self.fails(3, "nowhere", "eval", "--backbone", self.clip, "--data", "nowhere")
        self.fails(2, "--data", "eval", "--backbone", self.clip)
        self.fails(3, str(self.part), "export", "--weights", self.part, "--output", self.folder / "x.pt")
        self.fails(2, "gelu_tanh", "export", "--weights", self.part, "--output", self.folder / "x.pt", "--activation", "relu")
        self.fails(2, "precision", *base, "--precision", "fp8", "--", self.part)
        self.assertFalse((self.folder / "x.pt").exists())
        self.fails(2, "there is no command 'evil'", "evil")
        self.assertEqual(run("infer", "--no-such-option").returncode, 2)

    def test_helpful_commands_help(self):
        self.assertIn("self-check", done("doctor"))
        self.assertIn("res2clip", done("version"))
        self.assertIn("retrieval", done("settings"))
        self.assertIn("infer", done("completion", "bash"))
        for command in ("export", "prepare", "bank", "infer", "eval", "train", "bench", "demo-data"):
            self.assertIn("Example", done(command, "--help"), command)


if __name__ == "__main__":
    main()
