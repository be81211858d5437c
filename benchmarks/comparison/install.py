"""Fetches the peers with pip into folders of the build: PEERS/python, PEERS/onednn-*. What fails is named."""

import os
import subprocess
import sys

PYTHON_PACKAGES = (("torch", "torchvision"), ("numpy",), ("onnx",), ("onnxruntime",), ("openvino",), ("ncnn", "pnnx"))
# Two builds of oneDNN 3, since neither is always the faster one: the newest, and the last with OpenMP threads.
ONEDNN_PACKAGES = {"onednn-newest": "onednn-devel", "onednn-openmp": "onednn-devel-cpu-gomp"}


def make_environment(folder):
    """A virtual environment; made once. Whether it is there."""
    if os.path.exists(os.path.join(folder, "bin", "pip")):
        return True
    print("installing into %s" % folder, flush=True)
    return subprocess.run([sys.executable, "-m", "venv", folder]).returncode == 0


def pip_install(folder, packages):
    command = [os.path.join(folder, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", *packages]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        print("could not install %s: %s" % (" ".join(packages), reason), flush=True)


def provided(module):
    """Whether an interpreter of KASHI_PEERS_PYTHON has the module already."""
    test = "import importlib.util, sys; sys.exit(importlib.util.find_spec(%r) is None)" % module
    given = [path for path in os.environ.get("KASHI_PEERS_PYTHON", "").split(":") if path]
    return any(subprocess.run([path, "-c", test], capture_output=True).returncode == 0 for path in given)


def install(folder):
    os.makedirs(folder, exist_ok=True)
    python = os.path.join(folder, "python")
    if make_environment(python):
        for packages in PYTHON_PACKAGES:
            if not provided(packages[0]):
                pip_install(python, packages)
    for name, package in ONEDNN_PACKAGES.items():
        if make_environment(os.path.join(folder, name)):
            pip_install(os.path.join(folder, name), [package])
