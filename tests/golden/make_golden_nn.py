"""Writes nn.txt, the values that tests/nn compares with. Needs PyTorch; the values stored are those of 2.15.

Each line: a name, then numbers, images and weights in kashi's order (channels last). Inputs are not stored: number i of
an input of seed s is ((7 i i + 37 i + 11 s) mod 101 - 50) / 64, which float holds exactly.

Normalisations: four training steps of inputs of seeds 0..3 with output gradients of seeds 10..13, then one in eval mode
(seeds 4 and 14). Lines: running statistics after each step; output and gradients of the last training step; output and
gradient of the input in eval mode. Weight and bias have seeds 20 and 21.

Network: convolution, batch norm, ReLU, max pooling, residual block, mean over pixels, linear; ten steps of SGD with
momentum. Parameter number k has seed 30 + k (batch norm's weight: that plus 1), and is scaled by 1/2; images of step t have
seed t, and label number i is (i + t) mod 3.
"""
import sys
from pathlib import Path

import torch
from torch import nn

SHAPE = (3, 2, 3, 4)  # N, H, W, C


def numbers(shape, seed, dtype=torch.float64):
    i = torch.arange(torch.Size(shape).numel())
    return (((7 * i * i + 37 * i + 11 * seed) % 101 - 50).to(dtype) / 64).reshape(shape)


def to_first(x):
    return x.permute(0, 3, 1, 2).contiguous() if x.dim() == 4 else x


def to_last(x):
    return x.permute(0, 2, 3, 1).contiguous() if x.dim() == 4 else x


NORMS = {
    "batch2d": (lambda: nn.BatchNorm2d(4), SHAPE),
    "batch2d_momentum": (lambda: nn.BatchNorm2d(4, eps=1e-3, momentum=0.3), SHAPE),
    "batch2d_plain": (lambda: nn.BatchNorm2d(4, affine=False), SHAPE),
    "batch2d_untracked": (lambda: nn.BatchNorm2d(4, track_running_stats=False), SHAPE),
    "batch1d": (lambda: nn.BatchNorm1d(4), (5, 4)),
    "batch1d_momentum": (lambda: nn.BatchNorm1d(4, momentum=1.0), (5, 4)),
    "layer": (lambda: nn.LayerNorm(4), (5, 4)),
    "layer_eps": (lambda: nn.LayerNorm(4, eps=0.1), (5, 4)),
    "group": (lambda: nn.GroupNorm(2, 4), SHAPE),
    "group_one": (lambda: nn.GroupNorm(1, 4, affine=False), SHAPE),
    "instance": (lambda: nn.InstanceNorm2d(4), SHAPE),
    "instance_affine": (lambda: nn.InstanceNorm2d(4, affine=True), SHAPE),
}


def norm_lines(name, make, shape):
    layer = make().double()
    with torch.no_grad():
        for i, p in enumerate(layer.parameters()):
            p.copy_(numbers(p.shape, 20 + i))
    lines, running = {}, []

    def run(seed):
        x = to_first(numbers(shape, seed)).requires_grad_()
        layer.zero_grad()
        y = layer(x)
        y.backward(to_first(numbers(shape, seed + 10)))
        return to_last(y.detach()), to_last(x.grad)

    for seed in range(4):
        y, dx = run(seed)
        if getattr(layer, "running_mean", None) is not None:
            running += layer.running_mean.tolist() + layer.running_var.tolist()
    if running:
        lines["running"] = running
    lines["y"], lines["dx"] = y, dx
    for key, p in layer.named_parameters():
        lines["d" + key] = p.grad
    layer.eval()
    lines["eval_y"], lines["eval_dx"] = run(4)
    return {f"{name}/{key}": value for key, value in lines.items()}


class Residual(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return self.body(x) + x


def network():
    block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), Residual(block),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3),
    )  # fmt: skip


def network_lines(prefix, dtype):
    net = network().to(dtype)
    with torch.no_grad():
        for k, p in enumerate(net.parameters()):
            start = numbers(to_last(p).shape, 30 + k, dtype) / 2
            is_norm_weight = k in (1, 5)
            p.copy_(to_first(start) + (1 if is_norm_weight else 0))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for t in range(10):
        images = to_first(numbers((4, 6, 6, 3), t, dtype))
        labels = (torch.arange(4) + t) % 3
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    # Names of kashi's network, whose mean over pixels needs no Flatten.
    lines = {"losses": losses}
    for key, p in net.named_parameters():
        lines["grad/" + key.replace("7.", "6.")] = to_last(p.grad)
    for key, value in net.state_dict().items():
        lines["final/" + key.replace("7.", "6.")] = to_last(value)
    return {f"{prefix}/{key}": value for key, value in lines.items()}


def main():
    lines = {}
    for name, (make, shape) in NORMS.items():
        lines |= norm_lines(name, make, shape)
    lines |= network_lines("double", torch.float64)
    lines["float/losses"] = network_lines("float", torch.float32)["float/losses"]
    text = ""
    for name, values in lines.items():
        flat = values.flatten().tolist() if torch.is_tensor(values) else values
        text += name + "".join(f" {value:.13g}" for value in flat) + "\n"
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("nn.txt")
    path.write_text(text)


if __name__ == "__main__":
    main()
