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


def multiply_adds(text):
    """Of the direct method, padding counted as if it were data."""
    p = parse(text)

    def positions(axis, size):
        before, after = p.padding[2 * axis], p.padding[2 * axis + 1]
        reach = p.dilation[axis] * (p.kernel[axis] - 1) + 1
        return size if p.transposed else (size + before + after - reach) // p.stride[axis] + 1

    pixels = p.batch * positions(0, p.height) * positions(1, p.width)
    return pixels * p.out * (p.channels // p.groups) * p.kernel[0] * p.kernel[1]
