"""Output that an encoding lacks is written in its words, and ends nothing."""

import io
import sys

import pytest
from rich.console import Console

from raskd_bench.encoding import in_ascii, write_anything
from raskd_bench.report.grid import Grid


def stream(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")


def written(made):
    made.flush()
    return made.buffer.getvalue()


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("ascii", rb"1 +- 2 \u2022 3, Pr\xfcfung, -+-|, ->, \U0001f600, \udcff"),
     ("latin-1", b"1 \xb1 2 \\u2022 3, Pr\xfcfung, -+-|, ->, \\U0001f600, \\udcff"),
     ("utf-8", "1 ± 2 • 3, Prüfung, ─┼─│, →, 😀, \\udcff".encode())],
)  # fmt: skip
def test_what_an_encoding_lacks_is_replaced(monkeypatch, encoding, expected):
    out, err = stream(encoding), stream(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    write_anything()
    for target in (out, err):
        target.write("1 ± 2 • 3, Prüfung, ─┼─│, →, 😀, \udcff")
        assert written(target) == expected


def test_a_stream_that_is_no_text_file_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    write_anything()
    assert sys.stdout is None


def test_a_table_in_ascii_has_its_columns_in_line(monkeypatch):
    out = stream("ascii")
    grid = Grid("a → b", ("method", "top-1 ±", "n"),
                [("ras_kd", "91.0 ± 0.1", "3"), ("kd", "7", "3")],
                ["± is an interval"])  # fmt: skip
    Console(file=out, width=80).print(grid)
    lines = [line for line in written(out).decode("ascii").splitlines() if line.strip()]
    title, head, line, first, second, note = lines
    assert (title, note) == ("a -> b", "  +- is an interval")
    assert set(line.strip()) == {"-"}
    assert len(head.rstrip()) == len(first.rstrip()) == len(second.rstrip())
    assert "91.0 +- 0.1" in first


def test_letters_are_not_taken_for_symbols():
    assert in_ascii("Prüfung ≥ 3") == "Prüfung >= 3"
