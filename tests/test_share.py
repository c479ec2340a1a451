"""Threads of a training step: by what it has to do, never by the load."""

import os
from threading import Event

import pytest
import torch

from raskd_bench import process, share
from raskd_bench.machine import Share

CPU = torch.device("cpu")


@pytest.fixture
def told(monkeypatch):
    """The numbers of threads that torch was told; this process keeps its own."""
    numbers = []
    monkeypatch.setattr(torch, "set_num_threads", numbers.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(share, "_settled", Event())
    monkeypatch.setenv("RASKD_BENCH_JOBS", "1")
    return numbers


@pytest.mark.parametrize(("flops", "most", "threads"), [
    (3e8, 2, 1), (1.9e9, 2, 1), (2e9, 2, 2), (16e9, 2, 2), (16e9, 64, 16), (0.0, 64, 1),
])  # fmt: skip
def test_a_step_has_as_many_threads_as_it_has_work_for(flops, most, threads):
    assert share.threads_for(flops, most) == threads


def test_threads_are_settled_once_a_process(told):
    share.settle_threads(CPU, lambda: 3e9)
    share.settle_threads(CPU, lambda: 5e9)
    assert told == [3]


def test_what_the_user_asks_for_stays(told):
    share.take(Share(1, 6), "cpu")
    share.settle_threads(CPU, lambda: 3e9)
    assert told == [6]


def test_a_gpu_needs_no_count(told):
    share.settle_threads(torch.device("cuda"), lambda: pytest.fail("counted"))
    assert told == []


def test_threads_wait_passively_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.delenv("KMP_BLOCKTIME", raising=False)
    process.wait_passively()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
    assert os.environ["KMP_BLOCKTIME"] == "0"
