"""OpenVINO for the comparison: openvino_peer.py THREADS

prepare  inference  PATH    a network in PATH.onnx
"""

import sys

import numpy
import openvino

from server import Skip, serve

SETTINGS = {
    "PERFORMANCE_HINT": "LATENCY",
    "NUM_STREAMS": 1,
    "INFERENCE_PRECISION_HINT": "f32",
    "ENABLE_CPU_PINNING": False,
}


def prepare(words):
    if words[0] != "inference":
        raise Skip("no " + words[0])
    network = openvino.Core().compile_model(words[1] + ".onnx", "CPU", dict(SETTINGS, INFERENCE_NUM_THREADS=threads))
    request = network.create_infer_request()
    image = numpy.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype(numpy.float32)
    return [("both", "automatic", lambda: request.infer({0: image}, share_inputs=True))]


if __name__ == "__main__":
    threads = int(sys.argv[1])
    serve("OpenVINO " + openvino.__version__.split("-")[0], "latency, one stream, f32", threads, prepare)
