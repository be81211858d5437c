"""PyTorch for the comparison: torch_peer.py THREADS

    prepare  conv  PROBLEM  DIRECTION    variants: channels_last and default (NCHW); weights as they come, as PyTorch does it
"""
import sys

import torch

from problem import parse
from server import Skip, serve


def convolution_variants(text, direction):
    problem = parse(text)
    if not problem.is_padded_alike:
        raise Skip("PyTorch pads both sides of an axis alike")
    groups = problem.groups
    inner = (problem.channels, problem.out // groups) if problem.transposed else (problem.out, problem.channels // groups)
    options = (None, problem.stride, (problem.padding[0], problem.padding[2]), problem.dilation, problem.transposed, (0, 0),
               groups)

    def variant(memory_format):
        x = torch.randn(problem.batch, problem.channels, problem.height, problem.width).to(memory_format=memory_format)
        weight = (0.1 * torch.randn(*inner, *problem.kernel)).to(memory_format=memory_format)
        dy = torch.randn_like(torch.ops.aten.convolution(x, weight, *options))
        wanted = [direction == "backward_data", direction == "backward_weight", False]
        if direction == "forward":
            return lambda: torch.ops.aten.convolution(x, weight, *options)
        return lambda: torch.ops.aten.convolution_backward(dy, x, weight, *options, wanted)

    return [("both", "channels_last", variant(torch.channels_last)), ("both", "default", variant(torch.contiguous_format))]


def prepare(words):
    if words[0] == "conv":
        return convolution_variants(*words[1:])
    raise Skip("no " + words[0])


if __name__ == "__main__":
    threads = int(sys.argv[1])
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    serve("PyTorch " + torch.__version__.split("+")[0], torch.backends.cpu.get_cpu_capability(), threads, prepare)
