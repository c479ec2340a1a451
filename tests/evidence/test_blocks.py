"""The file of blocks: appended, read whole or with what a crash has left."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raskd_bench.errors import RecordError
from raskd_bench.evidence.blocks import Block, BlockFile, read
from raskd_bench.evidence.header import Header

HEADER = Header(
    comparison="0123456789ab", plan="abcdef012345", suite="s", cell={"student": "resnet8"},
    conditions={}, mode="compute", role="method", label="ras_kd", method="ras_kd", hparams={},
    method_digest="d", baseline="cross_entropy", baseline_method="cross_entropy",
    baseline_hparams={}, baseline_digest="b", machine={}, commit=None, dirty=None, started="now",
    rules={"margins": (0.02,), "alpha": 0.05, "power": 0.9, "looks": (3,), "pairs": 2,
           "max_seconds": 1.0, "in_process": False},
)  # fmt: skip
RESTART = {"number": 0, "seed": 1, "block_steps": 1, "pairs": 2, "warm_up": {},
           "epoch_seconds_per_step": {}}  # fmt: skip
BLOCKS = [
    Block(0, 0, 0, "method", 1, 0.2, 0.1, 0.0, 0.0),
    Block(0, 0, 1, "baseline", 1, 0.1, 0.1, 0.0, 0.0),
    Block(0, 1, 0, "baseline", 1, 0.1, 0.1, 0.0, 0.0, clock_hz=1e9, troubles=("power brake",)),
    Block(0, 1, 1, "method", 1, 0.3, 0.1),
]  # fmt: skip


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "cell" / "blocks.jsonl"
    file = BlockFile(path)
    file.add("comparison", HEADER.model_dump(mode="json", by_alias=True))
    file.add("restart", RESTART)
    for block in BLOCKS:
        file.add_block(block)
    file.add("closed", {"restart": 0, "seconds": 2.5})
    file.add("end", {"reason": "last look"})
    file.close()
    return path


def test_what_was_written_is_read(path):
    found = read(path)
    assert found.header == HEADER
    assert found.restarts[0].blocks == BLOCKS
    assert found.restarts[0].seconds == 2.5
    assert found.ending == {"reason": "last look"}
    assert found.lost == 0


def test_pairs_have_both_arms(path):
    pairs = list(read(path).restarts[0].whole_pairs())
    assert [pair["method"].seconds for pair in pairs] == [0.2, 0.3]


def test_a_torn_last_line_costs_itself_only(path):
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(lines[:5]) + b"\n" + lines[5][:30])
    found = read(path)
    assert found.lost == 1
    assert found.restarts[0].blocks == BLOCKS[:3]
    assert not found.restarts[0].closed
    assert len(list(found.restarts[0].whole_pairs())) == 1


def test_what_is_appended_after_a_torn_line_is_whole(path):
    path.write_bytes(path.read_bytes()[:-10])
    file = BlockFile(path)
    file.add("resumed", {"started": "later"})
    file.add_block(Block(0, 2, 0, "method", 1, 0.2, 0.1))
    file.close()
    found = read(path)
    assert found.lost == 1
    assert found.restarts[0].blocks[-1].pair == 2
    assert found.ending is None


def test_a_damaged_line_in_the_middle_leaves_the_others(path):
    lines = path.read_bytes().split(b"\n")
    lines[3] = b'{"kind": "block", "restart": 7}'
    path.write_bytes(b"\n".join(lines))
    assert read(path).lost == 1
    assert len(read(path).restarts[0].blocks) == 3


@given(st.integers(0, 2000))
def test_cut_anywhere_it_is_read_or_refused_in_one_line(tmp_path_factory, cut):
    path = tmp_path_factory.getbasetemp() / "cut.jsonl"
    text = "\n".join(json.dumps(line) for line in [
        {"kind": "comparison"} | HEADER.model_dump(mode="json", by_alias=True),
        {"kind": "restart"} | RESTART]) + "\n"  # fmt: skip
    path.write_text(text[:cut])
    header = text.index("\n")
    if cut >= header:
        assert read(path).header == HEADER
        return
    with pytest.raises(RecordError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_newer_schema_is_refused_by_its_number(path):
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 99'))
    with pytest.raises(RecordError, match=r"has schema 99, this is raskd-bench .* reads up to 1"):
        read(path)


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(RecordError, match="cannot be read: No such file"):
        read(tmp_path / "none.jsonl")


def test_blocks_of_a_restart_whose_line_is_damaged_are_lost_with_it(path):
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1][:20]
    path.write_bytes(b"\n".join(lines))
    found = read(path)
    assert found.restarts == []
    assert found.lost == 6
    assert found.ending == {"reason": "last look"}
