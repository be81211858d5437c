"""Takes the figures that the theory pages quote from the folders that our programs wrote, into generated/*.csv.

`tables.py --take OUT` calls it.
"""

import csv
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
GENERATED = os.path.join(HERE, "generated")


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


METRICS = {  # of the program cam, with their decimals
    "insertion": "%.3f",
    "deletion": "%.3f",
    "drop %": "%.1f",
    "increase %": "%.0f",
    "complexity": "%.3f",
    "ADCC": "%.3f",
    "pointing %": "%.0f",
    "energy %": "%.1f",
    "noise": "%.3f",
    "shift": "%.3f",
    "JPEG": "%.3f",
    "FGSM": "%.3f",
    "sanity": "%.3f",
}


SENSITIVITY = {  # columns, and what the program cam calls them
    "Grad-CAM": "grad-cam",
    "Shap-CAM": "shap-cam, same orders",
    "Shap-CAM, new orders": "shap-cam, new orders",
    "Shap-CAM of the logit": "shap-cam, logit",
    "Grad-CAM, kept": "grad-cam, kept",
    "Shap-CAM, kept": "shap-cam, same orders, kept",
}


def report_in(folder):
    with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
        return json.load(file)


def report_of(out, name):
    return report_in(os.path.join(out, name))


def write_table(name, heading, rows):
    with open(os.path.join(GENERATED, name + ".csv"), "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([heading, *rows])


def take_metrics(report, name):
    order = [*report["methods"], "centre", "random places", "random pixels"]
    known = [metric for metric in METRICS if any(metric in row for row in report["metrics"].values())]
    rows = [[method, *(METRICS[metric] % report["metrics"][method][metric] for metric in known)] for method in order]
    write_table(name, ["method", *known], rows)


def take_sensitivity(report, name):
    changes, rows = report["sensitivity"], []
    known = {column: key for column, key in SENSITIVITY.items() if any(key in row for row in changes.values())}
    for key, row in changes.items():
        if ", " not in key:
            continue
        network, change = key.rsplit(", ", 1)
        cells = ["-" if row.get(key) is None else "%.3f" % row[key] for key in known.values()]
        rows.append([network, change, "%.0f" % row["prediction kept %"], "%.2f" % row["change of logit"], *cells])
    networks = report["networks"]
    rows.sort(key=lambda row: (networks.index(row[0]), row[1].startswith("FGSM")))
    write_table(name, ["network", "change, 1/255", "prediction kept %", "change of logit", *known], rows)


def take_cam(out):
    take_metrics(report_of(out, "cam_photos"), "q1_photos")
    take_metrics(report_of(out, "cam_methods"), "q1_methods")
    report = report_of(out, "cam_compare")
    metrics = {name: METRICS[name] for name in ("insertion", "deletion", "drop %", "increase %", "complexity")}
    metrics.update({"two runs": "%.3f", "max-sensitivity": "%.3f"})
    orders = report["by_permutations"]
    rows = [[method, *(how % orders[method][name] for name, how in metrics.items())] for method in sorted(orders, key=lambda m: (len(m), m))]
    write_table("q1_orders", ["method", *metrics], rows)
    figures = report["without_gradients"]
    methods = list(dict.fromkeys(key.split(": ")[0] for key in figures))
    names = ("empty maps %", "rank correlation")
    write_table("q1_gradients", ["method", *names], [[m, *("%.3f" % figures["%s: %s" % (m, n)] for n in names)] for m in methods])
    take_sensitivity(report, "q1_sensitivity")
    take_sensitivity(report_of(out, "cam_digits"), "q1_digits")


def take(out):
    """Copies what the pages quote from the folders that the programs wrote; those that are not there stay as they are."""
    if os.path.exists(os.path.join(out, "cam_photos")):
        take_cam(out)
    programs = (
        ("flops", take_flops),
        ("fold_batchnorm", take_folding),
        ("parameter_sharing", take_sharing),
        ("vqa_crop", take_asked),
    )
    for name, take_program in programs:
        folder = os.path.join(out, name)
        if os.path.isdir(folder):
            take_program(folder)


def per_cent_of(share):
    return "%.1f" % (100 * share)


def take_sharing(folder):
    sizes, distances = ("16", "64", "256", "1024"), ("1", "4", "8")
    head = ["network", "parameters", *("anywhere " + size for size in sizes), "middle 1024"]
    head += ["moved by " + distance for distance in distances]
    lines = [",".join([*head, "equivariance error", "signal to noise"])]
    for name, row in report_in(folder)["networks"].items():
        shares = [row["anywhere_accuracy"][size] for size in sizes] + [row["accuracy"]["1024"]]
        shares += [row["moved_accuracy"][distance] for distance in distances]
        figures = ["%.2f" % row["equivariance_error"], "%.2f" % row["gradient_signal_to_noise"]]
        lines.append(",".join(['"%s"' % name, str(row["parameters"]), *map(per_cent_of, shares), *figures]))
    write(os.path.join(GENERATED, "sharing.csv"), "\n".join(lines) + "\n")


def take_asked(folder):
    report = report_in(folder)
    views = ("whole scene", "centre crop", "random crop", "salience crop", "crop by the map", "true crop")
    groups = ("small", "large", "nearer the middle", "near the margin")
    tables = {
        "asked_views": ("view,hit,answers", views, (report["hit"], report["answer_accuracy"])),
        "asked_groups": ("group,hit,gain", groups, (report["hit_by_group"], report["gain_by_group"])),
        "asked_methods": ("method,hit", report["hit_by_method"], (report["hit_by_method"],)),
    }
    for name, (head, rows, columns) in tables.items():
        lines = [head, *(",".join([row, *(per_cent_of(column[row]) for column in columns)]) for row in rows)]
        write(os.path.join(GENERATED, name + ".csv"), "\n".join(lines) + "\n")


def take_folding(folder):
    models = report_in(folder)["models"]
    lines = ["network,norms,difference,before,fused,after,speedup,operations saved"]
    for name, row in models.items():
        before, after = row["before"], row["after"]
        milliseconds = (before["milliseconds"], row["fused_milliseconds"], after["milliseconds"])
        times = "%.1f,%.1f,%.1f,%.2f" % (*milliseconds, row["speedup"])
        saved = before["operations"] - after["operations"]
        difference = row["largest_relative_difference"]
        lines.append("%s,%d,%.1e,%s,%d" % (name, row["norms_folded"], difference, times, saved))
    write(os.path.join(GENERATED, "folding.csv"), "\n".join(lines) + "\n")


def take_flops(flops):
    with open(os.path.join(flops, "layers.csv"), encoding="utf-8") as file:
        layers_csv = file.read()
    variants = report_in(flops)["variants"]
    write(os.path.join(GENERATED, "q3_layers.csv"), layers_csv)
    lines = ["biases,batch norm,parameters,multiplications,additions,macs"]
    for name, row in variants.items():
        bias, batch_norm = ("yes" if "with_" + what in name else "no" for what in ("bias", "bn"))
        lines.append("%s,%s,%d,%d,%d,%d" % (bias, batch_norm, *(row[n] for n in lines[0].split(",")[2:])))
    write(os.path.join(GENERATED, "q3_variants.csv"), "\n".join(lines) + "\n")
