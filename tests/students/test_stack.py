"""A stack computes what its students do one by one, and they follow its training."""

import copy

import pytest
import torch
from torch.nn import functional as F

from raskd_bench.errors import IncompatibleTrial
from raskd_bench.students.build import new_student
from raskd_bench.students.stack import Stack
from raskd_bench.tasks.build import new_task

COUNT, BATCH, CLASSES = 3, 4, 5


def students(name, layout=torch.channels_last, **options):
    made = []
    for seed in range(COUNT):
        torch.manual_seed(seed)
        student = new_student(name, options, new_task("classification", CLASSES))
        made.append(student.double().to(memory_format=layout).train())
    return made


def images(seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(BATCH, 3, 16, 16, generator=generator).double() for _ in range(COUNT)]


def labels(seed):
    return torch.randint(CLASSES, (BATCH,), generator=torch.Generator().manual_seed(seed))


def step(networks, batch, optimizer):
    """Take a step of networks by their index; return the sum of their losses."""
    loss = sum(F.cross_entropy(network(batch[index]).logits, labels(index))
               for index, network in networks.items())  # fmt: skip
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return float(loss.detach())


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=5e-4)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("name", ["resnet8", "preact_resnet18"])
def test_it_trains_each_student_as_it_would_be_trained_alone(name, layout):
    alone = students(name, layout)
    stacked = copy.deepcopy(alone)
    stack = Stack(stacked)
    optimizers = [sgd(student.parameters()) for student in alone]
    whole = sgd(stack.parameters())
    for seed in range(3):
        batch = images(seed)
        expected = sum(
            step({index: student}, batch, optimizer)
            for index, (student, optimizer) in enumerate(zip(alone, optimizers, strict=True))
        )
        stack.offer(batch)
        together = step(dict(enumerate(stack.members)), batch, whole)
        assert together == pytest.approx(expected, rel=1e-4)
    for mine, own in zip(stacked, alone, strict=True):
        for key, value in own.state_dict().items():
            if value.is_floating_point():  # no count of batches: momentum is fixed
                torch.testing.assert_close(mine.state_dict()[key], value, rtol=5e-3, atol=5e-4)
        with torch.inference_mode():
            x = images(9)[0]
            torch.testing.assert_close(mine.eval()(x).logits, own.eval()(x).logits, rtol=0.02,
                                       atol=5e-3)  # fmt: skip


def test_a_student_that_mixes_channels_otherwise_is_refused():
    vit = {"img_size": 16, "patch_size": 8, "depth": 1, "embed_dim": 12, "num_heads": 1}
    with pytest.raises(IncompatibleTrial, match="mixes channels otherwise than by convolutions"):
        Stack(students("timm/vit_tiny_patch16_224", **vit))


def test_a_member_is_run_once_and_on_what_it_was_offered():
    stack, batch = Stack(students("resnet8")), images(0)
    stack.offer(batch)
    with pytest.raises(RuntimeError, match="one forward a step"):
        stack.members[0](batch[1])
    stack.members[0](batch[0])
    with pytest.raises(RuntimeError, match="one forward a step"):
        stack.members[0](batch[0])
    assert [member.network.images_with_grad for member in stack.members] == [BATCH, 0, 0]
