"""figures_test.py THEORY FLOPS: the figures in generated/ are those that the program prints today."""

import os
import subprocess
import sys
import tempfile
import unittest

THEORY, FLOPS = sys.argv[1:3]
sys.path.insert(0, THEORY)
import tables  # noqa: E402


class Figures(unittest.TestCase):
    def test_taken_again_they_are_the_same(self):
        kept = tables.GENERATED
        with tempfile.TemporaryDirectory() as folder:
            command = [FLOPS, "--out", os.path.join(folder, "flops")]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            tables.GENERATED = os.path.join(folder, "generated")
            os.mkdir(tables.GENERATED)
            tables.take(folder)
            for name in sorted(os.listdir(tables.GENERATED)):
                with self.subTest(name), open(os.path.join(kept, name)) as old, open(
                    os.path.join(tables.GENERATED, name)
                ) as new:
                    self.assertEqual(old.read(), new.read())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
