"""Measures ours and the peers in turn: all meet the same moods of the machine, the best repetition counts."""

from dataclasses import dataclass, field

from .problems import bytes_moved, multiply_adds
from .workers import Failed

# Their variants are ways to the same result; of the others each is reported.
MANY_IMPLEMENTATIONS = ("onednn",)
DIRECTIONS = ("forward", "backward_data", "backward_weight")


@dataclass
class Budget:
    """The same for all: `rounds` bursts of some repetitions of `milliseconds` each."""

    rounds: int = 3
    repetitions: int = 3
    milliseconds: float = 12
    kinds: tuple = ("prepared", "packed")  # of weights
    first_only: bool = False  # each library's own choice among its implementations, instead of all of them
    kept: int = 2  # of a library's many implementations that go on after the probe


@dataclass
class Times:
    """Best milliseconds by (weights, variant) of each library."""

    by_library: dict = field(default_factory=dict)
    notes: dict = field(default_factory=dict)

    def add(self, worker, milliseconds):
        times = self.by_library.setdefault(worker.key, {})
        for (weights, name), value in zip(worker.variants, milliseconds):
            label = "%s: %s" % (worker.name, name)
            times[weights, label] = min(value, times.get((weights, label), float("inf")))

    def best(self, key, weights, ending=None):
        """(milliseconds, label) of a library's fastest variant for these weights, or None."""
        found = [
            (value, label)
            for (kind, label), value in self.by_library.get(key, {}).items()
            if kind in (weights, "both") and (ending is None or label.endswith(ending))
        ]
        return min(found) if found else None


def fastest_variants(worker, milliseconds, budget):
    """Indices of the fastest for each kind of weights."""
    chosen = set()
    for wanted in budget.kinds:
        candidates = [i for i, (weights, _) in enumerate(worker.variants) if weights in (wanted, "both")]
        chosen.update(sorted(candidates, key=lambda i: milliseconds[i])[: budget.kept])
    return sorted(chosen)


def measure(ours, peers, request_of, budget):
    """Times of one request by all libraries that can do it; request_of(worker) is its wording for that one."""
    times = Times()
    able = []
    for worker in [ours] + list(peers):
        try:
            reason = worker.prepare(*request_of(worker))
            if reason:
                times.notes[worker.key] = reason
                continue
            worker.keep([i for i, (weights, _) in enumerate(worker.variants) if weights in budget.kinds + ("both",)])
            if worker.key in MANY_IMPLEMENTATIONS:
                worker.keep(fastest_variants(worker, worker.burst(1, 1), budget))
            able.append(worker)
        except Failed as error:
            drop(worker, error, times, ours, peers)
    for _ in range(budget.rounds):
        for worker in list(able):
            try:
                times.add(worker, worker.burst(budget.milliseconds, budget.repetitions))
            except Failed as error:
                able.remove(worker)
                drop(worker, error, times, ours, peers)
    return times


def drop(worker, error, times, ours, peers):
    """A peer that broke down is left out from now on; without ours there is nothing to measure."""
    if worker is ours:
        raise error
    times.notes[worker.key] = str(error)
    peers.remove(worker)


def peers_of(times, weights):
    """{peer: (ms, variant)}: PyTorch's layouts are two peers, oneDNN's layouts and builds are one."""
    found = {
        "onednn": times.best("onednn", weights),
        "ncnn": times.best("ncnn", weights),
        "pytorch": times.best("pytorch", weights, "channels_last"),
        "pytorch_default": times.best("pytorch", weights, "default"),
    }
    return {key: value for key, value in found.items() if value}


def convolution_rows(set_name, problem, direction, threads, times, peak, kinds):
    """Rows of bench.json for one problem and direction: one for each kind of weights."""
    text, title = problem
    operations = 2 * multiply_adds(text)
    rows = []
    for weights in kinds:
        ours = times.best("kashi", weights, "automatic")[0]
        direct = times.best("kashi", weights, "direct")[0]
        peers = peers_of(times, weights)
        share = operations / (ours * 1e6) / (peak * threads)
        rows.append(
            dict(
                common_row(set_name, text, title, direction, threads, weights, ours, peers),
                ours_direct_ms=direct,
                fraction_of_peak=share,
                fraction_of_peak_direct=share * ours / direct,
                gflops=operations / (ours * 1e6),
                gbytes_per_second=bytes_moved(text) / (ours * 1e6),
                operations_per_byte=operations / bytes_moved(text),
            )
        )
    return rows


def common_row(set_name, text, title, direction, threads, weights, ours, peers):
    """What every row has. Ratios above 1: ours is faster."""
    best = min(peers, key=lambda key: peers[key][0]) if peers else None
    default = peers.get("pytorch_default")
    return {
        "set": set_name,
        "problem": text,
        "name": title,
        "direction": direction,
        "threads": threads,
        "weights": weights,
        "ours_ms": ours,
        "peers": {key: value[0] for key, value in peers.items()},
        "peer_variants": {key: value[1] for key, value in peers.items()},
        "best_peer": best,
        "ratio_best_peer": peers[best][0] / ours if best else None,
        "ratio_pytorch_default": default[0] / ours if default else None,
    }
