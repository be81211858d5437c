"""The comparison with other libraries: what it writes, what it does without a peer, and that it sees a slower run.

usage: compare_test.py BENCHMARKS-FOLDER BUILD-FOLDER. Nothing here depends on how long anything takes.
"""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

BENCHMARKS, BUILD = sys.argv.pop(1), sys.argv.pop(1)
sys.path.insert(0, BENCHMARKS)
import update_docs  # noqa: E402
from comparison import libraries, measure, problems, regression, report, summary, workers  # noqa: E402

ROW_KEYS = {
    "set",
    "problem",
    "direction",
    "threads",
    "weights",
    "ours_ms",
    "peers",
    "ratio_best_peer",
    "ratio_pytorch_default",
    "fraction_of_peak",
}
PACKED_AND_PREPARED = measure.Budget(rounds=1, repetitions=1, milliseconds=0.1)


def compare(folder, *flags):
    """Runs the program on the tiny problem without peers."""
    command = [
        sys.executable,
        "-B",
        os.path.join(BENCHMARKS, "compare.py"),
        "--build",
        BUILD,
        "--set",
        "tiny",
        "--threads",
        "1",
        "--rounds",
        "1",
        "--peers",
        "none",
        "--out",
        folder,
        *flags,
    ]
    return subprocess.run(command, capture_output=True, text=True)


def fake_peer(folder, key, prepare):
    """A library that sleeps: `prepare` is the body of its prepare(words)."""
    path = os.path.join(folder, key + ".py")
    with open(path, "w") as file:
        file.write(
            "import os, sys, time\nsys.path.insert(0, %r)\nfrom server import Skip, serve\n\ndef prepare(words):\n%s\n"
            "serve('fake', 'none', 2, prepare)\n"
            % (os.path.join(BENCHMARKS, "peers"), textwrap.indent(prepare, "    "))
        )
    return workers.Worker(key, [sys.executable, "-B", path], 1)


class Program(unittest.TestCase):
    """The program on one tiny problem."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = cls.scratch.name
        cls.done = compare(cls.folder)
        with open(os.path.join(cls.folder, "bench.json")) as file:
            cls.result = json.load(file)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def stored(self, change):
        """A stored run whose rows were changed."""
        old = json.loads(json.dumps(self.result))
        for row in old["rows"]:
            change(row)
        path = os.path.join(self.folder, "old.json")
        with open(path, "w") as file:
            json.dump(old, file)
        return path

    def test_writes_every_promised_key(self):
        self.assertEqual(self.done.returncode, 0, self.done.stderr)
        rows = self.result["rows"]
        self.assertEqual(
            {(row["direction"], row["weights"]) for row in rows},
            {(direction, weights) for direction in measure.DIRECTIONS for weights in ("prepared", "packed")},
        )
        for row in rows:
            self.assertLessEqual(ROW_KEYS, set(row))
            self.assertEqual((row["set"], row["threads"], row["peers"]), ("tiny", 1, {}))
            self.assertGreater(row["ours_ms"], 0)
            self.assertGreater(row["fraction_of_peak"], 0)
        self.assertEqual({(mean["set"], mean["rows"]) for mean in self.result["geometric_means"]}, {("tiny", 3)})
        with open(os.path.join(self.folder, "bench.md")) as file:
            self.assertIn("backward-weight", file.read())

    def test_a_faster_stored_run_fails(self):
        path = self.stored(lambda row: row.update(fraction_of_peak=row["fraction_of_peak"] * 1000))
        done = compare(self.folder, "--compare", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("slower: tiny forward, 1 threads, prepared weights", done.stderr)

    def test_a_slower_stored_run_passes(self):
        path = self.stored(lambda row: row.update(fraction_of_peak=row["fraction_of_peak"] / 1000))
        self.assertEqual(compare(self.folder, "--compare", path).returncode, 0)

    def test_a_stored_run_of_other_rows_is_an_error(self):
        path = self.stored(lambda row: row.update(set="other"))
        done = compare(self.folder, "--compare", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("error: the stored run has none of these rows", done.stderr)

    def test_an_unknown_peer_or_set_is_an_error(self):
        for flags, message in ((("--peers", "mkl"), "unknown peer 'mkl'"), (("--set", "tinny"), "unknown set 'tinny'")):
            done = compare(self.folder, *flags)
            self.assertEqual(done.returncode, 1)
            self.assertIn(message, done.stderr)


class Networks(unittest.TestCase):
    """The program that runs whole networks."""

    def setUp(self):
        self.worker = workers.Worker("kashi", [os.path.join(BUILD, "benchmarks", "networks_server")], 1)

    def tearDown(self):
        self.worker.close()

    def test_measures_a_step_and_an_image(self):
        for words in (("step", "digits"), ("inference", "squeezenet1_1")):
            self.assertIsNone(self.worker.prepare(*words))
            self.assertGreater(self.worker.burst(0.1, 1)[0], 0)
        self.assertGreater(self.worker.ask("memory")["peak_rss_mb"], 10)

    def test_says_what_it_does_not_know(self):
        self.assertIn("alexnet", self.worker.prepare("inference", "alexnet"))
        self.assertIn("no conv", self.worker.prepare("conv", "n1 h8 c16 o16", "forward"))


class MissingPeers(unittest.TestCase):
    def test_are_named_with_the_reason(self):
        with tempfile.TemporaryDirectory() as folder:
            keep = libraries.interpreters
            libraries.interpreters = lambda build: [os.path.join(build, "no-such-python")]
            try:
                found = libraries.Libraries(folder, {"ncnn", "pytorch"})
            finally:
                libraries.interpreters = keep
        self.assertEqual(
            found.missing, {"ncnn": "Python finds no module ncnn", "pytorch": "Python finds no module torch"}
        )
        text = report.markdown(
            {
                "machine": {"cpu": "c", "processors": 1, "system": "s"},
                "date": "d",
                "isa": "i",
                "peak_gflops": 1,
                "libraries": {},
                "missing_peers": found.missing,
                "settings": [],
                "rows": [],
                "geometric_means": [],
            }
        )
        self.assertIn("- missing: ncnn (Python finds no module ncnn)", text)

    def test_a_program_that_does_not_start_is_missing(self):
        found = libraries.Libraries(BUILD, set())
        self.assertIsNone(found.start("ncnn", [sys.executable, "-c", "raise SystemExit('no such library')"], 1))
        self.assertIn("no such library", found.missing["ncnn"])


class FakePeers(unittest.TestCase):
    """Ratios, skipped directions and peers that break down."""

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.started = []

    def tearDown(self):
        for worker in self.started:
            worker.close()
        self.scratch.cleanup()

    def peer(self, key, prepare):
        self.started.append(fake_peer(self.scratch.name, key, prepare))
        return self.started[-1]

    def sleeping(self, key, milliseconds, name="automatic"):
        return self.peer(key, "return [('both', %r, lambda: time.sleep(%g))]" % (name, milliseconds / 1e3))

    def measure(self, ours, peers):
        return measure.measure(ours, peers, lambda _: ("conv", "n1 h8 c16 o16 k3 p1", "forward"), PACKED_AND_PREPARED)

    def test_the_fastest_peer_counts(self):
        ours = self.peer(
            "kashi", "return [('both', name, lambda: time.sleep(0.005)) for name in ('automatic', 'direct')]"
        )
        peers = [self.sleeping("onednn", 40), self.sleeping("ncnn", 60)]
        times = self.measure(ours, peers)
        row = measure.convolution_rows("set", ("n1 h8 c16 o16 k3 p1", "tiny"), "forward", 1, times, 100, ("prepared",))[
            0
        ]
        self.assertEqual(row["best_peer"], "onednn")
        self.assertEqual(set(row["peers"]), {"onednn", "ncnn"})
        self.assertAlmostEqual(row["ratio_best_peer"], row["peers"]["onednn"] / row["ours_ms"])
        self.assertIsNone(row["ratio_pytorch_default"])

    def test_what_a_peer_cannot_do_is_noted(self):
        times = self.measure(self.sleeping("kashi", 1), [self.peer("ncnn", "raise Skip('only forward')")])
        self.assertEqual(times.notes, {"ncnn": "only forward"})

    def test_a_peer_that_breaks_down_is_left_out(self):
        peers = [self.peer("ncnn", "os._exit(7)"), self.sleeping("onednn", 1)]
        times = self.measure(self.sleeping("kashi", 1), peers)
        self.assertIn("ended with 7", times.notes["ncnn"])
        self.assertEqual([peer.key for peer in peers], ["onednn"])
        self.assertIsNotNone(times.best("onednn", "prepared"))

    def test_of_many_implementations_the_fastest_go_on(self):
        peer = self.peer("onednn", "return [(w, n, lambda: None) for w in ('prepared', 'packed') for n in 'abc']")
        peer.prepare("conv")
        budget = measure.Budget(kept=1)
        self.assertEqual(measure.fastest_variants(peer, [3, 1, 2, 9, 8, 7], budget), [1, 5])


class Figures(unittest.TestCase):
    def test_every_set_parses(self):
        for name in problems.set_names():
            for text, _ in problems.read_set(name):
                self.assertGreater(problems.multiply_adds(text), 0)

    def test_multiply_adds(self):
        self.assertEqual(problems.multiply_adds("n1 h56 c64 o64 k3 p1"), 56 * 56 * 64 * 64 * 9)
        self.assertEqual(problems.multiply_adds("n2 h9 c8 o4 k3 s2 g4"), 2 * 4 * 4 * 4 * 2 * 9)
        self.assertEqual(problems.multiply_adds("n1 h64 c128 o64 k2 s2 t1"), 64 * 64 * 128 * 64 * 4)

    def test_geometric_mean(self):
        self.assertAlmostEqual(summary.geometric_mean([2, 8, None]), 4)
        self.assertIsNone(summary.geometric_mean([None]))

    def test_regressions_are_seen_through_the_machines_mood(self):
        def run(ours, peer):
            return {
                "rows": [
                    {
                        "set": "s",
                        "name": "A",
                        "problem": "p",
                        "direction": "forward",
                        "threads": 1,
                        "weights": "packed",
                        "ours_ms": ours,
                        "peers": {"onednn": peer},
                    }
                ]
            }

        self.assertEqual(regression.compare(run(2, 4), run(1, 2)), [])  # everything took twice as long
        slower = regression.compare(run(2, 2), run(1, 2))
        self.assertEqual(len(slower), 2)  # the row, and the mean of all
        self.assertIn("A forward", slower[0])


class Documentation(unittest.TestCase):
    """Tables of pages from a run."""

    def test_fills_marked_places_alone(self):
        row = measure.common_row("steps", "digits", "digits", "step", 2, "packed", 10.0, {"pytorch": (25.0, "PyTorch")})
        rows = [dict(row, ours_peak_mb=100.0, pytorch_peak_mb=300.0)]
        tables = update_docs.Tables({"rows": rows, "geometric_means": summary.geometric_means(rows)})
        page = update_docs.fill("before\n<!-- bench networks -->\nold\n<!-- end -->\nafter <!-- end -->\n", tables)
        self.assertNotIn("old", page)
        self.assertRegex(
            page, r"(?s)^before\n.*digits, 64 images, step +\| 2 .* 2\.50 .*100 / 300.*after <!-- end -->\n$"
        )


if __name__ == "__main__":
    unittest.main(verbosity=2)
