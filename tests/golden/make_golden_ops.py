"""Writes ops.txt, the values that tests/ops/golden_test.cpp compares with. Needs PyTorch; those stored are of 2.15.

Each line: a name, then numbers, images and weights in kashi's order (channels last). Inputs are not stored: number i of
input k of a case is ((7 i i + 37 i + 11 (k + 1)) mod 101 - 50) / 64, which float holds exactly, times the case's scale; the
gradient of the output has k = 49. Lines of a case: NAME/y, NAME/0, NAME/1 ... (gradients of the inputs), and for batch norm
NAME/mean and NAME/var after the step. Labels of C classes are (7 i + 3) mod C.

Usage: python make_golden_ops.py > ops.txt
"""
import sys

import torch
import torch.nn.functional as F

LINES = []


def numbers(shape, k, scale=1.0):
    i = torch.arange(torch.Size(shape).numel())
    return (((7 * i * i + 37 * i + 11 * (k + 1)) % 101 - 50).double() / 64 * scale).reshape(shape)


def labels(shape, classes):
    return ((torch.arange(torch.Size(shape).numel()) * 7 + 3) % classes).reshape(shape)


def to_first(x):
    return x.permute(0, 3, 1, 2).contiguous() if x.dim() == 4 else x


def to_last(x):
    return x.permute(0, 2, 3, 1).contiguous() if x.dim() == 4 else x


def write(name, values):
    LINES.append(name + "".join(f" {v:.13g}" for v in values.detach().flatten().tolist()))


def case(name, function, *shapes, scale=1.0):
    """One operation: `function` takes the inputs as PyTorch orders them."""
    inputs = [to_first(numbers(shape, k, scale)).requires_grad_() for k, shape in enumerate(shapes)]
    y = function(*inputs)
    kashi_shape = to_last(y).shape
    y.backward(to_first(numbers(kashi_shape, 49)))
    write(name + "/y", to_last(y))
    for k, x in enumerate(inputs):
        write(f"{name}/{k}", to_last(x.grad) if x.grad is not None else torch.zeros(0))


def pad_then_conv(x, w, sides, **options):
    top, bottom, left, right = sides
    return F.conv2d(F.pad(x, (left, right, top, bottom)), w, **options)


# Convolution
case("conv", F.conv2d, (2, 5, 6, 3), (4, 3, 3, 3), (4,))
case("conv_stride", lambda x, w, b: F.conv2d(x, w, b, stride=(2, 3), padding=(1, 2)), (2, 7, 8, 3), (2, 3, 2, 3), (2,))
case("conv_dilation", lambda x, w: F.conv2d(x, w, dilation=(2, 3), padding=2), (1, 7, 9, 2), (3, 3, 3, 2))
case("conv_groups", lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=2), (2, 5, 5, 4), (6, 3, 3, 2), (6,))
case("conv_depthwise", lambda x, w: F.conv2d(x, w, stride=2, padding=2, groups=4), (1, 6, 7, 4), (8, 5, 5, 1))
case("conv_same", lambda x, w: F.conv2d(x, w, padding="same", dilation=(1, 2)), (1, 5, 6, 2), (2, 2, 4, 2))
case("conv_sides", lambda x, w: pad_then_conv(x, w, (1, 0, 3, 2), stride=2), (1, 5, 6, 2), (2, 3, 3, 2))
case("transpose", lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2), (2, 3, 4, 3), (3, 2, 2, 2), (2,))
case("transpose_all", lambda x, w: F.conv_transpose2d(x, w, None, (3, 2), (1, 0), (2, 1), 2, (1, 2)), (1, 3, 4, 4), (4, 3, 2, 3))
case("linear", F.linear, (3, 5), (4, 5), (4,))

# Pooling: equal numbers occur, and the gradient goes to the first
case("max_pool", lambda x: F.max_pool2d(x, 2), (2, 4, 6, 3))
case("max_pool_overlap", lambda x: F.max_pool2d(x, 3, 2, 1), (1, 7, 8, 2))
case("max_pool_ties", lambda x: F.max_pool2d(x.round(), 3, 1, 1).add(0 * x.sum()), (1, 5, 6, 2), scale=2.0)
case("max_pool_ceil", lambda x: F.max_pool2d(x, (3, 2), (2, 3), (1, 0), 1, True), (1, 6, 8, 2))
case("max_pool_dilation", lambda x: F.max_pool2d(x, 3, 1, 1, 2), (1, 7, 8, 1))
case("avg_pool", lambda x: F.avg_pool2d(x, 2), (2, 4, 6, 3))
case("avg_pool_pad", lambda x: F.avg_pool2d(x, 3, 2, 1), (1, 6, 7, 2))
case("avg_pool_pad_ceil", lambda x: F.avg_pool2d(x, 3, 2, 1, True), (1, 6, 8, 2))
case("avg_pool_exclude_ceil", lambda x: F.avg_pool2d(x, 3, 2, 1, True, False), (1, 6, 8, 2))
case("avg_pool_divisor", lambda x: F.avg_pool2d(x, (2, 3), (1, 2), (1, 0), False, True, 5), (1, 4, 7, 2))
case("adaptive_avg", lambda x: F.adaptive_avg_pool2d(x, (3, 2)), (2, 7, 5, 2))
case("adaptive_avg_larger", lambda x: F.adaptive_avg_pool2d(x, (4, 5)), (1, 3, 2, 2))
case("adaptive_max", lambda x: F.adaptive_max_pool2d(x, (3, 4)), (2, 7, 5, 2))
case("global_avg", lambda x: x.mean((2, 3)), (2, 4, 3, 3))

# Resizing and padding
case("nearest_up", lambda x: F.interpolate(x, (7, 9)), (1, 3, 4, 2))
case("nearest_down", lambda x: F.interpolate(x, (2, 3)), (1, 5, 7, 2))
case("bilinear_up", lambda x: F.interpolate(x, (7, 9), mode="bilinear"), (1, 3, 4, 2))
case("bilinear_down", lambda x: F.interpolate(x, (2, 3), mode="bilinear"), (1, 5, 7, 2))
case("bilinear_corners", lambda x: F.interpolate(x, (7, 1), mode="bilinear", align_corners=True), (1, 3, 4, 2))
case("upsample", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), (2, 3, 2, 1))
case("pad", lambda x: F.pad(x, (3, 2, 1, 0), value=-1.5), (1, 2, 3, 2))

# Normalisation
for name, shape, training, momentum, eps in [("batch", (3, 2, 3, 4), True, 0.1, 1e-5), ("batch_momentum", (5, 4), True, 0.3, 1e-3), ("batch_eval", (3, 2, 3, 4), False, 0.1, 1e-5)]:
    mean, var = numbers((4,), 20), numbers((4,), 21).abs() + 0.5
    case(name, lambda x, w, b: F.batch_norm(x, mean, var, w, b, training, momentum, eps), shape, (4,), (4,))
    write(name + "/mean", mean)
    write(name + "/var", var)
case("layer", lambda x, w, b: F.layer_norm(x, (3, 4), w, b), (2, 3, 4), (3, 4), (3, 4))
case("layer_plain", lambda x: F.layer_norm(x, (7,), eps=0.1), (5, 7))
case("group", lambda x, w, b: F.group_norm(x, 2, w, b), (2, 3, 2, 6), (6,), (6,))
case("group_features", lambda x: F.group_norm(x, 4), (3, 8))
case("instance", lambda x, w, b: F.instance_norm(x, weight=w, bias=b), (2, 3, 4, 3), (3,), (3,))

# hardsigmoid itself keeps 1/6 in single precision for the gradient, so it is written out.
# Activations: multiples of 1/8 from -6.25 to 6.25, which meet every kink
for name, function in {
    "relu": F.relu, "leaky_relu": lambda x: F.leaky_relu(x, 0.1), "relu6": F.relu6, "elu": lambda x: F.elu(x, 0.7), "sigmoid": torch.sigmoid, "log_sigmoid": F.logsigmoid,
    "tanh": torch.tanh, "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu, "hard_sigmoid": lambda x: F.relu6(x + 3) / 6, "hard_swish": F.hardswish,
    "softplus": F.softplus, "softplus_beta": lambda x: F.softplus(x, 4.0, 10.0), "clamp": lambda x: x.clamp(-2.0, 3.0), "abs": torch.abs, "expm1": torch.expm1, "erf": torch.erf, "sign": torch.sign,
    "sin": torch.sin, "cos": torch.cos, "exp": torch.exp, "square": torch.square, "pow": lambda x: x.pow(3),
}.items():
    case(name, function, (101,), scale=8.0)
for name, function in {"log": torch.log, "log1p": torch.log1p, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal, "pow_half": lambda x: x.pow(-1.5)}.items():
    case(name, lambda x: function(x.abs() + 0.5), (20,))
case("softmax", lambda x: x.softmax(-1), (3, 5), scale=8.0)
case("softmax_middle", lambda x: x.softmax(1), (2, 4, 3), scale=8.0)
case("log_softmax", lambda x: x.log_softmax(-1), (3, 5), scale=8.0)
case("logsumexp", lambda x: x.logsumexp(1), (3, 5, 2), scale=8.0)

# Arithmetic and reductions
case("mul", lambda a, b: a * b, (2, 3, 4), (3, 1))
case("div", lambda a, b: a / (b * b + 0.5), (2, 3), (3,))
case("maximum", lambda a, b: torch.maximum(a.round(), b.round()) + a * b, (6, 7), (7,), scale=2.0)
case("minimum", torch.minimum, (6, 7), (7,))
case("matmul", torch.matmul, (3, 4), (4, 5))
case("amax", lambda x: x.amax((0, 2)), (7, 3, 9))
case("var", lambda x: x.var(1), (3, 5))
case("var_biased", lambda x: x.var((0, 1), correction=0), (3, 5))
case("gather", lambda x: x.gather(1, labels((3, 4), 5)), (3, 5))

# Losses
case("cross_entropy", lambda x: F.cross_entropy(x, labels((6,), 4)), (6, 4), scale=8.0)
case("cross_entropy_pixels", lambda x: F.cross_entropy(x, labels((2, 3, 2), 4)), (2, 3, 2, 4), scale=8.0)
WEIGHT = torch.tensor([0.5, 2.0, 1.0, 3.0]).double()
IGNORED = labels((6,), 4)
IGNORED[2] = -100
for reduction in ["mean", "sum", "none"]:
    case("cross_entropy_all_" + reduction, lambda x: F.cross_entropy(x, IGNORED, WEIGHT, reduction=reduction, label_smoothing=0.1), (6, 4), scale=8.0)
    case("cross_entropy_soft_" + reduction, lambda x: F.cross_entropy(x, numbers((6, 4), 30).abs(), WEIGHT, reduction=reduction, label_smoothing=0.2), (6, 4), scale=8.0)
case("cross_entropy_ignore", lambda x: F.cross_entropy(x, labels((6,), 4), ignore_index=1), (6, 4))
case("nll", lambda x: F.nll_loss(x, IGNORED, WEIGHT), (6, 4))
TARGET = (numbers((5, 4), 30) > 0).double()
case("bce", lambda x: F.binary_cross_entropy_with_logits(x, TARGET), (5, 4), scale=8.0)
case("bce_weights", lambda x: F.binary_cross_entropy_with_logits(x, TARGET, numbers((5, 1), 31).abs(), pos_weight=WEIGHT, reduction="sum"), (5, 4), scale=8.0)
case("mse", F.mse_loss, (5, 4), (5, 4))
case("l1", lambda x, y: F.l1_loss(x, y, reduction="sum"), (5, 4), (5, 4))
case("huber", lambda x, y: F.huber_loss(x, y, delta=0.5), (5, 4), (5, 4))
case("smooth_l1", lambda x, y: F.smooth_l1_loss(x, y, beta=0.25, reduction="none"), (5, 4), (5, 4))


def focal(x, alpha=0.25, gamma=2.0):
    """As in torchvision.ops.sigmoid_focal_loss."""
    p, ce = torch.sigmoid(x), F.binary_cross_entropy_with_logits(x, TARGET, reduction="none")
    p_t = p * TARGET + (1 - p) * (1 - TARGET)
    return ((alpha * TARGET + (1 - alpha) * (1 - TARGET)) * ce * (1 - p_t) ** gamma).mean()


def tversky(x, fp, fn, smooth, power):
    p = torch.sigmoid(x)
    hit = (p * TARGET).sum() + smooth
    return (1 - hit / (hit + fp * (p * (1 - TARGET)).sum() + fn * ((1 - p) * TARGET).sum())) ** power


def dice(x, squared, smooth, axes):
    p = torch.sigmoid(x)
    sizes = (p * p + TARGET * TARGET if squared else p + TARGET).sum(axes)
    return (1 - (2 * (p * TARGET).sum(axes) + smooth) / (sizes + smooth)).mean()


case("focal", focal, (5, 4), scale=8.0)
case("focal_gamma", lambda x: focal(x, 0.75, 0.5), (5, 4), scale=8.0)
case("dice", lambda x: dice(x, False, 1.0, (0, 1)), (5, 4), scale=8.0)
case("dice_squared", lambda x: dice(x, True, 0.5, (1,)), (5, 4), scale=8.0)
case("tversky", lambda x: tversky(x, 0.3, 0.7, 1.0, 1.0), (5, 4), scale=8.0)
case("tversky_focal", lambda x: tversky(x, 0.2, 0.8, 0.5, 0.75), (5, 4), scale=8.0)

sys.stdout.write("\n".join(LINES) + "\n")
