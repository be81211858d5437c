"""The same questions and answers as ../server.hpp, for libraries that Python calls."""

import json
import resource
import sys
import time


class Skip(Exception):
    """Something that this library can't do; the reason is shown."""


def best_milliseconds(call, milliseconds, repetitions, threads):
    """The best of some repetitions of that length, after half of one; CPU time on one thread, the clock on more."""
    clock = time.process_time if threads == 1 else time.perf_counter

    def time_of(calls):
        start = clock()
        for _ in range(calls):
            call()
        return (clock() - start) * 1e3 / calls

    best = spent = time_of(1)
    while spent < milliseconds / 2:
        latest = time_of(1)
        best = min(best, latest)
        spent += max(latest, 1e-3)
    calls = max(1, int(milliseconds / max(best, 1e-4)))
    return min([best] + [time_of(calls) for _ in range(repetitions)])


def serve(name, settings, threads, prepare):
    """Says hello, then answers. prepare(words) gives [(weights, name, call)]; weights: prepared, packed or both."""
    out = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is not an answer
    variants = []

    def answer(words):
        nonlocal variants
        if words[0] == "prepare":
            variants = []
            variants = prepare(words[1:])
            return {"variants": [[weights, name] for weights, name, _ in variants]}
        if words[0] == "keep":
            variants = [variants[int(i)] for i in words[1:]]
            return {"kept": len(variants)}
        if words[0] == "burst":
            return {"ms": [best_milliseconds(call, float(words[1]), int(words[2]), threads) for _, _, call in variants]}
        if words[0] == "memory":
            return {"peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        return {"error": "unknown request " + words[0]}

    print(json.dumps({"name": name, "settings": settings}), file=out, flush=True)
    for line in sys.stdin:
        try:
            reply = answer(line.rstrip("\n").split("\t"))
        except Skip as skip:
            reply = {"skip": str(skip)}
        except Exception as error:  # the comparison goes on without this row
            reply = {"error": "%s: %s" % (type(error).__name__, str(error).splitlines()[0] if str(error) else "")}
        print(json.dumps(reply), file=out, flush=True)
