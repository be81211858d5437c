"""ncnn for the comparison: ncnn_peer.py THREADS

prepare  conv       PROBLEM  forward    a batch is a loop over images; weights are packed when the network is loaded
prepare  inference  PATH                a network that pnnx made: PATH.ncnn.param, PATH.ncnn.bin
"""

import os
import sys
import tempfile

import ncnn
import numpy

from problem import parse
from server import Skip, serve


def empty_net():
    net = ncnn.Net()
    net.opt.num_threads = threads
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, option, False)
    return net


def load(net, parameters, weights):
    """A network of one layer, from its text and its numbers."""
    with tempfile.TemporaryDirectory() as folder:
        param, model = os.path.join(folder, "net.param"), os.path.join(folder, "net.bin")
        with open(param, "w") as file:
            file.write(parameters)
        with open(model, "wb") as file:
            file.write(bytes(4) + weights.astype(numpy.float32).tobytes())  # 4 zero bytes: plain floats follow
        if net.load_param(param) != 0 or net.load_model(model) != 0:
            raise Skip("ncnn does not load this layer")


def convolution_variants(text, direction, *_):
    if direction != "forward":
        raise Skip("ncnn has only the forward direction")
    problem = parse(text)
    numbers = numpy.random.default_rng(0)
    weights = 0.1 * numbers.standard_normal(
        problem.channels * problem.out // problem.groups * problem.kernel[0] * problem.kernel[1]
    )
    kind = ("Deconvolution" if problem.transposed else "Convolution") + ("DepthWise" if problem.groups > 1 else "")
    top, bottom, left, right = problem.padding
    fields = {
        0: problem.out,
        1: problem.kernel[1],
        11: problem.kernel[0],
        2: problem.dilation[1],
        12: problem.dilation[0],
        3: problem.stride[1],
        13: problem.stride[0],
        4: left,
        15: right,
        14: top,
        16: bottom,
        5: 0,
        6: weights.size,
    }
    if problem.groups > 1:
        fields[7] = problem.groups
    layer = " ".join("%d=%d" % field for field in sorted(fields.items()))
    net = empty_net()
    load(net, "7767517\n2 2\nInput in0 0 1 in0\n%s conv 1 1 in0 out0 %s\n" % (kind, layer), weights)
    sizes = (problem.channels, problem.height, problem.width)
    arrays = [
        numbers.standard_normal(sizes).astype(numpy.float32) for _ in range(problem.batch)
    ]  # a Mat keeps no array alive
    images = [ncnn.Mat(array).clone() for array in arrays]

    def call():
        for image in images:
            extractor = net.create_extractor()
            extractor.input("in0", image)
            extractor.extract("out0")

    return [("prepared", "automatic", call)]


def inference_variants(path):
    net = empty_net()
    if net.load_param(path + ".ncnn.param") != 0 or net.load_model(path + ".ncnn.bin") != 0:
        raise Skip("ncnn does not load this network")
    array = numpy.random.default_rng(0).standard_normal((3, 224, 224)).astype(numpy.float32)
    image = ncnn.Mat(array).clone()

    def call():
        extractor = net.create_extractor()
        extractor.input("in0", image)
        numpy.array(extractor.extract("out0")[1])

    return [("both", "automatic", call)]


def prepare(words):
    kinds = {"conv": convolution_variants, "inference": inference_variants}
    if words[0] not in kinds:
        raise Skip("no " + words[0])
    return kinds[words[0]](*words[1:])


if __name__ == "__main__":
    threads = int(sys.argv[1])
    serve("ncnn " + ncnn.__version__, "float only, its own packing", threads, prepare)
