"""What must hold whatever happens: kills, full disks, limits, folders that vanish. (Trainings: training_test.py.)"""
import json
import random
import resource
import shutil
import subprocess
import time
from pathlib import Path

from program import PROGRAM, PROJECT, ProgramTest, done, main, run

KILLS = 3  # of each command


class Faults(ProgramTest):
    def setUp(self):
        self.place = self.folder / self.id().rsplit(".", 1)[-1]
        self.place.mkdir()

    def commands(self, folder):
        """Commands that write, with the file that each is for."""
        weights = Path(PROJECT) / "models/demo-clip.safetensors"
        return {"clip.pt": ("export", "--weights", weights, "--image-size", 128, "--output", folder / "clip.pt"),
                "own.bank": ("bank", "--backbone", self.clip, "--reference", self.good, "--output", folder / "own.bank", "-q"),
                "results/results.json": ("eval", "--backbone", self.clip, "--data", self.data, "--classes", "mesh", "--store",
                                         folder / "store", "--output", folder / "results", "-q")}

    def parts(self, folder):
        return [path for path in folder.rglob("*") if path.name.endswith(".part")]

    def content(self, path):
        """What must be the same after a kill: all bytes, or without the times of a run."""
        if path.suffix != ".json":
            return path.read_bytes()
        return json.loads(path.read_text())["classes"]

    def test_a_killed_command_leaves_a_whole_file_or_none_and_runs_again(self):
        whole = self.place / "whole"
        seed = random.randrange(1 << 30)
        moments = random.Random(seed)
        kills = 0
        for name, command in self.commands(whole).items():
            begun = time.monotonic()
            done(*command)
            lasts = time.monotonic() - begun
            expected = self.content(whole / name)
            killed = self.place / "killed"
            again = self.commands(killed)[name]
            for _ in range(KILLS):
                process = subprocess.Popen([PROGRAM, *map(str, again)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                try:
                    process.wait(timeout=lasts * moments.uniform(0.1, 1.1))
                except subprocess.TimeoutExpired:
                    process.kill()
                    kills += process.wait() == -9
                if (killed / name).exists():
                    self.assertEqual(self.content(killed / name), expected, f"{name}, seed {seed}")
                    shutil.rmtree((killed / name).parent)
            done(*again)
            self.assertEqual(self.content(killed / name), expected, f"{name}, seed {seed}")
        self.assertGreater(kills, KILLS, f"seed {seed}: too few were caught alive for this to mean something")

    def refused_writing(self, reason, folder, **options):
        for name, command in self.commands(folder).items():
            result = run(*command, **options)
            self.assertEqual(result.returncode, 1, f"{name}: {result.stderr}")
            self.assertIn(reason, result.stderr, name)
            self.assertEqual(result.stderr.count("\n"), 1, "one line: " + result.stderr)
            self.assertFalse((folder / name).exists(), name)
        self.assertEqual(self.parts(folder), [])

    def test_a_limit_on_the_size_of_files_is_an_error(self):
        limit = 1 << 12
        self.refused_writing("File too large", self.place,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))

    def test_a_full_disk_is_an_error(self):
        mount = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c"]
        disk = f"mount -t tmpfs -o size=8k tmpfs '{self.place}'"
        if shutil.which("unshare") is None or subprocess.run([*mount, disk], capture_output=True).returncode != 0:
            self.skipTest("this system gives no small disk of one's own (unshare --user --mount, tmpfs)")
        for name, command in self.commands(self.place).items():
            words = " ".join(f"'{word}'" for word in (PROGRAM, *command))
            script = f"{disk} && {words}; code=$?; ls '{self.place}' | grep -c '[.]part$'; exit $code"
            result = subprocess.run([*mount, script], capture_output=True, text=True)
            self.assertEqual(result.returncode, 1, f"{name}: {result.stderr}")
            self.assertRegex(result.stderr, "No space left on device|but only .* are free", name)
            self.assertEqual(result.stderr.count("\n"), 1, "one line: " + result.stderr)
            self.assertEqual(result.stdout.split()[-1], "0", "files that were begun: " + result.stdout)

    def test_outputs_that_vanish_during_a_run_are_an_error(self):
        maps = self.place / "maps"
        with subprocess.Popen([PROGRAM, *map(str, ("infer", "--backbone", self.clip, "--reference", self.good, "--output", maps, "-q", "-"))],
                              text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdin.write(f"{self.part}\n")
            process.stdin.flush()
            process.stdout.readline()  # the heading
            self.assertIn(str(self.part), process.stdout.readline())
            shutil.rmtree(maps)
            process.stdin.write(f"{self.part}\n")
            process.stdin.close()
            self.assertIn(str(self.part), process.stdout.read())
            self.assertIn("was removed or replaced during the run", process.stderr.read())
            self.assertEqual(process.wait(timeout=60), 1)

    def test_a_removed_working_folder_is_named(self):
        result = subprocess.run(["bash", "-c", f"mkdir '{self.place}/gone' && cd '{self.place}/gone' && rmdir ../gone && '{PROGRAM}' version"],
                                capture_output=True, text=True)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, "res2clip: the working folder was removed; change to one that is there\n")

    def test_a_changed_checkpoint_or_state_is_refused(self):
        train = ("train", "--backbone", self.clip, "--data", self.data, "--classes", "mesh", "--output", self.place / "a", "--epochs", 1,
                 "--batch-size", 4, "--no-store", "-q")
        done(*train)
        checkpoint = self.place / "a/checkpoint.pth"
        found = done("doctor", "--checkpoint", checkpoint)
        self.assertRegex(found, r"checkpoint   .*: verified now: [\d,]+ numbers of \d+ tensors are finite")
        self.assertRegex(found, r"members      verified now: sha256 over all [0-9a-f]{64}")
        theirs = Path(PROJECT) / "tests/data/generated/checkpoint_ep2.pth"
        self.assertIn("members      no digest over them: written by the authors' code", done("doctor", "--checkpoint", theirs))
        for path, command in ((checkpoint, ("eval", "--backbone", self.clip, "--data", self.data, "--checkpoint", checkpoint)),
                              (self.place / "a/state.pt", (*train, "--resume"))):
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
            self.fails(3, f"{path}: is damaged: the SHA-256 over its members is not what it states", *command, "-q")


if __name__ == "__main__":
    main()
