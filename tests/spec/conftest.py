"""A small suite, written to a file with any of its keys changed."""

import pytest

from raskd_bench.spec import expand, load_suite

SMALL = {
    "schema": "1",
    "name": "small",
    "data": "digits",
    "student": "resnet8",
    "budget": "{epochs: 1}",
    "seeds": "[0]",
    "methods": "[cross_entropy, ras_kd]",
}


@pytest.fixture
def write_suite(tmp_path):
    """Return a function that writes a suite, its values given as YAML, and returns the path."""

    def write(**changes):
        path = tmp_path / "small.yaml"
        keys = SMALL | changes
        text = "".join(f"{key}: {value}\n" for key, value in keys.items())
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def plans_of(write_suite, tmp_path):
    """Return a function that gives the trials of a small suite."""
    return lambda only=None, **keys: expand(load_suite(write_suite(**keys)), tmp_path, only)
