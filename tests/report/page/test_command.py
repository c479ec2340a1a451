"""`raskd-bench report --format html` as a user meets it."""

import subprocess
import sys

import pytest


def call(*arguments, cwd):
    return subprocess.run([sys.executable, "-m", "raskd_bench", "report", *map(str, arguments)],
                          capture_output=True, text=True, check=False, cwd=cwd)  # fmt: skip


@pytest.mark.parametrize("more", [(), ("--static",)], ids=["interactive", "static"])
def test_it_writes_one_file_and_prints_nothing(measured, tmp_path, more):
    folder = tmp_path / "out"
    folder.mkdir()
    done = call(measured.results, "--format", "html", *more, "--out", "page.html", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "written to page.html\n")
    assert [path.name for path in folder.iterdir()] == ["page.html"]
    assert (folder / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "html"),
         "report: --format html is a page, not text; add --out page.html\n"),
        (("--static", "--format", "csv"),
         "report: --static is for --format html; leave it out\n"),
    ],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_one_line_and_exit_code_2(measured, arguments, said):
    done = call(measured.results, *arguments, cwd=measured.results)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_a_table_that_cannot_be_made_is_exit_code_1_and_the_page_is_written(measured, tmp_path):
    measured.trial("label_smoothing", 0, epochs=13.0)
    done = call(measured.results, "--format", "html", "--out", "page.html", cwd=tmp_path)
    assert done.returncode == 1
    assert "error: suite tiny: the budget is in epochs" in done.stderr
    assert (tmp_path / "page.html").exists()
