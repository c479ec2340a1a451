"""A difference says which quantity, from what to what, and which operations made it."""

from hypothesis import assume, given
from hypothesis import strategies as st

from raskd_bench.fingerprint.difference import Change, compare, settings_changed


def test_equal_fingerprints_have_no_difference(new_fingerprint):
    assert compare(new_fingerprint(), new_fingerprint()) is None


def test_the_order_of_operations_is_no_difference(new_fingerprint):
    one = new_fingerprint(operations={"a": 1, "b": 2})
    other = new_fingerprint(operations={"b": 2, "a": 1})
    assert compare(one, other) is None


def test_a_sentence_has_every_quantity_absolute_and_relative(new_fingerprint):
    after = new_fingerprint(
        operations={"aten.add.Tensor": 400, "aten.mul.Tensor": 12, "aten._softmax.default": 2},
        elementwise_flops=1_216_000,
    )
    found = compare(new_fingerprint(), after)
    assert found.sentence == (
        "operations 412 -> 414 (+0.49 %); element-wise FLOPs 1.203 M -> 1.216 M (+1.1 %)"
    )


def test_operations_that_appeared_and_vanished_are_listed_with_counts(new_fingerprint):
    after = {"aten.add.Tensor": 401, "aten._softmax.default": 1}
    found = compare(new_fingerprint(), new_fingerprint(operations=after))
    assert found.detail == [
        "+ aten._softmax.default x1",
        "+ aten.add.Tensor x1 (400 -> 401)",
        "- aten.mul.Tensor x12",
    ]


def test_a_part_is_left_out_where_its_total_says_it(new_fingerprint):
    found = compare(new_fingerprint(), new_fingerprint(bytes_read=6000))
    assert found.sentence == "bytes read and written 9,000 B -> 10,000 B (+11 %)"


def test_a_part_is_told_where_its_total_is_the_same(new_fingerprint):
    found = compare(new_fingerprint(), new_fingerprint(bytes_read=4500, bytes_written=4500))
    assert found.sentence == (
        "bytes read 5,000 B -> 4,500 B (-10 %); bytes written 4,000 B -> 4,500 B (+12 %)"
    )


def test_another_operation_at_equal_quantities_is_a_difference_that_did_not_grow(new_fingerprint):
    swapped = {"aten.add.Tensor": 400, "aten.div.Tensor": 12}
    found = compare(new_fingerprint(), new_fingerprint(operations=swapped))
    assert not found.grew
    assert found.sentence == "other operations, all quantities equal"


def test_one_quantity_that_grew_makes_it_grow_whatever_else_shrank(new_fingerprint):
    found = compare(new_fingerprint(), new_fingerprint(saved_bytes=3001, bytes_read=1))
    assert found.grew


def test_an_operation_of_unknown_flops_is_told(new_fingerprint):
    found = compare(new_fingerprint(), new_fingerprint(unknown=("mine.op.default",)))
    assert found.detail == ["FLOPs not known: + mine.op.default"]


def test_from_nothing_there_is_no_percentage(new_fingerprint):
    found = compare(new_fingerprint(), new_fingerprint(copies=2))
    assert found.sentence == "copies between host and device 0 -> 2"


def test_a_tiny_change_of_a_large_count_can_still_be_seen():
    text = str(Change("matmul_flops", 31_200_000_000, 31_200_000_001))
    assert text == (
        "matmul and convolution FLOPs 31,200,000,000 -> 31,200,000,001 (+0.0000000032 %)"
    )


def test_large_bytes_have_their_unit_beside_the_suffix():
    text = str(Change("peak_live_bytes", 150_000_000, 153_000_000))
    assert text == "peak of live tensors 150.000 MB -> 153.000 MB (+2.0 %)"


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_two_counts_that_differ_never_look_equal(before, after):
    assume(before != after)
    text = str(Change("copies", before, after)).removeprefix("copies between host and device ")
    old, _, new = text.partition(" -> ")
    assert old != new.partition(" (")[0]


def test_settings_that_differ_are_told_by_their_path():
    before = {"hparams": {"epsilon": 0.1, "tau": 1}, "teacher": None}
    after = {"hparams": {"epsilon": 0.2, "tau": 1}, "teacher": "resnet56"}
    assert settings_changed(before, after) == [
        "hparams.epsilon 0.1 -> 0.2", "teacher none -> resnet56",
    ]  # fmt: skip
