"""Writes optim.txt, the values that tests/optim compares with. Needs PyTorch; the values stored are those of 2.15.

Each line: a name, then numbers. Optimizers: 20 steps of two groups, a = (1, -2, 0.5) and b = (0.3, -0.7), whose learning
rate is half as large; b has no gradient in every third step. The gradient of number i in step t (from 1) is
((7 t + 5 i + 3) mod 11 - 5) / 4 + p / 4. Schedules: the learning rates of two groups that start from 0.5 and 0.05, and
the momentum where it is cycled, before each of 20 steps.
"""
import sys
import warnings
from pathlib import Path

import torch
from torch.optim import SGD, Adam, AdamW, RMSprop
from torch.optim import lr_scheduler as lrs

warnings.simplefilter("ignore")
STEPS = 20


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2; PyTorch has none."""

    def __init__(self, groups, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(groups, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * torch.sign(beta1 * m + (1 - beta1) * p.grad))
                m.mul_(beta2).add_(p.grad, alpha=1 - beta2)


OPTIMIZERS = {
    "sgd": (SGD, {"lr": 0.1}),
    "sgd_momentum": (SGD, {"lr": 0.1, "momentum": 0.9}),
    "sgd_dampening": (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01}),
    "sgd_nesterov": (SGD, {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.05, "nesterov": True}),
    "sgd_maximize": (SGD, {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.1, "maximize": True}),
    "adam": (Adam, {"lr": 0.1}),
    "adam_decay": (Adam, {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1}),
    "adam_amsgrad": (Adam, {"lr": 0.1, "betas": (0.9, 0.9), "amsgrad": True}),
    "adam_maximize": (Adam, {"lr": 0.02, "weight_decay": 0.01, "maximize": True}),
    "adamw": (AdamW, {"lr": 0.1}),
    "adamw_decay": (AdamW, {"lr": 0.05, "betas": (0.95, 0.98), "eps": 1e-6, "weight_decay": 0.3}),
    "adamw_amsgrad": (AdamW, {"lr": 0.1, "betas": (0.9, 0.9), "weight_decay": 0.1, "amsgrad": True}),
    "rmsprop": (RMSprop, {"lr": 0.05}),
    "rmsprop_decay": (RMSprop, {"lr": 0.02, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    "rmsprop_momentum": (RMSprop, {"lr": 0.01, "momentum": 0.9}),
    "rmsprop_centered": (RMSprop, {"lr": 0.01, "alpha": 0.95, "momentum": 0.5, "centered": True}),
    "lion": (Lion, {"lr": 0.02}),
    "lion_decay": (Lion, {"lr": 0.02, "betas": (0.95, 0.98), "weight_decay": 0.5}),
}


def optimizer_values(kind, options, dtype):
    a = torch.tensor([1.0, -2.0, 0.5], dtype=dtype, requires_grad=True)
    b = torch.tensor([0.3, -0.7], dtype=dtype, requires_grad=True)
    optimizer = kind([{"params": [a]}, {"params": [b], "lr": options["lr"] / 2}], **options)
    out = []
    for t in range(1, STEPS + 1):
        for first, p in ((0, a), (3, b)):
            i = torch.arange(first, first + len(p))
            p.grad = ((7 * t + 5 * i + 3) % 11 - 5).to(dtype) / 4 + p.detach() / 4
        if t % 3 == 0:
            b.grad = None
        optimizer.step()
        out += a.tolist() + b.tolist()
    return out


def warmup(optimizer, steps):
    return lrs.LinearLR(optimizer, start_factor=1 / steps, end_factor=1, total_iters=steps - 1)


SCHEDULES = {
    "step": lambda o: lrs.StepLR(o, 3, 0.5),
    "multi_step": lambda o: lrs.MultiStepLR(o, [2, 7, 7, 15], 0.3),
    "exponential": lambda o: lrs.ExponentialLR(o, 0.9),
    "lambda": lambda o: lrs.LambdaLR(o, lambda t: 1 / (1 + 0.5 * t)),
    "linear": lambda o: lrs.LinearLR(o),
    "linear_down": lambda o: lrs.LinearLR(o, 0.9, 0.1, 12),
    "warmup": lambda o: warmup(o, 6),
    "cosine": lambda o: lrs.CosineAnnealingLR(o, 7, 0.01),
    "cosine_long": lambda o: lrs.CosineAnnealingLR(o, 19),
    "restarts": lambda o: lrs.CosineAnnealingWarmRestarts(o, 3, 2, 0.02),
    "restarts_equal": lambda o: lrs.CosineAnnealingWarmRestarts(o, 4),
    "one_cycle": lambda o: lrs.OneCycleLR(o, [1.0, 0.2], total_steps=STEPS),
    "one_cycle_linear": lambda o: lrs.OneCycleLR(
        o, 0.7, epochs=5, steps_per_epoch=5, pct_start=0.25, anneal_strategy="linear", base_momentum=0.6, max_momentum=0.9
    ),
    "one_cycle_three": lambda o: lrs.OneCycleLR(
        o, 0.7, total_steps=STEPS, pct_start=0.4, div_factor=10, final_div_factor=100, three_phase=True
    ),
    "one_cycle_early": lambda o: lrs.OneCycleLR(o, 0.7, total_steps=STEPS, pct_start=0.01),
    "sequential": lambda o: lrs.SequentialLR(
        o, [warmup(o, 5), lrs.CosineAnnealingLR(o, 8), lrs.ExponentialLR(o, 0.8)], milestones=[5, 13]
    ),
    "chained": lambda o: lrs.ChainedScheduler(
        [warmup(o, 4), lrs.ExponentialLR(o, 0.9), lrs.MultiStepLR(o, [6, 12], 0.5)], optimizer=o
    ),
}

PLATEAUS = {
    "plateau": {"factor": 0.5, "patience": 2},
    "plateau_max": {"mode": "max", "factor": 0.3, "patience": 1, "threshold": 0.05, "threshold_mode": "abs", "cooldown": 2},
    "plateau_floor": {"factor": 0.1, "patience": 0, "threshold": 0.1, "min_lr": [0.02, 0.04], "eps": 0.012},
}


def two_groups(kind):
    a = torch.zeros(1, requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    options = {"momentum": 0.9} if kind is SGD else {}
    return kind([{"params": [a], "lr": 0.5}, {"params": [b], "lr": 0.05}], **options)


def momentum_of(group):
    return group["betas"][0] if "betas" in group else group["momentum"]


def schedule_values(make, kind=SGD):
    optimizer = two_groups(kind)
    schedule = make(optimizer)
    out = []
    for t in range(STEPS):
        out += [group["lr"] for group in optimizer.param_groups] + [momentum_of(optimizer.param_groups[1])]
        optimizer.step()
        if t + 1 < STEPS:
            schedule.step()
    return out


def fractional_values():
    optimizer = two_groups(SGD)
    schedule = lrs.CosineAnnealingWarmRestarts(optimizer, 2, 3, 0.01)
    out = []
    for t in range(STEPS):
        schedule.step(t * 0.7)
        out.append(optimizer.param_groups[0]["lr"])
    return out


def plateau_values(options):
    optimizer = two_groups(SGD)
    schedule = lrs.ReduceLROnPlateau(optimizer, **options)
    out = []
    for t in range(STEPS):
        schedule.step(((5 * t) % 7) / 7 + 1 / (t + 1))
        out += [group["lr"] for group in optimizer.param_groups]
    return out


def clip_values():
    """The norm, then the gradients: L2, L1, L3, the largest; each to at most 1."""
    out = []
    for norm_type in (2.0, 1.0, 3.0, float("inf")):
        parameters = [torch.zeros(2, 2, dtype=torch.float64, requires_grad=True), torch.zeros(3, dtype=torch.float64, requires_grad=True)]
        parameters[0].grad = torch.tensor([[3.0, -4.0], [0.5, 0.0]], dtype=torch.float64)
        parameters[1].grad = torch.tensor([1.0, 2.0, -6.0], dtype=torch.float64)
        out.append(torch.nn.utils.clip_grad_norm_(parameters, 1.0, norm_type).item())
        for p in parameters:
            out += p.grad.flatten().tolist()
    return out


def main():
    lines = []

    def add(name, values, digits=14):
        lines.append(name + " " + " ".join(f"{value:.{digits}g}" for value in values))

    for name, (kind, options) in OPTIMIZERS.items():
        add(name + "/double", optimizer_values(kind, options, torch.float64))
        add(name + "/float", optimizer_values(kind, options, torch.float32), 9)
    for name, make in SCHEDULES.items():
        add(name, schedule_values(make))
    add("one_cycle_adam", schedule_values(SCHEDULES["one_cycle"], AdamW))
    add("restarts_fractional", fractional_values())
    for name, options in PLATEAUS.items():
        add(name, plateau_values(options))
    add("clip", clip_values())
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("optim.txt")
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
