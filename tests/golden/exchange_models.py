#!/usr/bin/env python3
"""State dicts of all named networks, both ways between PyTorch and the library. Needs torch, torchvision and safetensors.

    python3 tests/golden/exchange_models.py write FOLDER [NAME...]    # NAME.pt: state dicts as torch.save writes them
    KASHI_EXCHANGE_FOLDER=FOLDER build/tests/kashi_tests_models "State dicts go both ways"
    python3 tests/golden/exchange_models.py read FOLDER               # what the test wrote: NAME.kashi.safetensors

`write` draws weights and running statistics; NAME.check.pt holds an input and PyTorch's answer. The test loads each
NAME.pt strictly and compares, then writes weights of its own with an input and an answer. `read` loads these strictly
in PyTorch and compares. An answer may differ by 1e-4 of its largest number. All networks take 5 GB; name some to go on
in parts.
"""
import pathlib
import sys

import safetensors.torch
import torch

from make_golden_models import LARGE, SMALL

NETWORKS = {name: make for name, make in {**SMALL, **LARGE}.items() if ":" not in name}


def draw(net):
    """Weights stay PyTorch's own; statistics and the learnt numbers of norms get values that tell them apart."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.1)
            module.num_batches_tracked.fill_(12345)
    return net.eval()


@torch.no_grad()
def write(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or NETWORKS:
        torch.manual_seed(42)
        net = draw(NETWORKS[name]())
        side = 32 if "cifar" in name else 64
        x = torch.randn(2, 3, side, side)
        torch.save(net.state_dict(), folder / f"{name}.pt")
        torch.save({"self_test.input": x, "self_test.output": net(x)}, folder / f"{name}.check.pt")
        print(f"{name}: written", flush=True)


@torch.no_grad()
def read(folder, names):
    worst = 0.0
    for path in sorted(folder.glob("*.kashi.safetensors")):
        name = path.name.split(".")[0]
        if names and name not in names:
            continue
        tensors = safetensors.torch.load_file(path)
        x, wanted = tensors.pop("self_test.input"), tensors.pop("self_test.output")
        net = NETWORKS[name]()
        net.load_state_dict(tensors)
        difference = float((net.eval()(x) - wanted).abs().max() / wanted.abs().max())
        worst = max(worst, difference)
        print(f"{name}: loaded strictly, largest difference {difference:.1e} of the largest output", flush=True)
    return worst <= 1e-4


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("write", "read"):
        sys.exit(__doc__)
    torch.set_num_threads(1)
    work = {"write": write, "read": read}[sys.argv[1]]
    sys.exit(1 if work(pathlib.Path(sys.argv[2]), sys.argv[3:]) is False else 0)
