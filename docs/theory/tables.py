#!/usr/bin/env python3
"""Writes the tables of the theory pages, in both editions, from the figures of our programs (measurements.py takes them).

    tables.py                  fills the pages from generated/*.csv
    tables.py --check          only tells whether a page is out of date (exit code 1)
    tables.py --take OUT       first takes new figures from the folders that the programs wrote: OUT/flops, ...

A table stands between the lines `<!-- table NAME -->` and `<!-- end -->`. Its numbers are the same in every language.
"""

import csv
import os
import re
import sys

from measurements import GENERATED, HERE, take, write

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
    "network": "شبکه",
    "norms folded": "لایه‌های ادغام‌شده",
    "largest relative difference": "بیشترین اختلاف نسبی",
    "ms, norms apart": "میلی‌ثانیه، نرمال‌سازی جداگانه",
    "ms, fused as it runs": "میلی‌ثانیه، ادغام هنگام اجرا",
    "ms, folded": "میلی‌ثانیه، ادغام‌شده",
    "times as fast": "چند برابر سریع‌تر",
    "MB not moved": "مگابایت جابه‌جایی حذف‌شده",
    "method": "روش",
    "time": "زمان",
    "insertion": "درج (insertion)",
    "deletion": "حذف (deletion)",
    "drop %": "افت ٪",
    "increase %": "افزایش ٪",
    "complexity": "پیچیدگی",
    "pointing %": "نشانه‌روی ٪",
    "energy %": "انرژی ٪",
    "noise": "نویز",
    "shift": "جابه‌جایی",
    "sanity": "آزمون سلامت",
    "two runs": "دو اجرا",
    "max-sensitivity": "بیشینهٔ حساسیت",
    "figure": "کمیت",
    "value": "مقدار",
    "centre": "مرکز",
    "random places": "مکان‌های تصادفی",
    "random pixels": "پیکسل‌های تصادفی",
    "change, 1/255": "تغییر، 1/255",
    "prediction kept %": "پیش‌بینی ثابت ٪",
    "change of logit": "تغییر logit",
    "Shap-CAM, new orders": "Shap-CAM، ترتیب‌های تازه",
    "Shap-CAM of the logit": "Shap-CAM با ارزش logit",
    "Grad-CAM, kept": "Grad-CAM، پیش‌بینی ثابت",
    "Shap-CAM, kept": "Shap-CAM، پیش‌بینی ثابت",
    "smoothed input": "ورودی هموارشده",
    "as it is": "خود شبکه",
    "sharpened input": "ورودی تیزشده",
    "rough response": "پاسخ ناهموار",
    "learnt from attacks": "آموخته از حمله‌ها",
    "learnt from noise": "آموخته از نویز",
    "usual": "معمولی",
    "brittle": "شکننده",
    "empty maps %": "نقشه‌های خالی ٪",
    "rank correlation": "همبستگی رتبه‌ای",
    **{
        name: name  # names of methods and of what is done to pictures stay as they are
        for name in (
            *("cam", "grad-cam", "grad-cam++", "hires-cam", "xgrad-cam", "layer-cam", "ablation-cam", "eigen-cam"),
            *("shap-cam", "integrated-gradients", "smooth-grad", "Grad-CAM", "Shap-CAM", "ADCC", "JPEG", "FGSM"),
            *("shap-cam %d" % orders for orders in (2, 8, 20, 100)),
            *("FGSM %d" % size for size in (1, 2, 4, 8)),
        )
    },
    **{"noise %d" % size: "نویز %d" % size for size in (1, 2, 4, 8)},
    "convolution, max": "کانولوشن، با بیشینه",
    "locally connected": "اتصال محلی",
    "dense": "تمام‌متصل",
    "% with 16": "درصد درست با ۱۶ تصویر",
    "% with 64": "با ۶۴",
    "% with 256": "با ۲۵۶",
    "% with 1024": "با ۱۰۲۴",
    "% in the middle": "در میانه",
    "moved by 1": "جابه‌جا به اندازهٔ ۱",
    "moved by 4": "به اندازهٔ ۴",
    "moved by 8": "به اندازهٔ ۸",
    "equivariance error": "خطای هم‌وردایی",
    "signal / noise": "سیگنال به نویز",
    "the reader is shown": "آنچه خواننده می‌بیند",
    "object inside, %": "شیء درون آن، درصد",
    "right answers, %": "پاسخ درست، درصد",
    "whole scene": "کل صحنه",
    "centre crop": "برش میانی",
    "random crop": "برش تصادفی",
    "salience crop": "برش برجستگی",
    "crop by the map": "برش به کمک نقشه",
    "true crop": "برش درست",
    "the object": "شیء",
    "answers gained, points": "افزایش پاسخ درست، واحد درصد",
    "small": "کوچک",
    "large": "بزرگ",
    "near the margin": "نزدیک لبه",
    "nearer the middle": "نزدیک‌تر به میانه",
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


def as_written(name):
    """A table that a program has made whole."""
    with open(os.path.join(GENERATED, name + ".csv"), encoding="utf-8", newline="") as file:
        heading, *rows = csv.reader(file)
    return heading, rows


def q1_photos():
    return as_written("q1_photos")


def q1_methods():
    return as_written("q1_methods")


def q1_orders():
    return as_written("q1_orders")


def q1_gradients():
    return as_written("q1_gradients")


def q1_sensitivity():
    return as_written("q1_sensitivity")


def q1_digits():
    return as_written("q1_digits")


def folding_measured():
    """Named networks before and after folding, with random statistics in their norms."""
    names = ("norms", "difference", "before", "fused", "after", "speedup")
    rows = [
        [row["network"], *(row[name] for name in names), grouped(row["operations saved"])] for row in read("folding")
    ]
    return [
        "network",
        "norms folded",
        "largest relative difference",
        "ms, norms apart",
        "ms, fused as it runs",
        "ms, folded",
        "times as fast",
        "operations saved",
    ], rows


def sharing_measured():
    """What convolution, locally connected and dense layers learn from as many pictures."""
    sizes, distances = ("16", "64", "256", "1024"), ("1", "4", "8")
    rows = [
        [
            row["network"],
            grouped(row["parameters"]),
            *(row["anywhere " + size] for size in sizes),
            row["middle 1024"],
            *(row["moved by " + distance] for distance in distances),
            row["equivariance error"],
            row["signal to noise"],
        ]
        for row in read("sharing")
    ]
    return [
        "network",
        "parameters",
        *("% with " + size for size in sizes),
        "% in the middle",
        *("moved by " + distance for distance in distances),
        "equivariance error",
        "signal / noise",
    ], rows


def asked_views():
    rows = [[row["view"], row["hit"], row["answers"]] for row in read("asked_views")]
    return ["the reader is shown", "object inside, %", "right answers, %"], rows


def asked_groups():
    rows = [[row["group"], row["hit"], row["gain"]] for row in read("asked_groups")]
    return ["the object", "object inside, %", "answers gained, points"], rows


def asked_methods():
    return ["method", "object inside, %"], [[row["method"], row["hit"]] for row in read("asked_methods")]


TABLES = {
    table.__name__: table
    for table in (
        q1_photos,
        q1_methods,
        q1_orders,
        q1_gradients,
        q1_sensitivity,
        q1_digits,
        q3_layers,
        q3_fields,
        q3_kinds,
        q3_variants,
        sharing_weights,
        sharing_measured,
        folding_savings,
        folding_measured,
        asked_views,
        asked_groups,
        asked_methods,
    )
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
