"""Whole training steps and batch-1 inference beside the peers: rows of the sets "steps" and "inference"."""

import os
import subprocess

from .libraries import PEERS, allocator_environment
from .measure import Budget, common_row, measure

SETS = ("steps", "inference")
STEPS = ("digits", "resnext29", "resunet", "resnext_compact", "resunet_xray")
QUICK_STEPS = STEPS[:1]
INFERENCE = ("resnet18", "vgg16", "squeezenet1_1", "mobilenet_v2")
QUICK_INFERENCE = ("resnet18", "mobilenet_v2")


def labelled(worker, words):
    if worker:
        worker.name += ", " + words
    return worker


def step_peers(found, threads):
    """PyTorch in both layouts, with the allocator as it comes and one that keeps its pages: (worker, layout) each."""
    name, allocator = allocator_environment()
    pairs = [
        (labelled(found.python_worker("pytorch", threads, environment), words), layout)
        for words, environment in ((name, allocator), ("default allocator", {}))
        for layout in ("channels_last", "default")
    ]
    return [(worker, layout) for worker, layout in pairs if worker]


def step_row(found, name, threads, budget):
    ours = found.ours("networks_server", threads)
    peers = step_peers(found, threads)
    workers = [worker for worker, _ in peers]
    requests = {id(worker): ("step", name, layout) for worker, layout in peers}
    try:
        times = measure(ours, workers, lambda worker: requests.get(id(worker), ("step", name)), budget)
        memory = {
            "%s: %s" % (worker.name, layout): worker.ask("memory")["peak_rss_mb"]
            for worker, layout in peers
            if worker in workers
        }
        row = common_row(
            "steps", name, name, "step", threads, "packed", times.best("kashi", "both")[0], pytorch_layouts(times)
        )
        row["ours_peak_mb"] = ours.ask("memory")["peak_rss_mb"]
        row["pytorch_peak_mb"] = min(memory.values(), default=None)
        row["peak_mb"] = memory
        return row
    finally:
        for worker in [ours] + [worker for worker, _ in peers]:
            worker.close()


def pytorch_layouts(times):
    """As it comes: NCHW, the default allocator, eager. "pytorch" is the fastest of all ways."""
    as_it_comes = ("default allocator: default", "eager default")
    found = {
        "pytorch": times.best("pytorch", "both"),
        "pytorch_default": times.best("pytorch", "both", ending=as_it_comes),
    }
    return {key: value for key, value in found.items() if value}


def inference_peers(found, threads):
    keys = ("pytorch", "ncnn", "onnxruntime", "openvino")
    return [worker for worker in (found.python_worker(key, threads) for key in keys) if worker]


def model_path(found, name):
    """Path without ending of a network's files for ncnn, onnxruntime, OpenVINO; PyTorch and pnnx make them once."""
    folder = os.path.join(found.build, "peers", "models")
    path = os.path.join(folder, name)
    python = found.pythons.get("pytorch")
    if python and not os.path.exists(path + ".onnx"):
        subprocess.run([python, os.path.join(PEERS, "export_models.py"), folder, name], capture_output=True)
    pnnx = os.path.join(os.path.dirname(found.pythons.get("ncnn", "")), "pnnx")
    if os.path.exists(pnnx) and os.path.exists(path + ".pt") and not os.path.exists(path + ".ncnn.param"):
        subprocess.run([pnnx, name + ".pt", "inputshape=[1,3,224,224]", "fp16=0"], cwd=folder, capture_output=True)
    return path


def inference_rows(found, threads, budget, log, names=INFERENCE):
    ours = found.ours("networks_server", threads)
    peers = inference_peers(found, threads)
    rows = []
    try:
        for name in names:
            path = model_path(found, name)
            files = ("ncnn", "onnxruntime", "openvino")
            times = measure(ours, peers, lambda worker: ("inference", path if worker.key in files else name), budget)
            best = {key: times.best(key, "both") for key in files}
            found_peers = dict(pytorch_layouts(times), **{key: value for key, value in best.items() if value})
            row = common_row(
                "inference", name, name, "inference", threads, "prepared", times.best("kashi", "both")[0], found_peers
            )
            row["notes"] = times.notes
            rows.append(row)
            log(row)
    finally:
        for worker in [ours] + peers:
            worker.close()
    return rows


def step_rows(found, threads, budget, log, names=STEPS):
    rows = []
    for name in names:
        rows.append(step_row(found, name, threads, budget))
        log(rows[-1])
    return rows


def network_rows(found, sets, threads, most_threads, is_quick, log):
    """Rows of the sets "steps" (at the most threads only) and "inference"; a quick look takes fewer of both."""
    budget = Budget(rounds=1, milliseconds=30) if is_quick else Budget(rounds=3, milliseconds=50)
    is_most = threads == most_threads
    rows = []
    if "steps" in sets and is_most:
        rows += step_rows(found, threads, budget, log, QUICK_STEPS if is_quick else STEPS)
    if "inference" in sets and (is_most or not is_quick):
        rows += inference_rows(found, threads, budget, log, QUICK_INFERENCE if is_quick else INFERENCE)
    return rows
