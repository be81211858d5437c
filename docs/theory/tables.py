#!/usr/bin/env python3
"""Writes the tables of the theory pages, in both editions, from the figures of our programs.

    tables.py                  fills the pages from generated/*.csv
    tables.py --check          only tells whether a page is out of date (exit code 1)
    tables.py --take OUT       first takes new figures from the folders that the programs wrote: OUT/flops, ...

A table stands between the lines `<!-- table NAME -->` and `<!-- end -->`. Its numbers are the same in every language.
"""

import csv
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
GENERATED = os.path.join(HERE, "generated")
LANGUAGES = ("en", "fa")

# Headings and words of the tables: English to Persian.
PERSIAN = {
    "layer": "لایه",
    "output": "خروجی",
    "parameters": "پارامترها",
    "multiplications": "ضرب‌ها",
    "additions": "جمع‌ها",
    "MACs": "ضرب و جمع (MAC)",
    "divisions": "تقسیم‌ها",
    "receptive field": "میدان دید",
    "jump": "پرش",
    "start": "آغاز",
    "centre": "مرکز",
    "biases": "بایاس",
    "batch norm": "نرمال‌سازی دسته‌ای",
    "yes": "دارد",
    "no": "ندارد",
    "total": "مجموع",
    "all": "همه",
    "kind": "نوع لایه",
    "convolution": "کانولوشن",
    "linear": "تمام‌متصل",
    "average pooling": "تجمیع میانگین",
    "% of parameters": "درصد پارامترها",
    "% of MACs": "درصد MAC",
    "weights, shared (convolution)": "وزن‌ها با اشتراک (کانولوشن)",
    "weights, not shared (locally connected)": "وزن‌ها بدون اشتراک (اتصال محلی)",
    "weights, dense": "وزن‌ها در لایهٔ تمام‌متصل",
    "multiplications, shared or not": "ضرب‌ها، با یا بدون اشتراک",
    "elements": "درایه‌ها",
    "operations saved": "عملیات حذف‌شده",
    "numbers saved": "اعداد حذف‌شده",
    "MB not moved": "مگابایت جابه‌جایی حذف‌شده",
}


def grouped(number):
    return "{:,}".format(int(number))


def per_cent(part, whole):
    return "%.2f" % (100 * part / whole)


def read(name):
    with open(os.path.join(GENERATED, name + ".csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def figures(row, *names):
    return [int(row[name] or 0) for name in names]


def layers():
    """The rows of the homework's network, without the total."""
    return [row for row in read("q3_layers") if row["name"] not in ("total", "flatten")]


def kind_of(row):
    for start, kind in (("Conv", "convolution"), ("BatchNorm", "batch norm"), ("AvgPool", "average pooling")):
        if row["layer"].startswith(start):
            return kind
    return "linear"


# --- the tables: a heading and rows of cells, in English -----------------------------------------------------------


def q3_layers():
    names = ("parameters", "multiplications", "additions", "macs")
    rows = []
    for row in read("q3_layers"):
        if row["name"] == "flatten":
            continue
        seen = [row["receptive field"], row["jump"]]
        if not seen[0]:
            seen = ["all" if row["layer"] else "", ""]
        rows.append([row["name"], row["output"].replace(" x ", "×"), *(grouped(row[name]) for name in names), *seen])
    return ["layer", "output", "parameters", "multiplications", "additions", "MACs", "receptive field", "jump"], rows


def q3_fields():
    rows = [
        [row["name"], row["receptive field"], row["jump"], row["start"], row["centre"]]
        for row in layers()
        if row["receptive field"] and kind_of(row) != "batch norm"
    ]
    return ["layer", "receptive field", "jump", "start", "centre"], rows


def q3_kinds():
    rows, total = [], read("q3_layers")[-1]
    for kind in ("convolution", "batch norm", "average pooling", "linear"):
        names = ("parameters", "multiplications", "additions", "divisions", "macs")
        sums = [sum(column) for column in zip(*(figures(row, *names) for row in layers() if kind_of(row) == kind))]
        shares = [per_cent(sums[0], int(total["parameters"])), per_cent(sums[4], int(total["macs"]))]
        rows.append([kind, *(grouped(number) for number in sums[:4]), *shares])
    return [
        "kind",
        "parameters",
        "multiplications",
        "additions",
        "divisions",
        "% of parameters",
        "% of MACs",
    ], rows


def q3_variants():
    names = ("parameters", "multiplications", "additions", "macs")
    rows = [
        [row["biases"], row["batch norm"], *(grouped(row[name]) for name in names)] for row in read("q3_variants")
    ]
    return ["biases", "batch norm", "parameters", "multiplications", "additions", "MACs"], rows


def sharing_weights():
    """Weights (no biases) of the convolutions of Q3 if positions shared nothing, or everything met everything."""
    rows, inputs = [], 256 * 256 * 3
    for row in layers():
        sizes = [int(size) for size in row["output"].split(" x ")]
        outputs = sizes[0] * sizes[1] * sizes[2] if len(sizes) == 3 else sizes[0]
        if kind_of(row) == "convolution":
            macs = int(row["macs"])  # one weight for every product when nothing is shared
            shared = macs // (sizes[0] * sizes[1])
            rows.append([row["name"], grouped(shared), grouped(macs), grouped(inputs * outputs), grouped(macs)])
        inputs = outputs
    return [
        "layer",
        "weights, shared (convolution)",
        "weights, not shared (locally connected)",
        "weights, dense",
        "multiplications, shared or not",
    ], rows


def folding_savings():
    """What folding removes from Q3's network: one pass over the output of each batch norm, read and written."""
    rows, sums = [], [0, 0, 0]
    for row in layers():
        if kind_of(row) != "batch norm":
            continue
        elements, buffers, parameters = figures(row, "multiplications", "buffers", "parameters")
        saved = (elements, 2 * elements, parameters + buffers - 1)  # the counter of batches is no number of the formula
        sums = [a + b for a, b in zip(sums, saved)]
        rows.append([row["name"], *(grouped(number) for number in saved), "%.2f" % (8 * elements / 1e6)])
    rows.append(["total", *(grouped(number) for number in sums), "%.2f" % (8 * sums[0] / 1e6)])
    return ["layer", "elements", "operations saved", "numbers saved", "MB not moved"], rows


TABLES = {
    table.__name__: table for table in (q3_layers, q3_fields, q3_kinds, q3_variants, sharing_weights, folding_savings)
}


def render(name, language):
    heading, rows = TABLES[name]()

    def cell(text):
        return PERSIAN.get(text, text) if language == "fa" else text

    lines = [heading, ["---"] + ["---:"] * (len(heading) - 1), *rows]
    return ["| %s |" % " | ".join(cell(text) for text in line) for line in lines]


def fill(text, language):
    def filled(match):
        lines = render(match[2], language)
        if language == "fa":  # numbers such as -3 and 256×256 read left to right
            lines = ['<div dir="ltr">', "", *lines, "", "</div>"]
        return "%s\n\n%s\n\n%s" % (match[1], "\n".join(lines), match[3])

    return re.sub(r"(<!-- table (\w+) -->)\n.*?(<!-- end -->)", filled, text, flags=re.S)


def take(out):
    """Copies what the pages quote from the folders that the programs wrote."""
    flops = os.path.join(out, "flops")
    with open(os.path.join(flops, "layers.csv"), encoding="utf-8") as file:
        layers_csv = file.read()
    with open(os.path.join(flops, "report.json"), encoding="utf-8") as file:
        variants = json.load(file)["variants"]
    write(os.path.join(GENERATED, "q3_layers.csv"), layers_csv)
    lines = ["biases,batch norm,parameters,multiplications,additions,macs"]
    for name, row in variants.items():
        bias, batch_norm = ("yes" if "with_" + what in name else "no" for what in ("bias", "bn"))
        lines.append("%s,%s,%d,%d,%d,%d" % (bias, batch_norm, *(row[n] for n in lines[0].split(",")[2:])))
    write(os.path.join(GENERATED, "q3_variants.csv"), "\n".join(lines) + "\n")


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def pages():
    for language in LANGUAGES:
        folder = os.path.join(HERE, language)
        for name in sorted(os.listdir(folder)):
            if name.endswith(".md"):
                yield language, os.path.join(folder, name)


def main(arguments):
    if arguments[:1] == ["--take"] and len(arguments) == 2:
        take(arguments[1])
    elif arguments not in ([], ["--check"]):
        sys.exit(__doc__)
    stale = []
    for language, path in pages():
        with open(path, encoding="utf-8") as file:
            text = file.read()
        new = fill(text, language)
        if new != text:
            stale.append(os.path.relpath(path, HERE))
            if arguments != ["--check"]:
                write(path, new)
    if stale and arguments == ["--check"]:
        sys.exit("these pages don't show the tables of generated/; run docs/theory/tables.py: " + ", ".join(stale))


if __name__ == "__main__":
    main(sys.argv[1:])
