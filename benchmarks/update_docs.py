#!/usr/bin/env python3
"""Writes the tables of README.md and docs/performance.md from a run of `./dev bench`: update_docs.py BENCH.json

A table stands between the lines `<!-- bench NAME -->` and `<!-- end -->`.
"""

import json
import os
import re
import sys

from comparison.report import number, table

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = ("README.md", os.path.join("docs", "performance.md"))
DIRECTIONS = ("forward", "backward_data", "backward_weight")
TITLES = {
    "digits": "digits, 64 images",
    "resnext29": "ResNeXt-29, 8 images",
    "resunet": "ResUNet, 2 images",
    "resnext_compact": "ResNeXt of examples/resnext, 128 images",
    "resunet_xray": "ResUNet of examples/resunet, 8 images",
    "resnet18": "ResNet-18",
    "vgg16": "VGG-16",
    "squeezenet1_1": "SqueezeNet 1.1",
    "mobilenet_v2": "MobileNetV2",
}


class Tables:
    def __init__(self, result):
        self.result = result
        self.rows = result["rows"]

    def select(self, **wanted):
        return [row for row in self.rows if all(row[key] == value for key, value in wanted.items())]

    def versions(self):
        """One line: when, on what, against what."""
        machine = self.result["machine"]
        names = [text.split(";")[0] for texts in self.result["libraries"].values() for text in texts]
        peers = ", ".join(dict.fromkeys(name for name in names if name != "kashi"))
        return [
            "%s, %s, %d cores, %s; peers: %s."
            % (
                self.result["date"],
                machine["cpu"],
                machine["processors"],
                self.result["isa"].replace("avx", "AVX-").replace("AVX-2", "AVX2"),
                peers,
            )
        ]

    def summary(self):
        rows = [
            [
                "16 convolutions, three directions, %d thread%s"
                % (mean["threads"], "" if mean["threads"] == 1 else "s"),
                number(mean["ratio_best_peer"]),
                number(mean["ratio_pytorch_default"]),
            ]
            for mean in self.result["geometric_means"]
            if mean["set"] == "peers" and mean["weights"] == "prepared"
        ]
        for row in self.whole_networks():
            if row["threads"] == self.most_threads():
                kind = "training step" if row["set"] == "steps" else "batch-1 inference"
                title = "%s, %s, %d threads" % (kind, TITLES[row["name"]], row["threads"])
                rows.append([title, number(row["ratio_best_peer"]), number(row["ratio_pytorch_default"])])
        return table(["how many times faster", "than the fastest peer", "than PyTorch as it comes"], rows)

    def whole_networks(self):
        """Steps first."""
        return self.select(set="steps") + self.select(set="inference")

    def most_threads(self):
        return max(row["threads"] for row in self.rows)

    def shapes(self):
        """Ratio to the fastest peer, by shape: weights prepared, every number of threads."""
        counts = sorted({row["threads"] for row in self.rows if row["set"] == "peers"})
        names = list(dict.fromkeys((row["name"], row["problem"]) for row in self.rows if row["set"] == "peers"))

        def cell(problem, direction, threads):
            found = self.select(set="peers", problem=problem, direction=direction, threads=threads, weights="prepared")
            return number(found[0]["ratio_best_peer"]) if found else "-"

        header = ["", "problem"] + [
            "%s, %dt" % (direction.replace("_", "-"), count) for direction in DIRECTIONS for count in counts
        ]
        return table(
            header,
            [
                [name, "`%s`" % problem] + [cell(problem, d, c) for d in DIRECTIONS for c in counts]
                for name, problem in names
            ],
        )

    def peak(self):
        """Per cent of the multiply-add peak on one thread, direct and as chosen, and the roofline."""
        balance = self.result["peak_gflops"] / self.result["copy_gbytes_per_second"]["1"]
        rows = []
        for forward in self.select(set="peers", direction="forward", threads=1, weights="prepared"):
            cells = []
            for direction in DIRECTIONS:
                row = self.select(
                    set="peers", problem=forward["problem"], direction=direction, threads=1, weights="prepared"
                )[0]
                cells.append("%.0f / %.0f" % (100 * row["fraction_of_peak_direct"], 100 * row["fraction_of_peak"]))
            intensity = forward["operations_per_byte"]
            limit = "multiply-adds" if intensity > balance else "memory"
            rows.append([forward["name"], "%.1f" % intensity, limit] + cells)
        return table(["", "operations a byte", "limited by", *(d.replace("_", "-") for d in DIRECTIONS)], rows)

    def networks(self):
        def memory(row):
            return "%.0f / %.0f" % (row["ours_peak_mb"], row["pytorch_peak_mb"]) if row.get("pytorch_peak_mb") else "-"

        return table(
            ["", "threads", "kashi ms", "fastest peer ms", "which", "ratio", "default PyTorch", "MB, kashi / PyTorch"],
            [
                [
                    "%s, %s" % (TITLES[row["name"]], row["direction"]),
                    str(row["threads"]),
                    "%.1f" % row["ours_ms"],
                    "%.1f" % row["peers"][row["best_peer"]],
                    row["best_peer"],
                    number(row["ratio_best_peer"]),
                    number(row["ratio_pytorch_default"]),
                    memory(row),
                ]
                for row in self.whole_networks()
                if row["best_peer"]
            ],
        )

    def means(self):
        return table(
            ["set", "threads", "weights", "rows", "fastest peer", "lowest row", "PyTorch as it comes"],
            [
                [
                    mean["set"],
                    str(mean["threads"]),
                    mean["weights"],
                    str(mean["rows"]),
                    number(mean["ratio_best_peer"]),
                    number(mean["lowest_ratio_best_peer"]),
                    number(mean["ratio_pytorch_default"]),
                ]
                for mean in self.result["geometric_means"]
            ],
        )


def fill(text, tables):
    def replaced(match):
        return "%s\n%s\n%s" % (match[1], "\n".join(getattr(tables, match[2])()), match[3])

    return re.sub(r"(<!-- bench (\w+) -->)\n.*?(<!-- end -->)", replaced, text, flags=re.S)


def main():
    with open(sys.argv[1]) as file:
        tables = Tables(json.load(file))
    for page in PAGES:
        path = os.path.join(ROOT, page)
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(fill(text, tables))


if __name__ == "__main__":
    main()
