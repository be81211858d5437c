"""PyTorch for the comparison: torch_peer.py THREADS

prepare  conv       PROBLEM  DIRECTION    variants: channels_last and default (NCHW), as they come
prepare  step       NAME     LAYOUT       a whole training step; LAYOUT: channels_last or default
prepare  inference  NAME                  torchvision's network, both layouts, eager and frozen for inference
"""

import sys

import torch

from problem import parse
from server import Skip, serve

LAYOUTS = {"channels_last": torch.channels_last, "default": torch.contiguous_format}


def convolution_variants(text, direction, *_):
    problem = parse(text)
    if not problem.is_padded_alike:
        raise Skip("PyTorch pads both sides of an axis alike")
    groups = problem.groups
    inner = (
        (problem.channels, problem.out // groups) if problem.transposed else (problem.out, problem.channels // groups)
    )
    options = (
        None,
        problem.stride,
        (problem.padding[0], problem.padding[2]),
        problem.dilation,
        problem.transposed,
        (0, 0),
        groups,
    )

    def variant(memory_format):
        x = torch.randn(problem.batch, problem.channels, problem.height, problem.width).to(memory_format=memory_format)
        weight = (0.1 * torch.randn(*inner, *problem.kernel)).to(memory_format=memory_format)
        dy = torch.randn_like(torch.ops.aten.convolution(x, weight, *options))
        wanted = [direction == "backward_data", direction == "backward_weight", False]
        if direction == "forward":
            return lambda: torch.ops.aten.convolution(x, weight, *options)
        return lambda: torch.ops.aten.convolution_backward(dy, x, weight, *options, wanted)

    return [("both", name, without_gradients(variant(memory_format))) for name, memory_format in LAYOUTS.items()]


def without_gradients(call):
    return torch.no_grad()(call)


def step_variants(name, layout):
    from networks import step

    return [("both", layout, step(name, LAYOUTS[layout]))]


def inference_variants(name):
    import torchvision

    def variants(layout, memory_format):
        network = getattr(torchvision.models, name)(weights=None).eval().to(memory_format=memory_format)
        image = torch.randn(1, 3, 224, 224).to(memory_format=memory_format)
        with torch.no_grad():
            frozen = torch.jit.optimize_for_inference(torch.jit.trace(network, image))
        return [
            ("both", "eager " + layout, without_gradients(lambda: network(image))),
            ("both", "frozen " + layout, without_gradients(lambda: frozen(image))),
        ]

    return [variant for layout, memory_format in LAYOUTS.items() for variant in variants(layout, memory_format)]


def prepare(words):
    kinds = {"conv": convolution_variants, "step": step_variants, "inference": inference_variants}
    if words[0] not in kinds:
        raise Skip("no " + words[0])
    return kinds[words[0]](*words[1:])


if __name__ == "__main__":
    threads = int(sys.argv[1])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    serve("PyTorch " + torch.__version__.split("+")[0], torch.backends.cpu.get_cpu_capability(), threads, prepare)
