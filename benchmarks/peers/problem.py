"""Problem strings (../../tests/cases/problem.hpp) for the peers that Python calls."""

import re
from dataclasses import dataclass


@dataclass
class Problem:
    batch: int
    height: int
    width: int
    channels: int
    out: int
    kernel: tuple
    stride: tuple
    padding: tuple  # top, bottom, left, right
    dilation: tuple
    groups: int
    transposed: bool

    @property
    def is_padded_alike(self):
        top, bottom, left, right = self.padding
        return top == bottom and left == right


def parse(text):
    values = {"n": 1, "s": 1, "d": 1, "g": 1, "k": 1, "p": 0, "t": 0}
    for word in text.split():
        key, number = re.fullmatch(r"([a-z]+)(\d+)", word).groups()
        values[key] = int(number)

    def get(key, instead):
        return values.get(key, values.get(instead))

    return Problem(
        batch=values["n"],
        height=values["h"],
        width=get("w", "h"),
        channels=values["c"],
        out=values["o"],
        kernel=(get("kh", "k"), get("kw", "k")),
        stride=(get("sh", "s"), get("sw", "s")),
        padding=tuple(get(side, "p") for side in ("pt", "pb", "pl", "pr")),
        dilation=(get("dh", "d"), get("dw", "d")),
        groups=values["g"],
        transposed=values["t"] != 0,
    )
