"""Writes torchvision's networks for the other libraries: export_models.py FOLDER NAME...

FOLDER/NAME.onnx for onnxruntime and openvino; FOLDER/NAME.pt (TorchScript), from which pnnx makes ncnn's files.
"""

import os
import sys
import warnings

import torch
import torchvision

warnings.filterwarnings("ignore")


def export(folder, name):
    torch.manual_seed(0)
    network = getattr(torchvision.models, name)(weights=None).eval()
    image = torch.randn(1, 3, 224, 224)
    path = os.path.join(folder, name)
    with torch.no_grad():
        torch.jit.trace(network, image).save(path + ".pt")
        torch.onnx.export(network, (image,), path + ".onnx", dynamo=False, input_names=["x"], output_names=["y"])


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    for name in sys.argv[2:]:
        export(sys.argv[1], name)
