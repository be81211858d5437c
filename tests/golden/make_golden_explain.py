#!/usr/bin/env python3
"""Makes tests/golden/explain.txt: maps of pretrained networks in PyTorch, computed from the formulas of the papers.

Needs torch, torchvision, numpy and the weights squeezenet1_1.safetensors and mobilenet_v2.safetensors:

    python3 tests/golden/make_golden_explain.py WEIGHTS_FOLDER

All in double. The input is sin(0.05 (c+1) y + 0.1 c) cos(0.03 (c+1) x); its side is such that the explained map has 3x3 places, few
enough for Shapley values without sampling. Each line: network/method, then the map row by row. Maps of the input's own size
(integrated gradients, 50 Gauss-Legendre nodes; SmoothGrad without noise, which is the gradient) are given at every eighth place.
"""
import json
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

CLASS = 130


def load(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        data = file.read()
    kinds = {"F32": np.float32, "F16": np.float16}
    return {
        name: torch.from_numpy(
            np.frombuffer(data[entry["data_offsets"][0] : entry["data_offsets"][1]], kinds[entry["dtype"]]).reshape(entry["shape"]).astype(np.float64)
        )
        for name, entry in header.items()
        if name != "__metadata__"
    }


def network(name, folder):
    net = getattr(torchvision.models, name)()
    net.load_state_dict(load("%s/%s.safetensors" % (folder, name)), strict=False)
    if name == "mobilenet_v2":  # strides padded as TensorFlow does: nothing above and left, one below and right
        for module in net.modules():
            if isinstance(module, torch.nn.Conv2d) and module.stride[0] == 2:
                module.padding = (0, 0)
                plain = module.forward
                module.forward = lambda x, plain=plain: plain(F.pad(x, (0, 1, 0, 1)))
    return net.double().eval()


def recipe(side):
    c, y, x = np.meshgrid(np.arange(3), np.arange(side), np.arange(side), indexing="ij")
    return torch.from_numpy(np.sin(0.05 * (c + 1) * y + 0.1 * c) * np.cos(0.03 * (c + 1) * x))[None]


def shapley(worths, n):
    """Exact values from the worths of all 2^n coalitions."""
    masks = np.arange(1 << n)
    sizes = np.array([bin(mask).count("1") for mask in masks])
    factorial = np.cumprod([1.0] + list(range(1, n + 1)))
    share = factorial[np.minimum(sizes, n - 1)] * factorial[np.maximum(n - 1 - sizes, 0)] / factorial[n]
    out = []
    for i in range(n):
        without = masks[(masks >> i & 1) == 0]
        out.append((share[without] * (worths[without | 1 << i] - worths[without])).sum())
    return np.array(out)


def maps(name, net, x):
    if name == "squeezenet1_1":
        tail = lambda a: net.classifier(a).flatten(1)
        placewise = lambda a: net.classifier[2](net.classifier[1](a))
        head = lambda pooled: pooled
    else:
        tail = lambda a: net.classifier(F.adaptive_avg_pool2d(a, 1).flatten(1))
        placewise = lambda a: a
        head = net.classifier
    a = net.features(x).detach().requires_grad_()
    y = tail(a)[0, CLASS]
    (g,) = torch.autograd.grad(y, a)
    a = a.detach()
    total = a.sum((2, 3), keepdim=True)
    out = {"grad-cam": (g.mean((2, 3), keepdim=True) * a).sum(1)}
    q = torch.where(g != 0, g**2 / (2 * g**2 + total * g**3), torch.zeros_like(g))
    out["grad-cam++"] = ((q * g.relu()).sum((2, 3), keepdim=True) * a).sum(1)
    out["hires-cam"] = (g * a).sum(1)
    out["xgrad-cam"] = (torch.where(total != 0, (a * g).sum((2, 3), keepdim=True) / total, torch.zeros_like(total)) * a).sum(1)
    out["layer-cam"] = (g.relu() * a).sum(1)
    with torch.no_grad():
        channels, side, size = a.shape[1], a.shape[2], x.shape[2]
        if name == "squeezenet1_1":
            out["cam"] = placewise(a)[:, CLASS]
        else:
            out["cam"] = (net.classifier[1].weight[CLASS].view(1, -1, 1, 1) * a).sum(1)
        drops, scores = [], []
        masks = F.interpolate(a, size=(size, size), mode="bilinear", align_corners=False)[0]
        for k in range(channels):
            ablated = a.clone()
            ablated[0, k] = 0
            drops.append(y - tail(ablated)[0, CLASS])
            mask = masks[k] - masks[k].min()
            if mask.max() > 0:
                mask = mask / mask.max()
            scores.append(net(x * mask)[0, CLASS])
        out["ablation-cam"] = (torch.stack(drops).view(1, -1, 1, 1) * a).sum(1)
        out["score-cam"] = (torch.softmax(torch.stack(scores), 0).view(1, -1, 1, 1) * a).sum(1)
        matrix = a[0].flatten(1).T
        eigen = matrix @ torch.linalg.svd(matrix, full_matrices=False)[2][0]
        out["eigen-cam"] = eigen * torch.sign(eigen.sum())
        n = side * side
        present = placewise(a).flatten(2)[0].T
        absent = placewise(a.mean((2, 3), keepdim=True)).flatten(1)
        worths = []
        for begin in range(0, 1 << n, 512):
            members = (torch.arange(begin, begin + 512)[:, None] >> torch.arange(n)[None] & 1).double()
            pooled = (members @ present + (n - members.sum(1, keepdim=True)) * absent) / n
            worths.append(torch.softmax(head(pooled), 1)[:, CLASS])
        out["shap-cam"] = torch.from_numpy(shapley(torch.cat(worths).numpy(), n))
    integral = torch.zeros_like(x)
    nodes, weights = np.polynomial.legendre.leggauss(50)
    for node, weight in zip((nodes + 1) / 2, weights / 2):
        point = (x * node).requires_grad_()
        integral += weight * torch.autograd.grad(net(point)[0, CLASS], point)[0]
    out["integrated-gradients"] = (x * integral).sum(1)[:, ::8, ::8]
    point = x.clone().requires_grad_()
    out["smooth-grad"] = torch.autograd.grad(net(point)[0, CLASS], point)[0].abs().sum(1)[:, ::8, ::8]
    return out


def main(folder):
    torch.set_num_threads(1)
    with open(__file__.replace("make_golden_explain.py", "explain.txt"), "w") as file:
        for name, side in (("squeezenet1_1", 64), ("mobilenet_v2", 96)):
            for method, values in sorted(maps(name, network(name, folder), recipe(side)).items()):
                file.write("%s/%s %s\n" % (name, method, " ".join("%.10g" % v for v in values.flatten().tolist())))


if __name__ == "__main__":
    main(sys.argv[1])
