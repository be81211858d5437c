"""Compares a run with a stored one by ratios to the peers that both have, so that the machine's mood falls out."""

from .summary import geometric_mean

ROW_TOLERANCE = 0.15  # one row may lose so much before it counts
MEAN_TOLERANCE = 0.05  # the geometric mean of all rows


def row_key(row):
    return row["set"], row["problem"], row["direction"], row["threads"], row["weights"]


def ratio(row, peers):
    """How many times faster than the fastest of these peers; without peers, the share of the measured peak."""
    if peers:
        return min(row["peers"][peer] for peer in peers) / row["ours_ms"]
    return row.get("fraction_of_peak") or 1 / row["ours_ms"]


def compare(new, old, row_tolerance=ROW_TOLERANCE, mean_tolerance=MEAN_TOLERANCE):
    """Lines that name what became slower; empty when nothing did. Raises ValueError when the runs share no row."""
    stored = {row_key(row): row for row in old["rows"]}
    changes, slower = [], []
    for row in new["rows"]:
        before = stored.get(row_key(row))
        if before is None:
            continue
        peers = sorted(set(row["peers"]) & set(before["peers"]))
        change = ratio(row, peers) / ratio(before, peers)
        changes.append(change)
        if change < 1 - row_tolerance:
            slower.append(
                "%s %s, %d threads, %s weights: %.2f times its stored speed"
                % (row["name"], row["direction"], row["threads"], row["weights"], change)
            )
    if not changes:
        raise ValueError("the stored run has none of these rows")
    mean = geometric_mean(changes)
    if mean < 1 - mean_tolerance:
        slower.append("all %d rows together: %.2f times their stored speed" % (len(changes), mean))
    return slower
