"""A whole trial of ResNet-18 on images of CIFAR's shape, against the conventional script.

Same network, images, batch, steps and evaluations, in the proportion of CIFAR-10 (five training
images a test image). Each run is a process of its own, the two in random order. Work is training
with its data and the evaluations; the set-up of so short a run would weigh far more than it does
in one of an hour, so that it is shown in a row of its own.

    python -m benchmarks.whole_trial {ours,compiled,script} [--quick]    one run, for a look
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
    "cpu": "the script already computes at {whole_trial[script_rate].value:.0f} GFLOP/s; at the "
    "rate of the best matrix product ({roofline[peak].value:.0f} GFLOP/s) with nothing else to do "
    "its work would be {whole_trial[ceiling].value:.2f} times as fast, and that is the most any "
    "program could gain in fp32. Ours is {whole_trial[work].value:.2f} times as fast; both spend "
    "their time in the same convolutions. bf16, the usual way out, runs here at "
    "{roofline[bf16_step].value:.2f} of the speed of fp32.",
    "gpu": "the script computes at {whole_trial[script_rate].value:.0f} GFLOP/s, its images come "
    "from two processes; ours takes {whole_trial[work].conditions[seconds]:.1f} s.",
}
BOUND = Bound("at least 3x", least=3)
ARMS = ("ours", "compiled", "script")
STUDENT, CLASSES = "resnet18", 10
SIZES = {"cpu": (640, 128, 64, 1), "cuda": (10240, 2048, 128, 3)}  # train, test, batch, epochs
QUICK_SIZES = (8, 4, 4, 1)
PAIRS = 4


def sizes(quick: bool) -> tuple[int, int, int, int]:
    """Return training images, test images, batch size and epochs."""
    return QUICK_SIZES if quick else SIZES[device_name()]


def run_ours(quick: bool, *, compiled: bool) -> dict[str, Any]:
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
        schedule=Schedule(name="cosine"), precision="fp32", compile=compiled,
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
    """Run all three in random order, several times."""
    rng = np.random.default_rng(0)
    found: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
    for _ in range(1 if quick else PAIRS):
        for arm in rng.permutation(ARMS).tolist():
            found[arm].append(in_process(arm, quick))
    return list(_rows(found, quick))


def _rows(found: dict[str, list[dict[str, Any]]], quick: bool) -> Iterator[Result]:
    """Yield the ratios, and how near to the device's peak the script already is."""
    import torch

    from benchmarks.roofline import QUICK_SIDE, SIDES, product_rate

    def column(arm: str, clock: str) -> list[float]:
        return [run[f"{clock}_seconds"] for run in found[arm]]

    against = f"conventional script, {STUDENT}"
    for name, what, arm, clock, bound in (
        ("work", "whole trial, training and evaluations", "ours", "work", BOUND),
        ("wall", "the same with set-up and warm-up", "ours", "wall", None),
        ("compiled", "training and evaluations, compiled", "compiled", "work", BOUND),
        ("compiled_wall", "the same with set-up and compilation", "compiled", "wall", None),
    ):
        pair = of_seconds(column(arm, clock), column("script", clock))
        yield of_pairs(name, what, against, pair, bound, faster=True,
                       compile_seconds=column(arm, "compile"))  # fmt: skip
    device = device_name()
    rates = [found["ours"][0]["flops"] / seconds for seconds in column("script", "work")]
    rate = sum(rates) / len(rates)
    peak = product_rate(device, QUICK_SIDE if quick else SIDES[device], torch.float32, 12)
    nothing = float("nan")
    yield new_result("script_rate", "the script's products and convolutions",
                     (rate / 1e9, nothing, nothing), len(rates), "GFLOP/s")  # fmt: skip
    yield new_result("ceiling", "the most that any fp32 program could gain: best product",
                     (peak / rate, nothing, nothing), 12, "x", against="the script")  # fmt: skip


def main() -> None:
    """Run one arm and print what it gave as the last line, in JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("arm", choices=ARMS)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if given.arm == "script":
        found = run_script(given.quick)
    else:
        found = run_ours(given.quick, compiled=given.arm == "compiled")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
