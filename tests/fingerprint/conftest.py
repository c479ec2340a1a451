"""A hand-made fingerprint, and rows that have it."""

import pytest

from raskd_bench.fingerprint.baseline import Acceptance, Entry, Row
from raskd_bench.fingerprint.model import Fingerprint

CONTENT = {
    "operations": {"aten.add.Tensor": 400, "aten.mul.Tensor": 12}, "unknown": (),
    "matmul_flops_forward": 10_000_000, "matmul_flops_backward": 20_000_000,
    "elementwise_flops": 1_203_000, "reduction_flops": 900, "bytes_read": 5000,
    "bytes_written": 4000, "saved_bytes": 3000, "peak_live_bytes": 9000, "resting_bytes": 2000,
    "copies": 0, "synchronisations": 0, "extra_params": 6400, "extra_buffer_bytes": 0,
    "images_forwarded": 128, "images_forwarded_without_gradient": 0, "state_bytes": 0,
}  # fmt: skip


@pytest.fixture
def new_fingerprint():
    """Return a function that makes a fingerprint; fields may be replaced."""
    return lambda **fields: Fingerprint(**CONTENT | fields)


@pytest.fixture
def new_row(new_fingerprint):
    """Return a function that makes a row of a suite."""

    def make(suite="gate.yaml", **fields):
        return Row(suite=suite, method="ras_kd", settings={"hparams": {"epsilon": 0.1}},
                   fingerprint=new_fingerprint(**fields))  # fmt: skip

    return make


@pytest.fixture
def new_entry(new_row):
    """Return a function that makes an accepted row."""
    return lambda **fields: Entry(
        **dict(new_row(**fields)), reason="first", accepted="2026-11-01", commit="a" * 40
    )


@pytest.fixture
def note():
    return Acceptance(date="2026-11-25", commit="b" * 40, torch="2.15.0", reason="fused",
                      changed=["gate: a"])  # fmt: skip
