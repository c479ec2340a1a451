"""Outcomes of test examples come back from a Record as they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raskd_bench.outcomes import packed, unpacked
from raskd_bench.record_fields import Outcomes

FIELD = "test_top1"


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_hits_come_back(hits):
    found = packed("d", {FIELD: np.array(hits)})
    assert found.count == len(hits)
    assert unpacked(found, FIELD).tolist() == [float(hit) for hit in hits]


def test_ten_thousand_hits_take_little_more_than_a_bit_each():
    assert len(packed("d", {FIELD: np.ones(10_000, bool)}).hits[FIELD]) < 1700


def test_scores_are_half_precision():
    found = Outcomes(split="d", count=2, scores={FIELD: "ADwAwA=="})  # 0x3c00, 0xc000
    assert unpacked(found, FIELD).tolist() == [1.0, -2.0]


def test_a_field_without_outcomes_has_none():
    assert unpacked(packed("d", {FIELD: np.array([True])}), "test_nll") is None


@pytest.mark.parametrize(
    "broken", [{"hits": {FIELD: "AA=="}}, {"scores": {FIELD: "AA=="}}, {"hits": {FIELD: "~"}}]
)
def test_damaged_outcomes_are_refused(broken):
    with pytest.raises(ValueError, match=r"holds|no base64"):
        unpacked(Outcomes(split="d", count=9, **broken), FIELD)
