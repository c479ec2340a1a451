"""A whole trial of ResNet-18 on images of CIFAR's shape, against the conventional script.

Same network, images, batch, steps and evaluations, in the proportion of CIFAR-10 (five training
images a test image). Each run is a process of its own, all in random order. Work is training
with its data and the evaluations; the set-up of so short a run would weigh far more than it does
in one of an hour, so that it is shown in a row of its own.

    python -m benchmarks.whole_trial {ours,compiled,bf16,compiled_bf16,script} [--quick]

is one run, for a look. bf16 is left out where products in it are slower than in fp32.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.frame import Bound, Result, device_name, new_result, of_pairs, of_seconds

PREDICTED = (
    "a step at batch 64 is 214 GFLOPs, forward and backward, against 64 x 0.1 ms of transforms and "
    "some 100 MB of weights and momentum: on a CPU both sides spend over 95 % in convolutions, so "
    "that the ratio is how fast the layouts' kernels are, 1.0 to 1.3x; 3x would need a script at a "
    "third of the peak. A GPU leaves the script waiting for its images: 3x and more."
)
EXPLAINED = {
    "cpu": "the script already computes at {whole_trial[script_rate].value:.0f} GFLOP/s; with "
    "nothing to do but products at the peak it would be {whole_trial[ceiling].value:.2f} times as "
    "fast, and that is the most any program could gain in fp32. Ours is "
    "{whole_trial[work].value:.2f} times as fast; both spend their time in the same convolutions. "
    "What bf16 gives depends on the processor: a step {roofline[bf16_step].value:.2f} times as "
    "fast as in fp32.",
    "gpu": "the script computes at {whole_trial[script_rate].value:.0f} GFLOP/s, its images come "
    "from two processes; ours takes {whole_trial[work].conditions[seconds]:.1f} s.",
}
BOUND = Bound("at least 3x", least=3)
ARMS = ("ours", "compiled", "script")
BF16_ARMS = ("bf16", "compiled_bf16")
STUDENT, CLASSES = "resnet18", 10
SIZES = {"cpu": (640, 128, 64, 1), "cuda": (10240, 2048, 128, 3)}  # train, test, batch, epochs
QUICK_SIZES = (8, 4, 4, 1)
PAIRS = 4


def sizes(quick: bool) -> tuple[int, int, int, int]:
    """Return training images, test images, batch size and epochs."""
    return QUICK_SIZES if quick else SIZES[device_name()]


def run_ours(arm: str, quick: bool) -> dict[str, Any]:
    """Run the trial as its process does, and return its clocks and FLOPs."""
    import torch

    from raskd_bench.execute import execute
    from raskd_bench.heap import keep_heap
    from raskd_bench.spec.trial import SGD, Augmentation, Budget, Named, Schedule, Trial

    train, test, batch_size, epochs = sizes(quick)
    trial = Trial(
        task="classification",
        data=Named(name="synthetic", classes=CLASSES, train=train, test=test),
        student=Named(name=STUDENT), method="cross_entropy", hparams={}, batch_size=batch_size,
        budget=Budget(epochs=epochs), optimizer=SGD(name="sgd"),
        schedule=Schedule(name="cosine"), precision="bf16" if "bf16" in arm else "fp32",
        compile="compiled" in arm,
        augmentation=Augmentation(crop_padding=4, flip=True), val_fraction=0, evaluations=epochs,
        seed=0,
    )  # fmt: skip
    keep_heap()
    found = execute(trial, torch.device(device_name()), Path(), lambda point: None)
    if found["status"] != "done":
        raise RuntimeError(found["error"])
    evaluated = epochs * test * found["infer_flops"]
    return {"work_seconds": found["train_seconds"] + found["eval_seconds"],
            "wall_seconds": found["wall_seconds"], "compile_seconds": found["compile_seconds"],
            "flops": found["train_flops"] + evaluated}  # fmt: skip


def run_script(quick: bool) -> dict[str, Any]:
    """Run the conventional script on the same images, and return its clocks."""
    import torch
    from torch import nn

    from benchmarks import conventional
    from raskd_bench.data.synthetic import synthetic
    from raskd_bench.students.build import new_student
    from raskd_bench.tasks.classification import Classification

    train, test, batch_size, epochs = sizes(quick)
    student = new_student(STUDENT, {}, Classification(CLASSES))

    class Network(nn.Module):
        """The same network, giving logits."""

        def __init__(self) -> None:
            super().__init__()
            self.student = student

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.student(images).logits

    spent = conventional.run(
        Network(), synthetic(classes=CLASSES, train=train, test=test), epochs=epochs,
        batch_size=batch_size, device=torch.device(device_name()),
    )  # fmt: skip
    return asdict(spent) | {"wall_seconds": spent.setup_seconds + spent.work_seconds}


def in_process(arm: str, quick: bool) -> dict[str, Any]:
    """Run an arm in a process of its own; what it compiles is compiled anew."""
    words = [sys.executable, "-m", "benchmarks.whole_trial", arm, *["--quick"] * quick]
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": cache}
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def measure(quick: bool) -> list[Result]:
    """Run all in random order, several times."""
    rng = np.random.default_rng(0)
    arms = ARMS + BF16_ARMS if _bf16_pays(rng) else ARMS
    found: dict[str, list[dict[str, Any]]] = {arm: [] for arm in arms}
    for _ in range(1 if quick else PAIRS):
        for arm in rng.permutation(arms).tolist():
            found[arm].append(in_process(arm, quick))
    return list(_rows(found, quick))


def _bf16_pays(rng: np.random.Generator) -> bool:
    """Whether a product in bf16 is faster than in fp32; a trial would take minutes where not."""
    from benchmarks.roofline import BF16_SIDES, bf16_products

    device = device_name()
    return bf16_products(device, BF16_SIDES[device], 3, rng).ratio < 1


def _rows(found: dict[str, list[dict[str, Any]]], quick: bool) -> Iterator[Result]:
    """Yield the ratios, and how near to the device's peak the script already is."""
    import torch

    from benchmarks.roofline import BATCH_SIZES, QUICK_SIDE, SIDES, conv_rate, product_rate

    def column(arm: str, clock: str) -> list[float]:
        return [run[f"{clock}_seconds"] for run in found[arm]]

    against = f"conventional script, {STUDENT}"
    for name, what, arm, clock, bound in (
        ("work", "whole trial, training and evaluations", "ours", "work", BOUND),
        ("wall", "the same with set-up and warm-up", "ours", "wall", None),
        ("compiled", "training and evaluations, compiled", "compiled", "work", BOUND),
        ("compiled_wall", "the same with set-up and compilation", "compiled", "wall", None),
        ("bf16", "training and evaluations, bf16", "bf16", "work", BOUND),
        ("compiled_bf16", "training and evaluations, bf16, compiled", "compiled_bf16", "work",
         BOUND),
    ):  # fmt: skip
        if arm not in found:
            continue
        pair = of_seconds(column(arm, clock), column("script", clock))
        yield of_pairs(name, what, against, pair, bound, faster=True,
                       compile_seconds=column(arm, "compile"))  # fmt: skip
    device = device_name()
    rates = [found["ours"][0]["flops"] / seconds for seconds in column("script", "work")]
    rate = sum(rates) / len(rates)
    peak = max(
        product_rate(device, QUICK_SIDE if quick else SIDES[device], torch.float32, 12),
        conv_rate(device, QUICK_SIZES[2] if quick else BATCH_SIZES[device], 12),
    )
    nothing = float("nan")
    yield new_result("script_rate", "the script's products and convolutions",
                     (rate / 1e9, nothing, nothing), len(rates), "GFLOP/s")  # fmt: skip
    yield new_result("ceiling", "the most that fp32 could gain: best product or convolution",
                     (peak / rate, nothing, nothing), 12, "x", against="the script")  # fmt: skip


def main() -> None:
    """Run one arm and print what it gave as the last line, in JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("arm", choices=ARMS + BF16_ARMS)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    found = run_script(given.quick) if given.arm == "script" else run_ours(given.arm, given.quick)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
