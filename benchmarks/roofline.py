"""What the device can do, and what share of it a training step of ResNet-18 reaches.

The peak is the best of several large matrix products, the convolution one of the student's middle
stage; which of them is faster depends on the libraries. FLOPs are those of matrix products and
convolutions, 2 a multiply-add, so that the step's rate leaves out its batch normalisation,
activations and optimiser: their time counts all the same.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.frame import (
    Paired,
    Result,
    device_name,
    new_result,
    of_pairs,
    of_values,
    paired,
    until_done,
)
from raskd_bench.flops import count_flops
from raskd_bench.lab import new_lab
from raskd_bench.meter import Clocks
from raskd_bench.setup import autocast_of, build, first_epoch_rng, new_step, random_batch
from raskd_bench.spec.trial import SGD, Augmentation, Budget, Named, Precision, Schedule, Trial

PREDICTED = (
    "two FMA units of 8 floats a cycle at 2.5 to 3.5 GHz are 80 to 112 GFLOP/s a core; a large "
    "product reaches 80 to 90 % of it, the step of ResNet-18 50 to 70 % of the product, as a fifth "
    "of its time passes over memory; bf16 without instructions for it is several times slower."
)
EXPLAINED = {
    "cpu": "a product reaches {roofline[peak].value:.0f} GFLOP/s, a convolution "
    "{roofline[conv].value:.0f}, and the step with all else that it does "
    "{roofline[step].value:.0f}: it is made of convolutions, and what is left to gain in fp32 is "
    "the rest. A step in bf16 is {roofline[bf16_step].value:.2f} times as fast as one in fp32: it "
    "depends on the processor's instructions.",
    "gpu": "the best product reaches {roofline[peak].value:.0f} GFLOP/s in fp32 and is "
    "{roofline[bf16_product].value:.1f} times as fast in bf16; the step reaches "
    "{roofline[share].value:.0%} of it and is {roofline[bf16_step].value:.2f} times as fast in "
    "bf16.",
}
SIDES = {"cpu": 2048, "cuda": 8192}
CONV = (128, 16)  # channels and side of the student's second stage, at the batch size
BATCH_SIZES = {"cpu": 64, "cuda": 512}
BF16_SIDES = {"cpu": 512, "cuda": 8192}  # a CPU without instructions for it takes minutes of 2048
BF16_BATCH_SIZES = {"cpu": 8, "cuda": 512}
QUICK_SIDE, QUICK_BATCH = 256, 4
PRECISIONS: tuple[Precision, ...] = ("bf16", "fp32")
STUDENT = "resnet18"


def product_rate(device: str, side: int, dtype: torch.dtype, tries: int) -> float:
    """Return the best FLOP/s of a square matrix product."""
    one = torch.randn(side, side, device=device).to(dtype)
    out = torch.empty_like(one)
    seconds = times(lambda: torch.mm(one, one, out=out), device, tries)
    return 2 * side**3 / min(seconds)


def conv_rate(device: str, size: int, tries: int) -> float:
    """Return the best FLOP/s of the forward of a 3x3 convolution, fp32 and channels last."""
    channels, side = CONV
    images = torch.randn(size, channels, side, side, device=device)
    weights = torch.randn(channels, channels, 3, 3, device=device)
    images, weights = (tensor.to(memory_format=torch.channels_last) for tensor in (images, weights))

    @torch.inference_mode()
    def work() -> Tensor:
        return F.conv2d(images, weights, padding=1)

    flops = count_flops(work)
    return flops / min(times(work, device, tries))


def times(work: Callable[[], object], device: str, tries: int) -> list[float]:
    """Return the seconds of each of some tries, after two that warm up."""
    done = until_done(work, device)
    found = []
    for number in range(tries + 2):
        before = time.perf_counter()
        done()
        if number >= 2:
            found.append(time.perf_counter() - before)
    return found


def step_of(device: str, size: int, precision: Precision) -> Callable[[], None]:
    """Return a training step of the product, on one batch that lies on the device."""
    trial = Trial(
        task="classification", data=Named(name="synthetic", train=size, test=1),
        student=Named(name=STUDENT), method="cross_entropy", hparams={}, batch_size=size,
        budget=Budget(steps=1), optimizer=SGD(name="sgd"), schedule=Schedule(name="constant"),
        precision=precision, compile=False, augmentation=Augmentation(), val_fraction=0,
        evaluations=1, seed=0,
    )  # fmt: skip
    place = torch.device(device)
    lab = new_lab(trial, place, Path(), Clocks(), lambda point: None)
    student, method = build(lab, trial, None)
    lists = method.sample(lab.train.split.labels, size, first_epoch_rng(0))
    batch = random_batch(method, lists[0], (32, 32), lab.task.num_classes, place, trial)
    return new_step(trial, student, method, batch, partial(autocast_of, place, trial))


def rates(work: Callable[[], None], device: str, tries: int) -> list[float]:
    """Return the FLOP/s of each of some steps."""
    flops = count_flops(work)
    return [flops / seconds for seconds in times(work, device, tries)]


def measure(quick: bool) -> list[Result]:
    """Measure peaks, steps and their share."""
    return list(_rows(device_name(), quick))


def _rows(device: str, quick: bool) -> Iterator[Result]:
    side = QUICK_SIDE if quick else SIDES[device]
    size = QUICK_BATCH if quick else BATCH_SIZES[device]
    tries, steps = (3, 2) if quick else (12, 8)
    product = product_rate(device, side, torch.float32, tries)
    convolution = conv_rate(device, size, tries)
    best = max(product, convolution)
    yield _alone("peak", f"matrix product, {side} squared, fp32", product, tries, device=device)
    yield _alone("conv", f"3x3 convolution, {CONV[0]} channels, {CONV[1]} squared, fp32, forward",
                 convolution, tries, batch_size=size)  # fmt: skip
    full = rates(step_of(device, size, "fp32"), device, steps)
    yield of_values("step", f"training step of {STUDENT}, batch {size}, fp32",
                    [rate / 1e9 for rate in full], "GFLOP/s", batch_size=size)  # fmt: skip
    yield of_values("share", "its share of the better of both", [rate / best for rate in full],
                    "")  # fmt: skip
    yield of_values("headroom", "the better of both over the step's rate",
                    [best / rate for rate in full], "x")  # fmt: skip
    yield from _bf16_rows(device, quick)


def _bf16_rows(device: str, quick: bool) -> Iterator[Result]:
    """Yield what bf16 gives; where it is slow, of sizes that it can be waited for."""
    rng, pairs = np.random.default_rng(0), 2 if quick else 5
    side = QUICK_SIDE if quick else BF16_SIDES[device]
    found = bf16_products(device, side, pairs, rng)
    yield of_pairs("bf16_product", f"matrix product, {side} squared, bf16", "fp32", found,
                   faster=True, device=device)  # fmt: skip
    pays = found.ratio < 1
    size = QUICK_BATCH if quick else (BATCH_SIZES if pays else BF16_BATCH_SIZES)[device]
    half, full = (step_of(device, size, precision) for precision in PRECISIONS)
    found = _compared(half, full, device, pairs, rng)
    yield of_pairs("bf16_step", f"training step of {STUDENT}, batch {size}, bf16", "fp32", found,
                   faster=True, device=device)  # fmt: skip
    if pays:
        side, tries = QUICK_SIDE if quick else SIDES[device], 2 if quick else 12
        peak = product_rate(device, side, torch.bfloat16, tries)
        yield _alone("bf16_peak", f"matrix product, {side} squared, bf16", peak, tries)
        shares = [rate / peak for rate in rates(half, device, tries)]
        yield of_values("bf16_share", "the step's share of it, bf16", shares, "", batch_size=size)


def bf16_products(device: str, side: int, pairs: int, rng: np.random.Generator) -> Paired:
    """Return how a product in bf16 compares with one in fp32."""
    one = torch.randn(side, side, device=device)
    half = one.bfloat16()
    return _compared(partial(torch.mm, half, half), partial(torch.mm, one, one), device, pairs, rng)


def _compared(
    first: Callable[[], object], second: Callable[[], object], device: str, pairs: int,
    rng: np.random.Generator,
) -> Paired:  # fmt: skip
    """Return how two pieces of work compare, after one of each that warms up."""
    arms = [until_done(work, device) for work in (first, second)]
    for arm in arms:
        arm()
    return paired(*arms, pairs=pairs, rng=rng)


def _alone(name: str, what: str, rate: float, tries: int, **conditions: object) -> Result:
    """Return the row of a best rate, which has no interval."""
    nothing = float("nan")
    return new_result(name, what, (rate / 1e9, nothing, nothing), tries, "GFLOP/s", **conditions)
