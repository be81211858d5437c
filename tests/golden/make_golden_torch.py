#!/usr/bin/env python3
"""Writes the torch files of tests/io/torch_test.cpp into tests/golden/torch/. Needs PyTorch (2.9 or newer) and NumPy.

The numbers follow rules that the test knows, so no file of expected values is needed. The files named refused_* must
not be read.
"""
import collections
import os
import pathlib
import pickle
import zipfile

import numpy as np
import torch

FOLDER = pathlib.Path(__file__).resolve().parent / "torch"


def counted(*shape, dtype=torch.float32):
    """0, 1, 2, ... in row-major order."""
    count = 1
    for size in shape:
        count *= size
    return torch.arange(count, dtype=torch.int64).reshape(shape).to(dtype)


def every_type():
    names = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool".split()
    return {name: counted(2 if name == "bool" else 3, dtype=getattr(torch, name)) for name in names}


def views():
    base = counted(4, 6)
    return {
        "whole": base,
        "transposed": base.t(),
        "column": base[:, 2],
        "rows": base[1:3],
        "steps": base[::2, 1::3],
        "expanded": counted(3, 1).expand(3, 4),
        "permuted": counted(2, 3, 4).permute(2, 0, 1),
        "scalar": torch.tensor(7.0),
        "empty": torch.zeros(0, 5),
        "halves": counted(2, 3, dtype=torch.float16).t(),
    }


def network():
    net = torch.nn.Sequential(collections.OrderedDict(conv=torch.nn.Conv2d(1, 2, 3), norm=torch.nn.BatchNorm2d(2)))
    with torch.no_grad():
        for value in net.state_dict().values():
            value.copy_(counted(*value.shape))
    return net


def checkpoint():
    net = network()
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 1, 4, 4)).sum().backward()
    state = collections.OrderedDict((name, value.clone()) for name, value in net.state_dict().items())
    optimizer.step()
    return {"epoch": 3, "lr": 0.25, "name": "tiny", "done": True, "best": None, "state_dict": state,
            "optimizer": optimizer.state_dict(), "device": torch.device("cpu"), "shape": torch.Size([1, 2])}


def deflate(path):
    """The same archive, compressed as zip tools do it."""
    with zipfile.ZipFile(path) as source:
        entries = [(info.filename, source.read(info)) for info in source.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in entries:
            target.writestr(name, data)


class CallsSystem:
    def __reduce__(self):
        return os.system, ("echo this must not run",)


class HiddenCall:
    def __reduce__(self):
        return eval, ("1 + 1",)


def save(name, value, **options):
    torch.save(value, FOLDER / f"{name}.pt", **options)


def main():
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(0)
    save("every_type", every_type())
    save("every_type_plain", every_type(), _use_new_zipfile_serialization=False)
    save("views", views())
    save("views_plain", views(), _use_new_zipfile_serialization=False)
    save("network", network().state_dict())
    save("network_plain", network().state_dict(), _use_new_zipfile_serialization=False)
    save("network_deflated", network().state_dict())
    deflate(FOLDER / "network_deflated.pt")
    save("protocol5", network().state_dict(), pickle_protocol=5)
    torch.serialization.set_crc32_options(False)
    save("no_checksum", network().state_dict())
    torch.serialization.set_crc32_options(True)
    save("parameters", dict(network().named_parameters()))
    save("checkpoint", checkpoint())
    parallel = {"module." + name: value for name, value in network().state_dict().items()}
    save("checkpoint_beside", {"best_acc1": torch.tensor(71.5), "epoch": 3, "state_dict": parallel})
    save("checkpoint_numpy", {"best": np.float64(0.5), "epoch": np.int64(3), "seen": {1, 2}, "state_dict": network().state_dict(),
                              "optimizer": {"state": collections.defaultdict(dict, {0: {"momentum": counted(2)}})}})
    save("list", [counted(2), (counted(3), {"a": counted(1)})])
    save("tensor", counted(2, 2))

    save("refused_system", {"w": counted(2), "x": CallsSystem()})
    save("refused_eval", {"w": counted(2), "x": HiddenCall()}, _use_new_zipfile_serialization=False)
    save("refused_module", network())
    save("refused_complex", {"w": torch.zeros(2, dtype=torch.complex64)})
    save("refused_sparse", {"w": torch.eye(2).to_sparse()})
    save("refused_script", None)
    torch.jit.save(torch.jit.script(network()), str(FOLDER / "refused_script.pt"))
    with open(FOLDER / "refused_pickle.pt", "wb") as file:
        pickle.dump({"w": [1.0, 2.0]}, file, protocol=2)


if __name__ == "__main__":
    main()
