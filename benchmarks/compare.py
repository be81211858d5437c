#!/usr/bin/env python3
"""Our kernels and networks beside other libraries, interleaved: prints one table, writes bench.md and bench.json.

`./dev bench` builds what it needs and calls it. Peers are optional; those that are missing are named.
../docs/performance.md tells how to read the result.
"""

import argparse
import datetime
import json
import os
import sys

from comparison import install, libraries, machine, measure, networks, problems, regression, report, summary
from comparison.workers import Failed

DEFAULT_SETS = ["peers", "steps", "inference"]


def arguments():
    parser = argparse.ArgumentParser(prog="dev bench", description="Measures kashi beside other libraries.")
    parser.add_argument("--build", default=os.path.join(libraries.ROOT, "build"), help="the build folder")
    parser.add_argument(
        "--quick", action="store_true", help="a first look in two minutes: fewer problems and repetitions"
    )
    parser.add_argument(
        "--set",
        action="append",
        metavar="NAME",
        help="%s, a problem file, or all; repeatable (default: %s)"
        % (", ".join(list(networks.SETS) + problems.set_names()), ", ".join(DEFAULT_SETS)),
    )
    parser.add_argument(
        "--threads", default=None, metavar="LIST", help="numbers of threads, such as 1,2 (default: 1 and all)"
    )
    parser.add_argument(
        "--peers", default=None, metavar="LIST", help="only these, such as onednn,pytorch; none for ours alone"
    )
    parser.add_argument(
        "--isa",
        choices=["baseline", "avx2", "avx512"],
        help="holds us and the peers that listen to one instruction set",
    )
    parser.add_argument(
        "--out", default="out/bench", metavar="DIR", help="where bench.md and bench.json go (default: out/bench)"
    )
    parser.add_argument("--compare", metavar="OLD.json", help="fails where we lost ground to the peers since that run")
    parser.add_argument(
        "--install-peers",
        action="store_true",
        help="fetches the peers with pip into BUILD/peers first (several GB, PyTorch most of it)",
    )
    parser.add_argument("--rounds", type=int, default=None, help="bursts of three repetitions (default: 3)")
    return parser.parse_args()


def thread_counts(text):
    if text:
        return [int(count) for count in text.split(",")]
    return sorted({1, len(os.sched_getaffinity(0))})


def chosen_sets(options):
    known = list(networks.SETS) + problems.set_names() + ["all"]
    for name in options.set or []:
        if name not in known and not os.path.exists(name):
            raise ValueError("unknown set '%s'; there are %s, or name a file" % (name, ", ".join(known)))
    if not options.set:
        return DEFAULT_SETS
    if "all" in options.set:
        return DEFAULT_SETS + [name for name in problems.set_names() if name not in DEFAULT_SETS + ["tiny"]]
    return options.set


def chosen_peers(text):
    """None for all of them."""
    if text is None:
        return None
    wanted = [name for name in text.split(",") if name != "none"]
    for name in wanted:
        if name not in libraries.KEYS:
            raise ValueError("unknown peer '%s'; there are %s" % (name, ", ".join(libraries.KEYS)))
    return wanted


def convolutions(found, set_names, threads, budget, log):
    """Rows of all sets at one number of threads; the best peak of one core and the bandwidth of all threads."""
    ours = found.ours("kernels_server", threads)
    peers = found.convolution_peers(threads) if set_names else []
    rows, peak = [], ours.ask("peak")["gflops"]
    bandwidth = ours.ask("bandwidth")["gbytes"]
    first = ("first",) if budget.first_only else ()
    try:
        for set_name in set_names:
            for problem in problems.read_set(set_name):
                peak = max(peak, ours.ask("peak")["gflops"])
                for direction in measure.DIRECTIONS:
                    times = measure.measure(ours, peers, lambda _: ("conv", problem[0], direction, *first), budget)
                    made = measure.convolution_rows(set_name, problem, direction, threads, times, peak, budget.kinds)
                    rows += made
                    log(made[0])
    finally:
        for worker in [ours] + peers:
            worker.close()
    return rows, peak, bandwidth


def show(row):
    print(
        "%-8s %-28s %-16s %d threads %9s ms   best peer %-16s x %s"
        % (
            row["set"],
            row["name"],
            row["direction"],
            row["threads"],
            report.milliseconds(row["ours_ms"]),
            row["best_peer"] or "none",
            report.number(row["ratio_best_peer"]),
        ),
        flush=True,
    )


def run(options):
    started = datetime.datetime.now()
    wanted = chosen_peers(options.peers)
    sets = chosen_sets(options)
    found = libraries.Libraries(options.build, wanted, options.isa)
    for key, reason in found.missing.items():
        print("missing peer: %s (%s); ./dev bench --install-peers fetches them" % (key, reason), flush=True)
    budget = measure.Budget()
    if options.quick:
        budget = measure.Budget(rounds=1, repetitions=2, milliseconds=4, kinds=("prepared",), first_only=True)
    if options.rounds:
        budget.rounds = options.rounds
    counts = thread_counts(options.threads)
    rows, peak, bandwidths = [], 0, {}
    for threads in counts:
        made, measured, bandwidths[threads] = convolutions(
            found, [name for name in sets if name not in networks.SETS], threads, budget, show
        )
        rows, peak = rows + made, max(peak, measured)
        rows += networks.network_rows(found, sets, threads, max(counts), options.quick, show)
    return {
        "version": 1,
        "date": started.date().isoformat(),
        "seconds": (datetime.datetime.now() - started).total_seconds(),
        "machine": machine.describe(),
        "isa": isa_of(found),
        "peak_gflops": peak,
        "copy_gbytes_per_second": bandwidths,
        "libraries": found.seen,
        "missing_peers": found.missing,
        "settings": settings(budget, options.isa),
        "rows": rows,
        "geometric_means": summary.geometric_means(rows),
    }


def isa_of(found):
    return found.seen["kashi"][0].split("isa ")[-1].split(",")[0]


def settings(budget, isa):
    held = ["held to %s: kashi, oneDNN and PyTorch; the others choose for themselves" % isa] if isa else []
    return held + [
        "convolutions: best of %d bursts of %d repetitions of %g ms or one call, libraries in turn"
        % (budget.rounds, budget.repetitions, budget.milliseconds),
        "one thread: pinned, its own CPU time; more: the clock, OpenMP's threads pinned too; top priority if possible",
        "oneDNN: images stay in its own layout, conversions of images are not counted; the %d fastest of %s go on"
        % (budget.kept, "its first choices" if budget.first_only else "all its implementations"),
        "PyTorch's steps: two layouts, the default allocator and %s; inference: eager and frozen"
        % libraries.allocator_environment()[0],
        "weights prepared: packed beforehand, where the library allows it (PyTorch does not); packed: at each call",
    ]


def as_json(result):
    """One row a line, five figures of each number."""

    def rounded(value):
        if isinstance(value, float):
            return float("%.5g" % value)
        if isinstance(value, dict):
            return {key: rounded(item) for key, item in value.items()}
        return [rounded(item) for item in value] if isinstance(value, list) else value

    rest = {key: rounded(value) for key, value in result.items() if key != "rows"}
    rows = ",\n".join("  " + json.dumps(rounded(row)) for row in result["rows"])
    return json.dumps(rest, indent=1)[:-2] + ',\n "rows": [\n' + rows + "\n ]\n}\n"


def write(result, folder):
    os.makedirs(folder, exist_ok=True)
    for name, text in (("bench.json", as_json(result)), ("bench.md", report.markdown(result))):
        path = os.path.join(folder, name)
        with open(path + ".part", "w") as file:
            file.write(text)
        os.replace(path + ".part", path)


def main():
    options = arguments()
    try:
        old = None
        if options.compare:
            with open(options.compare) as file:
                old = json.load(file)
        if options.install_peers:
            install.install(os.path.join(options.build, "peers"))
        result = run(options)
        write(result, options.out)
        print()
        print(report.markdown(result))
        print("%s and bench.md are there" % os.path.join(options.out, "bench.json"))
        slower = regression.compare(result, old) if old else []
    except (Failed, OSError, ValueError) as error:
        print("error: %s" % error, file=sys.stderr)
        return 1
    for line in slower:
        print("slower: " + line, file=sys.stderr)
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
