"""Trainings as users run them: killed and resumed, in several processes, refused, replayed."""
import random
import signal
import subprocess
import sys
import time

import checkpoints
from program import PROGRAM, ProgramTest, done, main, run


class Training(ProgramTest):
    def test_checkpoints_of_the_last_epochs_are_kept(self):
        base = ("train", "--backbone", self.clip, "--data", self.data, "--classes", "mesh", "--batch-size", 4, "--threads", 1, "-q")
        kept, plain = self.folder / "kept-checkpoints", self.folder / "two-epochs"
        done(*base, "--epochs", 3, "--keep-checkpoints", 2, "--output", kept)
        self.assertEqual(sorted(path.name for path in (kept / "checkpoints").iterdir()), ["epoch-002.pth", "epoch-003.pth", "training_data.json"])
        self.assertEqual((kept / "checkpoints/epoch-003.pth").read_bytes(), (kept / "checkpoint.pth").read_bytes())
        self.assertNotEqual((kept / "checkpoints/epoch-002.pth").read_bytes(), (kept / "checkpoint.pth").read_bytes())
        done("eval", "--backbone", self.clip, "--data", self.data, "--classes", "mesh", "--checkpoint",
             kept / "checkpoints/epoch-002.pth", "-q")
        done(*base, "--epochs", 1, "--output", plain)
        self.assertFalse((plain / "checkpoints").exists())

    def test_training_interrupted_and_resumed_gives_the_same_bytes(self):
        store, whole, parts = self.folder / "store", self.folder / "whole", self.folder / "parts"
        command = ["train", "--backbone", self.clip, "--data", self.data, "--store", store, "--epochs", 6,
                   "--batch-size", 4, "-q", "--threads", 1]
        done(*command, "--output", whole)
        with subprocess.Popen([PROGRAM, *map(str, command), "--output", str(parts)], stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 60
            while not (parts / "log.jsonl").exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            message = process.stderr.read()
        self.assertEqual(process.returncode, 1, message)
        self.assertIn("--resume", message)
        self.fails(2, "--resume", *command, "--output", parts)
        done(*command, "--output", parts, "--resume")
        for name in ("checkpoint.pth", "pairs.jsonl", "log.jsonl"):
            self.assertEqual((whole / name).read_bytes(), (parts / name).read_bytes(), name)
        scores = self.means("--backbone", self.clip, "--checkpoint", parts / "checkpoint.pth", "--store", store)
        self.assertGreater(scores["P-AUROC"], 0.85)

    FILES = ("checkpoint.pth", "pairs.jsonl", "log.jsonl")

    def training(self, name, *more, epochs=3, threads=1):
        """The command of a small training into the folder `name`, whose features lie there too."""
        return ["train", "--backbone", self.clip, "--data", self.data, "--output", self.folder / name, "--epochs", epochs,
                "--batch-size", 4, "--threads", threads, *more]

    def assert_same_training(self, expected, actual):
        for name in self.FILES:
            self.assertEqual((self.folder / expected / name).read_bytes(), (self.folder / actual / name).read_bytes(), name)

    def kill_once(self, command, reached, delay):
        """Starts the program and kills it `delay` seconds after `reached`; returns whether it was still alive then."""
        with subprocess.Popen([PROGRAM, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and not reached():
                time.sleep(0.002)
            time.sleep(delay)
            process.kill()
        return process.returncode == -signal.SIGKILL

    def test_training_killed_at_any_moment_and_resumed_gives_the_same_bytes(self):
        done(*self.training("unkilled", "-q", epochs=6))
        seed = random.randrange(1 << 30)
        print(f"seed of the moments: {seed}", file=sys.stderr)
        moments, kills = random.Random(seed), 0
        for round in range(3):
            output = self.folder / f"killed{round}"
            stored, log = output / "features/index.log", output / "log.jsonl"
            command = self.training(output, "-q", "--resume", epochs=6)
            # While images are encoded (80 bytes are one image), then twice in the 36 steps.
            images = moments.randrange(17)
            kills += self.kill_once(command, lambda: stored.exists() and stored.stat().st_size >= 80 * images, moments.uniform(0, 0.2))
            for step in sorted(moments.sample(range(30), 2)):
                kills += self.kill_once(command, lambda: log.exists() and log.read_bytes().count(b"\n") > step,
                                        moments.uniform(0, 0.03))
            done(*command)
            self.assert_same_training("unkilled", output)
            self.assertEqual(list(output.glob("**/*.part")), [], f"seed {seed}")
        self.assertGreaterEqual(kills, 5, f"too few were caught alive for the test to mean something; seed {seed}")

    def test_two_processes_train_what_one_does(self):
        done(*self.training("trained-by-one", "-q"))
        outputs = [(p.communicate(timeout=240), p.returncode) for p in self.processes(2, *self.training("trained-by-two", "-q"))]
        self.assertEqual([code for _, code in outputs], [0, 0], outputs)
        self.assertEqual((self.folder / "trained-by-one/pairs.jsonl").read_bytes(),
                         (self.folder / "trained-by-two/pairs.jsonl").read_bytes())
        one, two = (checkpoints.weights(self.folder / name / "checkpoint.pth") for name in ("trained-by-one", "trained-by-two"))
        self.assertEqual(list(one), list(two))
        self.assertEqual({name.split(".")[0] for name in one}, {"vis_adapters", "res_vis_local_adapters",
                                                                "res_vis_global_adapter", "res_text_adapter", "text_adapter"})
        for name, (shape, values) in one.items():
            self.assertEqual(shape, two[name][0], name)
            # Sums over two halves of a batch round differently, and Adam's first steps divide by small numbers.
            self.assertLessEqual(max(abs(a - b) for a, b in zip(values, two[name][1])), 2e-5, name)

    def test_what_a_training_goes_on_from_is_plain_tensors_too(self):
        done(*self.training("plain-state", "-q", epochs=1))
        self.assertEqual(set(checkpoints.load(self.folder / "plain-state/state.pt")),
                         {"format", "next_step", "identity", "place", "trainer"})

    def test_a_training_that_is_refused_changes_nothing(self):
        output = self.folder / "refused"
        done(*self.training(output, "-q"))
        before = {path: path.read_bytes() for path in output.glob("*.*")}
        self.fails(2, "train.epochs was 3, is 4", *self.training(output, "--resume", epochs=4))
        self.fails(2, "image.size was 128, is 64", *self.training(output, "--resume", "--set", "image.size=64"))
        self.assertEqual(before, {path: path.read_bytes() for path in output.glob("*.*")})

    def test_a_training_goes_on_with_other_threads_and_says_what_that_means(self):
        output = self.folder / "other-threads"
        done(*self.training(output, "-q", epochs=1))
        result = run(*self.training(output, "--resume", epochs=1, threads=2))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("threads was 1, is 2", result.stderr)

    def test_replayed_pairs_say_how_many_epochs_there_are(self):
        done(*self.training("recorded", "-q", epochs=2))
        pairs = self.folder / "recorded/pairs.jsonl"
        done("train", "--backbone", self.clip, "--data", self.data, "--output", self.folder / "replayed", "--batch-size", 4,
             "-q", "--threads", 1, "--replay", pairs)
        self.assert_same_training("recorded", "replayed")
        self.fails(2, "--epochs 2", *self.training("replayed-wrongly", "--replay", pairs))
        self.assertFalse((self.folder / "replayed-wrongly/features").exists(), "refused before anything is encoded")

    def test_a_training_whose_output_cannot_be_made_is_an_error(self):
        self.fails(1, "/proc/training: the folder cannot be made", *self.training("/proc/training"))

    def test_waiting_for_the_other_processes_can_be_interrupted(self):
        process, = self.processes(2, *self.training("lonely"), started=1)
        line = process.stderr.readline()
        self.assertRegex(line, "waiting for 1 process at 127.0.0.1:[0-9]+")
        process.send_signal(signal.SIGINT)
        messages = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 1, messages)
        self.assertIn("interrupted while waiting", messages)


if __name__ == "__main__":
    main()
