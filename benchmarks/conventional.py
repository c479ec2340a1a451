"""A training script as repositories of self-distillation methods publish them, for comparison.

PIL images one by one through torchvision's transforms in two worker processes, fp32, contiguous
images, torch's default SGD, loss and accuracy fetched at each step, test batches of 100.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from raskd_bench.data.splits import Splits

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of CIFAR-10, in [0, 1]
WORKERS, TEST_BATCH, LOG_STEPS = 2, 100, 100


class Images(Dataset[tuple[Tensor, int]]):
    """Images in memory, each made a PIL image and transformed when it is asked for.

    Args:
        pixels: [N, H, W, 3] uint8.
        labels: [N].
        transform: of a PIL image, to a tensor.
    """

    def __init__(
        self, pixels: np.ndarray, labels: np.ndarray, transform: transforms.Compose
    ) -> None:
        self.pixels, self.labels, self.transform = pixels, labels, transform

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), int(self.labels[index])


@dataclass(frozen=True)
class Spent:
    """Seconds of a script: of all epochs with their evaluations, and before them."""

    setup_seconds: float
    work_seconds: float
    accuracy: float


def loaders(splits: Splits, batch_size: int, pin: bool) -> tuple[DataLoader, DataLoader]:
    """Return loaders of the training images, augmented, and of the test images."""
    side = splits.train.source.height
    normal = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    random = [transforms.RandomCrop(side, padding=4), transforms.RandomHorizontalFlip()]
    found = []
    for split, steps, size in ((splits.train, random + normal, batch_size),
                               (splits.test, normal, TEST_BATCH)):  # fmt: skip
        pixels = split.source.read(np.arange(len(split.source)))
        images = Images(pixels, split.labels, transforms.Compose(steps))
        found.append(DataLoader(images, size, shuffle=split is splits.train, num_workers=WORKERS,
                                pin_memory=pin))  # fmt: skip
    return found[0], found[1]


def train_epoch(
    model: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer, device: torch.device
) -> None:
    """Train for one epoch, with the running loss and accuracy that such scripts print."""
    model.train()
    criterion = nn.CrossEntropyLoss()
    loss_sum, correct, seen = 0.0, 0, 0
    for step, (images, labels) in enumerate(loader):
        images, labels = images.to(device), labels.to(device)
        logits = model(images)
        loss = criterion(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(labels)
        correct += logits.argmax(1).eq(labels).sum().item()
        seen += len(labels)
        if step % LOG_STEPS == LOG_STEPS - 1:
            print(f"step {step}: loss {loss_sum / seen:.3f}, accuracy {correct / seen:.3f}")


@torch.no_grad()
def test_accuracy(model: nn.Module, loader: DataLoader, device: torch.device) -> float:
    """Return the share of test images whose class is predicted."""
    model.eval()
    correct, seen = 0, 0
    for images, labels in loader:
        predicted = model(images.to(device)).argmax(1)
        correct += predicted.eq(labels.to(device)).sum().item()
        seen += len(labels)
    return correct / seen


def run(
    model: nn.Module, splits: Splits, *, epochs: int, batch_size: int, device: torch.device
) -> Spent:
    """Train a model, evaluate it after each epoch, and return what that took."""
    begin = time.perf_counter()
    train, test = loaders(splits, batch_size, device.type == "cuda")
    model.to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    ready = time.perf_counter()
    accuracy = 0.0
    for _ in range(epochs):
        train_epoch(model, train, optimizer, device)
        accuracy = test_accuracy(model, test, device)
        schedule.step()
    return Spent(ready - begin, time.perf_counter() - ready, accuracy)
