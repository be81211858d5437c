"""onnxruntime for the comparison: onnxruntime_peer.py THREADS

prepare  inference  PATH    a network in PATH.onnx
"""

import sys

import numpy
import onnxruntime

from server import Skip, serve


def prepare(words):
    if words[0] != "inference":
        raise Skip("no " + words[0])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    session = onnxruntime.InferenceSession(words[1] + ".onnx", options, providers=["CPUExecutionProvider"])
    image = numpy.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype(numpy.float32)
    return [("both", "automatic", lambda: session.run(None, {"x": image}))]


if __name__ == "__main__":
    threads = int(sys.argv[1])
    serve("onnxruntime " + onnxruntime.__version__, "CPU, every optimization", threads, prepare)
