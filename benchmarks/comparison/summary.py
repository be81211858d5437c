"""Geometric means of rows, and the rows that fall behind."""

import math


def geometric_mean(values):
    values = [value for value in values if value]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def group_key(row):
    kind = row["direction"] if row["direction"] in ("step", "inference") else "convolution"
    return row["set"], kind, row["threads"], row["weights"]


def geometric_means(rows):
    """One entry for each set, number of threads and kind of weights."""
    groups = {}
    for row in rows:
        groups.setdefault(group_key(row), []).append(row)
    means = []
    for (set_name, kind, threads, weights), members in groups.items():
        ratios = [row["ratio_best_peer"] for row in members if row["ratio_best_peer"]]
        means.append(
            {
                "set": set_name,
                "kind": kind,
                "threads": threads,
                "weights": weights,
                "rows": len(members),
                "ratio_best_peer": geometric_mean(ratios),
                "lowest_ratio_best_peer": min(ratios, default=None),
                "ratio_pytorch_default": geometric_mean([row["ratio_pytorch_default"] for row in members]),
            }
        )
    return means
