"""The networks of ../networks.hpp in PyTorch: a training step of five, torchvision's for inference."""

import torch
import torch.nn as nn
import torch.nn.functional as functional


def digits():
    layers = []
    for channels, out in ((3, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 4))


class Sum(nn.Module):
    """relu(body(x) + shortcut(x))"""

    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return functional.relu(self.body(x) + self.shortcut(x), inplace=True)


def conv(channels, out, kernel, stride=1, groups=1):
    return nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)


def resnext_block(channels, out, stride):
    inner = 2 * out
    body = nn.Sequential(
        conv(channels, inner, 1),
        nn.BatchNorm2d(inner),
        nn.ReLU(inplace=True),
        conv(inner, inner, 3, stride, 8),
        nn.BatchNorm2d(inner),
        nn.ReLU(inplace=True),
        conv(inner, out, 1),
        nn.BatchNorm2d(out),
    )
    if channels == out and stride == 1:
        return Sum(body, nn.Identity())
    return Sum(body, nn.Sequential(conv(channels, out, 1, stride), nn.BatchNorm2d(out)))


def resnext29():
    layers, channels = [conv(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU(inplace=True)], 64
    for out in (256, 512, 1024):
        for i in range(3):
            layers.append(resnext_block(channels, out, 2 if i == 0 and out > 256 else 1))
            channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 10))


def two_units(channels, out, last_relu=True):
    layers = [
        conv(channels, out, 3),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
        conv(out, out, 3),
        nn.BatchNorm2d(out),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if last_relu else []))


class ResUNet(nn.Module):
    def __init__(self, widths=(32, 64, 128, 256, 512)):
        super().__init__()
        pairs = list(zip((1,) + widths[:-1], widths))
        self.encoders = nn.ModuleList([Sum(two_units(i, o, False), conv(i, o, 1)) for i, o in pairs])
        self.ups = nn.ModuleList([nn.ConvTranspose2d(o, i, 2, 2) for i, o in reversed(pairs[1:])])
        self.decoders = nn.ModuleList([two_units(2 * i, i) for i, _ in reversed(pairs[1:])])
        self.pool, self.out = nn.MaxPool2d(2), nn.Conv2d(widths[0], 1, 1)

    def forward(self, x):
        skips = []
        for encode in self.encoders:
            x = encode(self.pool(x) if skips else x)
            skips.append(x)
        for up, decode, skip in zip(self.ups, self.decoders, skips[-2::-1]):
            x = decode(torch.cat([up(x), skip], 1))
        return self.out(x)


def conv_norm(channels, out, kernel, stride=1, groups=1):
    return [conv(channels, out, kernel, stride, groups), nn.BatchNorm2d(out)]


def compact_block(channels, out, width, stride):
    wide = 4 * width
    body = nn.Sequential(
        *conv_norm(channels, wide, 1),
        nn.ReLU(inplace=True),
        *conv_norm(wide, wide, 3, stride, 4),
        nn.ReLU(inplace=True),
        *conv_norm(wide, out, 1),
    )
    if channels == out and stride == 1:
        return Sum(body, nn.Identity())
    pool = [nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)] if stride > 1 else []
    return Sum(body, nn.Sequential(*pool, *conv_norm(channels, out, 1)))


def resnext_compact():
    layers = [*conv_norm(3, 24, 3), nn.ReLU(inplace=True), *conv_norm(24, 48, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    channels = 48
    for stage, (blocks, out, width) in enumerate(((1, 128, 32), (2, 256, 64), (2, 512, 128))):
        for i in range(blocks):
            layers.append(compact_block(channels, out, width, 2 if i == 0 and stage > 0 else 1))
            channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 100))


def basic_block(channels, out, stride):
    body = nn.Sequential(
        *conv_norm(channels, out, 3, stride), nn.ReLU(inplace=True), *conv_norm(out, out, 3)
    )
    same = channels == out and stride == 1
    return Sum(body, nn.Identity() if same else nn.Sequential(*conv_norm(channels, out, 1, stride)))


class ResUNetXray(nn.Module):
    def __init__(self, widths=(16, 32, 64, 128, 192)):
        super().__init__()
        pairs = list(zip((1,) + widths[:-1], widths))
        self.encoders = nn.ModuleList([basic_block(i, o, 1 if i == 1 else 2) for i, o in pairs])
        self.decoders = nn.ModuleList([two_units(i + o, i) for i, o in reversed(pairs[1:])])
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.head = nn.Sequential(nn.Dropout2d(0.1), nn.Conv2d(widths[0], 1, 1))

    def forward(self, x):
        skips = []
        for encode in self.encoders:
            x = encode(x)
            skips.append(x)
        for decode, skip in zip(self.decoders, skips[-2::-1]):
            x = decode(torch.cat([self.up(x), skip], 1))
        return self.head(x)


def training(name):
    """(network, images, targets, loss) of a training step."""
    if name == "digits":
        return digits(), torch.randn(64, 3, 64, 64), torch.arange(64) % 4, functional.cross_entropy
    if name == "resnext29":
        return resnext29(), torch.randn(8, 3, 32, 32), torch.arange(8) % 10, functional.cross_entropy
    if name == "resnext_compact":
        return resnext_compact(), torch.randn(128, 3, 32, 32), torch.arange(128) % 100, functional.cross_entropy
    network, shape = (ResUNet(), (2, 1, 256, 256)) if name == "resunet" else (ResUNetXray(), (8, 1, 160, 160))
    mask = (torch.rand(shape) > 0.5).float()
    return network, torch.randn(shape), mask, functional.binary_cross_entropy_with_logits


def step(name, memory_format):
    """Forward, loss, backward, update, as a call."""
    network, images, targets, loss = training(name)
    network, images = network.to(memory_format=memory_format), images.to(memory_format=memory_format)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, fused=True)

    def call():
        optimizer.zero_grad(set_to_none=True)
        loss(network(images), targets).backward()
        optimizer.step()

    return call
