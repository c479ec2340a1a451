"""What `list methods` says of costs is what is counted."""

import importlib.machinery
import importlib.util
import json
from pathlib import Path

import pytest

from raskd_bench import catalog
from raskd_bench.costs import FILE, cost_of

ROOT = Path(__file__).parents[1]


def script(name):
    loader = importlib.machinery.SourceFileLoader(
        name.replace("-", "_"), str(ROOT / "scripts" / name)
    )
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def test_every_method_was_counted_and_no_other():
    assert set(json.loads(FILE.read_text())["methods"]) == set(catalog.names("method"))


def test_the_counted_costs_are_current():
    methods = ("cross_entropy", "ras_kd", "cs_kd", "bake", "byot")  # the others take a minute
    counted = script("method-costs").count(methods)
    kept = json.loads(FILE.read_text())
    assert counted["conditions"] == kept["conditions"]
    assert counted["methods"] == {name: kept["methods"][name] for name in sorted(methods)}


# methods.md section 23: FLOPs of a step over cross entropy's; images, parameters and state likewise
@pytest.mark.parametrize(
    ("name", "flops", "images", "params"),
    [
        ("label_smoothing", 1, 1, 0), ("tf_kd_reg", 1, 1, 0), ("sd_dropout", 1, 1, 0),
        ("ols", 1, 1, 0), ("ps_kd", 1, 1, 0), ("lwr", 1, 1, 0), ("uskd", 1, 1, 25_700),
        ("zipf_ls", 1.002, 1, 0), ("sad", 1, 1, 0), ("tf_kd_self", 1.33, 1, 0),
        ("cs_kd", 1.33, 2, 0), ("byot", 1.07, 1, 1_788_716 + 2_304), ("dks", 1.59, 1, 17.8e6),
        ("frskd", 1.71, 1, 6_375_794), ("ddgsd", 2, 2, 0), ("dlb", 2, 2, 0), ("bake", 1, 1, 0),
        ("mixskd", 4.9, 2, 31.4e6),
    ],
)  # fmt: skip
def test_costs_agree_with_the_literature(name, flops, images, params):
    cost = cost_of(name)
    assert cost.step_flops_ratio == pytest.approx(flops, rel=0.03)
    assert cost.images_per_primary == images
    assert cost.extra_params == pytest.approx(params, rel=0.001)


def test_the_methods_page_is_current():
    assert (ROOT / "docs" / "methods.md").read_text() == script("method-docs").document()
