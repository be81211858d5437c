"""Problem files: sets of convolutions by name."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(os.path.dirname(HERE), "problems")
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "peers"))
from problem import parse  # noqa: E402  (the peers parse the same strings)


def set_names():
    return sorted(name[:-4] for name in os.listdir(FOLDER) if name.endswith(".txt"))


def read_set(name):
    """[(text, name)] of a file; the name is the text where none is given."""
    path = os.path.join(FOLDER, name + ".txt") if name in set_names() else name
    problems = []
    with open(path) as file:
        for line in file:
            text, _, title = line.partition("#")
            text = " ".join(text.split())
            if text:
                problems.append((text, title.strip() or text))
    return problems


def sizes(text):
    """(height, width) where the kernel is applied: the output's, or the input's of a transposed convolution."""
    p = parse(text)

    def positions(axis, size):
        before, after = p.padding[2 * axis], p.padding[2 * axis + 1]
        reach = p.dilation[axis] * (p.kernel[axis] - 1) + 1
        return size if p.transposed else (size + before + after - reach) // p.stride[axis] + 1

    return positions(0, p.height), positions(1, p.width)


def bytes_moved(text):
    """Input, weights and output once each: what must come from or go to memory at least."""
    p = parse(text)
    height, width = sizes(text)
    if p.transposed:
        before_after = [p.padding[0] + p.padding[1], p.padding[2] + p.padding[3]]
        height, width = [
            (size - 1) * p.stride[i] + p.dilation[i] * (p.kernel[i] - 1) + 1 - before_after[i]
            for i, size in enumerate((p.height, p.width))
        ]
    weights = p.out * (p.channels // p.groups) * p.kernel[0] * p.kernel[1]
    return 4 * (p.batch * (p.height * p.width * p.channels + height * width * p.out) + weights)


def multiply_adds(text):
    """Of the direct method, padding counted as if it were data."""
    p = parse(text)
    height, width = sizes(text)
    return p.batch * height * width * p.out * (p.channels // p.groups) * p.kernel[0] * p.kernel[1]
