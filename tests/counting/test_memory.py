"""Live and saved bytes of a two-layer network, by hand; float32 has 4 bytes."""

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from raskd_bench.counting.counter import StepCounter
from raskd_bench.counting.storages import Storages

FLOAT = 4
BATCH, INPUTS, HIDDEN = 16, 3, 8


def step_of_a_small_network():
    """Return a counter that has seen a second step, and what was live before it."""
    counter = StepCounter()
    with counter:
        first, second = nn.Linear(INPUTS, HIDDEN, bias=False), nn.Linear(HIDDEN, 1, bias=False)
        parameters = [first.weight, second.weight]
        images = torch.randn(BATCH, INPUTS)
        optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9, fused=True)

        def step():
            second(first(images).relu()).sum().backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        step()
        resting = counter.storages.live_bytes
        with counter.counting(not_saved=parameters):
            step()
    return counter, resting


WEIGHTS = INPUTS * HIDDEN + HIDDEN
RESTING = 2 * WEIGHTS + BATCH * INPUTS  # momentum is as large as the weights
MAP = BATCH * HIDDEN


def test_between_steps_weights_momentum_and_batch_are_live():
    _, resting = step_of_a_small_network()
    assert resting == RESTING * FLOAT


def test_the_peak_is_where_relu_is_undone():
    counter, _ = step_of_a_small_network()
    # relu's result is still kept; gradients of the second weight, of relu's result, of its input;
    # the loss and its gradient, one number each
    assert counter.storages.peak_bytes == (RESTING + 3 * MAP + HIDDEN + 2) * FLOAT
    assert counter.storages.live_bytes == 0  # the network is gone


def test_saved_are_the_images_and_what_relu_gave_once_and_no_weight():
    counter, _ = step_of_a_small_network()
    assert counter.saved_bytes == (BATCH * INPUTS + MAP) * FLOAT


def test_tensors_without_data_take_as_many_bytes():
    real, _ = step_of_a_small_network()
    with FakeTensorMode():
        fake, _ = step_of_a_small_network()
    assert fake.storages.peak_bytes == real.storages.peak_bytes
    assert fake.saved_bytes == real.saved_bytes
    assert (fake.bytes_read, fake.bytes_written) == (real.bytes_read, real.bytes_written)


def test_a_view_keeps_the_whole_alive_and_counts_once():
    storages = Storages()
    whole = torch.zeros(10)
    part = whole[:2]
    storages.add([whole, part])
    del whole
    assert storages.live_bytes == 40
    del part
    assert (storages.live_bytes, storages.peak_bytes) == (0, 40)
