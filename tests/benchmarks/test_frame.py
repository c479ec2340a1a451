"""Pairs, bounds, files, and the one command that runs them all."""

import math
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import kept, one, page
from benchmarks.frame import (
    Bound,
    Result,
    new_result,
    of_pairs,
    of_rounds,
    of_seconds,
    of_values,
    paired,
)
from raskd_bench.errors import RecordError

ROW = Result(
    "work", "a | b", "c", "at least 3x", None, 2.5, 2.0, 3.5, 8, "x as fast", {"seconds": 1}
)
ALONE = Result("peak", "rate", "", "", None, 190.4, math.nan, math.nan, 3, "GFLOP/s")


class Worlds:
    """A clock that only two arms move; drift slows both down as time goes by."""

    def __init__(self, seconds, noise=0.0, drift=0.0):
        self.now, self.seconds, self.noise, self.drift = 0.0, seconds, noise, drift
        self.rng, self.order = np.random.default_rng(1), []

    def arm(self, which):
        def work():
            self.order.append(which)
            scatter = math.exp(self.noise * self.rng.standard_normal())
            self.now += self.seconds[which] * scatter * (1 + self.drift * len(self.order))

        return work

    def paired(self, first, second, pairs):
        arms = self.arm(first), self.arm(second)
        return paired(*arms, pairs=pairs, rng=np.random.default_rng(0), clock=lambda: self.now)


@pytest.fixture
def machine(monkeypatch):
    host = {"cpu": "Some CPU", "cores": 2, "versions": {"torch": "2.9"}}
    monkeypatch.setattr(kept, "describe_host", lambda: dict(host))
    monkeypatch.setattr(kept, "code_state", lambda: ("0123456789abcdef", False))
    monkeypatch.setattr(kept, "_changed", lambda: False)


@pytest.fixture
def modules(tmp_path):
    folder = tmp_path / "modules"
    folder.mkdir()
    text = 'PREDICTED = "three"\nEXPLAINED = {"cpu": "it is {some[work].value:.1f}"}\n'
    (folder / "some.py").write_text(text)
    return folder


def test_a_pair_gives_the_ratio_of_its_arms():
    found = Worlds((3.0, 2.0)).paired(0, 1, 10)
    assert (found.ratio, found.low, found.high) == pytest.approx((1.5, 1.5, 1.5))
    assert (found.n, found.first_seconds, found.second_seconds) == (10, 3.0, 2.0)


def test_exchanged_arms_give_the_inverse():
    seconds = np.random.default_rng(0).lognormal(size=(2, 30)).tolist()
    there, back = of_seconds(*seconds), of_seconds(*reversed(seconds))
    assert there.ratio * back.ratio == pytest.approx(1)
    assert there.low * back.high == pytest.approx(1)


def test_rounds_that_differ_widen_the_interval():
    alike, apart = ([Worlds((one, 1.0)).paired(0, 1, 10) for one in ratios]
                    for ratios in ((1.02, 1.02, 1.02), (1.0, 1.02, 1.04)))  # fmt: skip
    found = of_rounds(alike)
    assert (found.ratio, found.low, found.high) == pytest.approx((1.02, 1.02, 1.02))
    assert (found.n, found.first_seconds, found.second_seconds) == pytest.approx((3, 1.02, 1.0))
    wide = of_rounds(apart)
    assert wide.ratio == pytest.approx((1.02 * 1.04) ** (1 / 3))
    half = 4.303 * math.log(1.04) / 2 / 3**0.5  # Student's t of two degrees of freedom
    assert wide.high / wide.ratio == pytest.approx(math.exp(half), rel=1e-3)


def test_drift_and_noise_leave_no_bias():
    found = Worlds((1.0, 1.0), noise=0.03, drift=0.001).paired(0, 1, 400)
    assert found.low < 1 < found.high
    assert found.ratio == pytest.approx(1, abs=0.01)


def test_both_orders_occur():
    worlds = Worlds((1.0, 1.0))
    worlds.paired(0, 1, 20)
    assert {tuple(worlds.order[at : at + 2]) for at in range(0, 40, 2)} == {(0, 1), (1, 0)}


def test_how_many_times_as_fast_is_the_inverse_of_the_time():
    found = Worlds((1.0, 4.0), noise=0.1).paired(0, 1, 20)
    row = of_pairs("a", "b", "c", found, Bound("at least 3x", least=3), faster=True, size=8)
    assert (row.value, row.low, row.high) == (1 / found.ratio, 1 / found.high, 1 / found.low)
    assert row.holds
    assert row.conditions["against_seconds"] == found.second_seconds
    assert row.conditions["size"] == 8


@pytest.mark.parametrize(
    ("interval", "most", "disproof"),
    [((1.0, 0.9, 1.005), True, True), ((1.0, 0.9, 1.1), None, True),
     ((1.1, 1.02, 1.2), False, False), ((1.005, math.nan, math.nan), True, True),
     ((1.5, math.nan, math.nan), False, False)],
)  # fmt: skip
def test_a_bound_holds_in_the_whole_interval(interval, most, disproof):
    assert Bound("at most 1.01", most=1.01).holds(*interval) is most
    assert Bound("not slower", most=1.01, disproof=True).holds(*interval) is disproof


def test_repeated_values_have_the_interval_of_student():
    row = of_values("a", "b", [1.0, 2.0, 3.0], "s", Bound("below 9 s", most=9))
    assert (row.value, row.low, row.high) == pytest.approx((2, 2 - 2.484, 2 + 2.484), abs=1e-3)
    assert row.holds
    assert row.asked == "below 9 s"


def test_files_hold_what_was_measured(machine, tmp_path):
    found = kept.new_kept("some", [ROW, ALONE], 1.5, quick=False)
    path = kept.path_of(found, tmp_path)
    kept.write(found, path)
    assert path == tmp_path / "some-2c" / "some.json"
    (back,) = kept.all_of(tmp_path)
    assert back.results[0] == ROW
    assert math.isnan(back.results[1].low)
    assert (back.commit, back.dirty, back.machine) == (found.commit, False, found.machine)


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "some.json"
    path.write_text('{"schema": 1, "results": [{}]}')
    with pytest.raises(RecordError, match=r"some\.json: is not the file of a benchmark.*again"):
        kept.read(path)


def test_the_page_has_row_prediction_and_filled_explanation(machine, modules):
    text = page.document([kept.new_kept("some", [ROW, ALONE], 1.0, quick=False)], ["some"], modules)
    assert "Predicted: three\n" in text
    assert "| a \\| b | c | at least 3x | 2.50 (2.00 to 3.50) x as fast | 8 | open |" in text
    assert "| rate | - | - | 190 GFLOP/s | 3 | - |" in text
    assert "Explained: it is 2.5\n" in text
    assert "commit 0123456789ab, 20" in text


def test_an_explanation_of_what_was_not_measured_is_an_error(machine, modules):
    with pytest.raises(RecordError, match=r"some\.py: EXPLAINED asks for 'work'"):
        page.document([kept.new_kept("some", [ALONE], 1.0, quick=False)], ["some"], modules)


def test_an_explanation_waits_for_the_benchmark_it_refers_to(machine, modules):
    text = 'PREDICTED = ""\nEXPLAINED = {"cpu": "{some[work].value} of {other[peak].value}"}\n'
    (modules / "some.py").write_text(text)
    some = kept.new_kept("some", [ROW], 1.0, quick=False)
    assert "Explained: once there is other" in page.document([some], ["some"], modules)


def test_the_published_page_is_current():
    assert page.PAGE.read_text() == page.document(list(kept.all_of()), command.NAMES)


def test_each_benchmark_predicts_and_explains():
    for name in command.NAMES:
        assert page.text_of(page.PAGE.parent, name, "PREDICTED")
        assert "cpu" in page.text_of(page.PAGE.parent, name, "EXPLAINED")


def test_a_page_that_is_not_current_is_told(machine, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(page, "PAGE", tmp_path / "README.md")
    assert command.main(["--readme", "--check"]) == 1
    assert "run python -m benchmarks --readme" in capsys.readouterr().err
    assert command.main(["--readme"]) == 0
    assert command.main(["--readme", "--check"]) == 0


def test_a_benchmark_that_fails_is_a_row_and_exit_code_1(machine, monkeypatch, capsys):
    def fails(name, *, quick):
        if name == "stacked":
            raise command.Failed("RuntimeError: no memory")
        return kept.new_kept(name, [ROW], 1.0, quick=quick)

    monkeypatch.setattr(command, "measured", fails)
    assert command.main(["stacked", "roofline", "--quick"]) == 1
    shown = capsys.readouterr().out
    assert "failed: RuntimeError: no memory" in shown
    assert "at least 3x" in shown
    assert command.main(["roofline", "--quick"]) == 0


def test_the_last_line_of_a_failed_process_is_kept(monkeypatch):
    def run(words, **_):
        assert words[1:3] == ["-m", "benchmarks.one"]
        return subprocess.CompletedProcess(words, 1, stderr="Traceback\nValueError: bad\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(command.Failed, match=r"^ValueError: bad$"):
        command.measured("stacked", quick=True)


def test_quick_results_are_not_kept(machine, monkeypatch, tmp_path):
    monkeypatch.setattr(command, "measured", lambda name, quick: kept.new_kept(
        name, [ROW], 1.0, quick=quick))  # fmt: skip
    monkeypatch.setattr(kept, "write", lambda found, path: pytest.fail("was kept"))
    assert command.main(["stacked", "--quick"]) == 0


def test_one_benchmark_writes_what_it_measured(machine, monkeypatch, tmp_path):
    import benchmarks.stacked

    monkeypatch.setattr(benchmarks.stacked, "measure", lambda quick: [ROW] if quick else [])
    monkeypatch.setattr(sys, "argv", ["one", "stacked", str(tmp_path / "f.json"), "--quick"])
    one.main()
    assert kept.read(tmp_path / "f.json").results == (ROW,)


@pytest.mark.parametrize(
    ("words", "message"),
    [(["stackd"], "stackd: no such benchmark; did you mean 'stacked'?"),
     (["--check"], "--check belongs to --readme")],
)  # fmt: skip
def test_a_wrong_request_is_one_line_and_exit_code_2(words, message, capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(words)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_row_without_bound_asks_for_nothing():
    row = new_result("a", "b", (1.0, 0.9, 1.1), 3, "s")
    assert (row.asked, row.holds) == ("", None)
    assert page.cells(row)[-1] == "-"
