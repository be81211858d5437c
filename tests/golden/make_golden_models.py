#!/usr/bin/env python3
"""Makes tests/golden/models.txt: named networks in PyTorch, with weights that a formula gives.

Needs torch and torchvision. Networks that torchvision does not have are written here, each after its own publication.

    python3 tests/golden/make_golden_models.py                    # the small ones: tests/golden/models.txt
    python3 tests/golden/make_golden_models.py --all models_all.txt   # every one; KASHI_GOLDEN_MODELS=models_all.txt
                                                                      # makes the tests read it

Of each network, for every layer with parameters: its output in eval mode; for the input and every parameter: the
gradient, in training mode without dropout, of the cross entropy of both images. A tensor is written as three numbers:
its L2 norm and its sums with two vectors of signs, in the order of NHWC for images and PyTorch's for parameters.
All in double.
"""
import argparse
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision.models as tv


# --- numbers by formula (tests/models/formula.hpp has the same) ---------------------------------------------------------

def seed_of(name):
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def bits(seed, count):
    with np.errstate(over="ignore"):
        x = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def uniform(name, shape):
    """In [-1, 1)."""
    count = int(np.prod(shape)) if len(shape) else 1
    return ((bits(seed_of(name), count) >> np.uint64(40)).astype(np.float64) / 2**23 - 1).reshape(shape)


def value_of(name, shape):
    u = uniform(name, shape)
    if name.endswith("running_var"):
        return 1 + 0.5 * u
    if name.endswith("running_mean") or name.endswith("bias"):
        return 0.1 * u
    if len(shape) == 1:
        return 1 + 0.5 * u
    return u * math.sqrt(6 / np.prod(shape[1:]))


def summary(name, tensor):
    x = tensor.detach().double().numpy().reshape(-1)
    out = [float(np.sqrt((x * x).sum()))]
    for k in "ab":
        sign = (bits(seed_of(name + k), x.size) >> np.uint64(63)).astype(np.float64) * 2 - 1
        out.append(float((x * sign).sum()))
    return out


# --- networks that torchvision does not have ----------------------------------------------------------------------------

class SameConv2d(nn.Conv2d):
    """Zeros as TensorFlow's SAME has them."""

    def forward(self, x):
        pads = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1]):
            total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, pads), self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class LiteBlock(nn.Module):
    def __init__(self, c_in, c_out, kernel, stride, expansion):
        super().__init__()
        wide = c_in * expansion
        if expansion != 1:
            self._expand_conv = SameConv2d(c_in, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=1e-3)
        self._depthwise_conv = SameConv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=1e-3)
        self._project_conv = SameConv2d(wide, c_out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(c_out, eps=1e-3)
        self.skips = stride == 1 and c_in == c_out
        self.expands = expansion != 1

    def forward(self, x):
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = self._bn2(self._project_conv(F.relu6(self._bn1(self._depthwise_conv(y)))))
        return x + y if self.skips else y


class EfficientNetLite(nn.Module):
    def __init__(self, width, depth, num_classes=1000):
        super().__init__()

        def filters(c):
            c *= width
            new = max(8, int(c + 4) // 8 * 8)
            return new + 8 if new < 0.9 * c else new

        args = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]
        self._conv_stem = SameConv2d(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        self._blocks = nn.ModuleList()
        c_in = 32
        for i, (repeats, kernel, stride, expansion, c_out) in enumerate(args):
            if 0 < i < len(args) - 1:
                repeats = int(math.ceil(depth * repeats))
            for k in range(repeats):
                self._blocks.append(LiteBlock(c_in, filters(c_out), kernel, stride if k == 0 else 1, expansion))
                c_in = filters(c_out)
        self._conv_head = SameConv2d(c_in, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, eps=1e-3)
        self._fc = nn.Linear(1280, num_classes)

    def forward(self, x):
        x = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        return self._fc(F.relu6(self._bn1(self._conv_head(x))).mean((2, 3)))


class MobileNetV1(nn.Module):
    def __init__(self, width, num_classes=1000):
        super().__init__()
        c = lambda n: max(8, int(n * width))
        strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]
        outs = [64, 128, 128, 256, 256] + [512] * 6 + [1024] * 2
        self.features = nn.Sequential(nn.Sequential(SameConv2d(3, c(32), 3, 2, bias=False), nn.BatchNorm2d(c(32)), nn.ReLU6()))
        c_in = c(32)
        for stride, out in zip(strides, outs):
            self.features.append(nn.Sequential(
                SameConv2d(c_in, c_in, 3, stride, groups=c_in, bias=False), nn.BatchNorm2d(c_in), nn.ReLU6(),
                SameConv2d(c_in, c(out), 1, bias=False), nn.BatchNorm2d(c(out)), nn.ReLU6()))
            c_in = c(out)
        self.classifier = nn.Sequential(nn.Dropout(0.001), nn.Linear(c_in, num_classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class CifarBlock(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, 1 if c_in == c_out else 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.more = (c_out - c_in) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        skip = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more, self.more)) if self.more else x
        return F.relu(y + skip)


class CifarResNet(nn.Module):
    def __init__(self, blocks, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        c_in = 16
        for stage, c_out in enumerate((16, 32, 64), 1):
            layer = nn.Sequential()
            for _ in range(blocks):
                layer.append(CifarBlock(c_in, c_out))
                c_in = c_out
            setattr(self, f"layer{stage}", layer)
        self.linear = nn.Linear(64, num_classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.linear(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


def same_mobilenet_v2():
    """torchvision's with TensorFlow's padding."""
    net = tv.mobilenet_v2()
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d):
                new = SameConv2d(child.in_channels, child.out_channels, child.kernel_size, child.stride, groups=child.groups, bias=False)
                setattr(parent, name, new)
    return net


SMALL = {
    "resnet18": tv.resnet18,
    "resnext50_32x4d": tv.resnext50_32x4d,
    "squeezenet1_1": tv.squeezenet1_1,
    "mobilenet_v2:same": same_mobilenet_v2,
    "mobilenet_v1_025": lambda: MobileNetV1(0.25),
    "efficientnet_lite0": lambda: EfficientNetLite(1.0, 1.0),
    "resnet20_cifar10": lambda: CifarResNet(3),
}
LARGE = {
    "squeezenet1_0": tv.squeezenet1_0,
    "mobilenet_v2": tv.mobilenet_v2,
    "efficientnet_lite2": lambda: EfficientNetLite(1.1, 1.2),
    "resnet34": tv.resnet34,
    "resnet50": tv.resnet50,
    "wide_resnet50_2": tv.wide_resnet50_2,
    "vgg11": tv.vgg11,
    "vgg11_bn": tv.vgg11_bn,
    "vgg13": tv.vgg13,
    "vgg13_bn": tv.vgg13_bn,
    "vgg16": tv.vgg16,
    "vgg16_bn": tv.vgg16_bn,
    "vgg19": tv.vgg19,
    "vgg19_bn": tv.vgg19_bn,
    "mobilenet_v1": lambda: MobileNetV1(1.0),
    "mobilenet_v1_050": lambda: MobileNetV1(0.5),
    "mobilenet_v1_075": lambda: MobileNetV1(0.75),
    "efficientnet_lite1": lambda: EfficientNetLite(1.0, 1.1),
    "resnet56_cifar10": lambda: CifarResNet(9),
}


# --- what is written ----------------------------------------------------------------------------------------------------

def nhwc(x):
    return x.permute(0, 2, 3, 1).contiguous() if x.dim() == 4 else x


def lines_of(name, net):
    net = net.double()
    state = {k: torch.from_numpy(np.asarray(value_of(k, tuple(v.shape)))) for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    net.load_state_dict(state, strict=False)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, (nn.ReLU, nn.ReLU6)):
            module.inplace = False

    side = 32 if "cifar" in name else 64
    x = torch.from_numpy(uniform("input", (2, side, side, 3)).copy()).permute(0, 3, 1, 2).contiguous()
    with torch.no_grad():
        net.eval()
        hooks = []
        for path, module in net.named_modules():
            if not list(module.children()) and list(module.parameters()):
                hooks.append(module.register_forward_hook(lambda m, i, o, path=path: outputs.append((path, o.clone()))))
        outputs = []
        net(x)
        for hook in hooks:
            hook.remove()
    for path, output in outputs:
        yield f"{name}/output/{path}", summary(path, nhwc(output))

    net.train()
    x.requires_grad_()
    F.cross_entropy(net(x), torch.tensor([1, 7])).backward()
    yield f"{name}/gradient/input", summary("input", nhwc(x.grad))
    for path, parameter in net.named_parameters():
        yield f"{name}/gradient/{path}", summary(path, parameter.grad)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--all", metavar="FILE", help="write every network to FILE")
    options = arguments.parse_args()
    networks = {**SMALL, **LARGE} if options.all else SMALL
    path = options.all or __file__.rsplit("/", 1)[0] + "/models.txt"
    with open(path, "w") as file:
        for name, make in networks.items():
            for key, numbers in lines_of(name, make()):
                file.write(key + " " + " ".join(f"{n:.9g}" for n in numbers) + "\n")


if __name__ == "__main__":
    main()
