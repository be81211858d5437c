"""bench.md: the same figures as bench.json, for people."""

PEERS = ("onednn", "ncnn", "pytorch", "pytorch_default", "onnxruntime", "openvino")
BEHIND = 0.92


def number(value, pattern="%.2f"):
    return pattern % value if value is not None else "-"


def milliseconds(value):
    return number(value, "%.0f" if value and value >= 100 else "%.2f" if value and value >= 1 else "%.3f")


def table(header, rows):
    widths = [max(len(row[i]) for row in [header] + rows) for i in range(len(header))]

    def line(cells):
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |"

    return [line(header), "|" + "|".join("-" * (width + 2) for width in widths) + "|"] + [line(row) for row in rows]


def bold(value):
    return "**%.2f**" % value if value is not None else "-"


def percent(value):
    return "%.0f %%" % (100 * value) if value is not None else "-"


def without_empty_columns(header, rows):
    """A table of the columns in which some row has something."""
    used = [i for i in range(len(header)) if any(row[i] != "-" for row in rows)]
    return table([header[i] for i in used], [[row[i] for i in used] for row in rows])


def rows_table(rows):
    header = ["problem", "direction", "threads", "weights", "kashi ms", *PEERS]
    header += ["best peer / kashi", "default PyTorch / kashi", "of peak"]

    def cells(row):
        first = [row["name"], row["direction"].replace("_", "-"), str(row["threads"]), row["weights"]]
        times = [milliseconds(row["ours_ms"])] + [milliseconds(row["peers"].get(peer)) for peer in PEERS]
        ratios = [bold(row["ratio_best_peer"]), number(row["ratio_pytorch_default"])]
        return first + times + ratios + [percent(row.get("fraction_of_peak"))]

    return without_empty_columns(header, [cells(row) for row in rows])


def means_table(means):
    header = ["set", "kind", "threads", "weights", "rows", "best peer / kashi", "lowest", "default PyTorch / kashi"]
    return table(
        header,
        [
            [
                mean["set"],
                mean["kind"],
                str(mean["threads"]),
                mean["weights"],
                str(mean["rows"]),
                bold(mean["ratio_best_peer"]),
                number(mean["lowest_ratio_best_peer"]),
                number(mean["ratio_pytorch_default"]),
            ]
            for mean in means
        ],
    )


def memory_table(rows):
    with_memory = [row for row in rows if row.get("ours_peak_mb")]
    if not with_memory:
        return []
    return ["", "Most memory that the process held:", ""] + table(
        ["problem", "kashi MB", "PyTorch MB", "share"],
        [
            [
                row["name"],
                "%.0f" % row["ours_peak_mb"],
                number(row["pytorch_peak_mb"], "%.0f"),
                number(row["ours_peak_mb"] / row["pytorch_peak_mb"] if row["pytorch_peak_mb"] else None),
            ]
            for row in with_memory
        ],
    )


def behind_table(rows):
    """Rows in which a peer is clearly ahead, the worst first."""
    behind = sorted(
        (row for row in rows if (row["ratio_best_peer"] or 1) < BEHIND), key=lambda row: row["ratio_best_peer"]
    )
    if not behind:
        return []
    return ["", "## Where a peer is ahead (below %g)" % BEHIND, ""] + table(
        ["set", "problem", "direction", "threads", "weights", "best peer / kashi", "the peer"],
        [
            [
                row["set"],
                row["name"],
                row["direction"].replace("_", "-"),
                str(row["threads"]),
                row["weights"],
                bold(row["ratio_best_peer"]),
                row["peer_variants"][row["best_peer"]],
            ]
            for row in behind
        ],
    )


def markdown(result):
    machine = result["machine"]
    out = [
        "# Comparison",
        "",
        "%s, %d processors, %s; %s; multiply-add peak %s GFLOP/s on one core (%s)."
        % (
            machine["cpu"],
            machine["processors"],
            machine["system"],
            result["date"],
            number(result["peak_gflops"], "%.0f"),
            result["isa"],
        ),
        "",
    ]
    out += ["- %s: %s" % (key, " | ".join(texts)) for key, texts in result["libraries"].items()]
    out += ["- missing: %s (%s)" % (key, reason) for key, reason in result["missing_peers"].items()]
    out += ["- %s" % setting for setting in result["settings"]]
    out += ["", "A ratio above 1 means that kashi is faster. Geometric means:", ""] + means_table(
        result["geometric_means"]
    )
    out += behind_table(result["rows"])
    for set_name in dict.fromkeys(row["set"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["set"] == set_name]
        out += ["", "## %s" % set_name, ""] + rows_table(rows) + memory_table(rows)
    return "\n".join(out) + "\n"
