"""`report` for papers and trackers, as a user meets it."""

import subprocess
from pathlib import Path

import pytest

from raskd_bench.cli import main

PUBLISHED = Path(__file__).parents[1] / "results" / "published" / "quickstart"


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Return what runs `report` in an empty folder."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["raskd-bench", "report", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run


def test_latex_goes_to_a_file(call, tmp_path):
    code, out, said = call(PUBLISHED, "--format", "latex", "--out", "tables.tex")
    assert (code, out, said) == (0, "", "written to tables.tex\n")
    text = (tmp_path / "tables.tex").read_text()
    assert text.count(r"\begin{table}") == 1
    assert r"ras\_kd\tnote{a}" in text


def test_figures_go_to_a_folder_beside_the_report(call, tmp_path):
    code, out, said = call(PUBLISHED, "--figures", "figures")
    assert code == 0
    assert out.startswith("ras_kd: accuracy")
    assert "\nquickstart: digits" in out
    assert said == "8 figures written to figures\n"
    assert len(list((tmp_path / "figures").iterdir())) == 8


def test_history_is_of_one_folder(call):
    code, out, said = call("a", "b", "--history")
    assert (code, out) == (2, "")
    assert said == "report --history: takes one folder, as each has its own commits\n"


def test_history_goes_to_the_terminal(call, tmp_path):
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        if arguments[0] == "add":
            (tmp_path / "results").mkdir()
            for path in PUBLISHED.rglob("*-s0-*.json"):
                (tmp_path / "results" / path.name).write_bytes(path.read_bytes())
        subprocess.run(["git", "-C", tmp_path, *who, *arguments], check=True, capture_output=True)
    code, out, _ = call("--history")
    assert code == 0
    assert out.startswith("quickstart: costs over the commits of the results")
    assert "x1.0006" in out


def test_an_export_that_is_none_is_one_line_and_exit_code_2(call):
    code, out, said = call(PUBLISHED, "--export", "excel:x")
    assert (code, out) == (2, "")
    assert said == "--export excel:x: write tensorboard:DIR or mlflow:DIR\n"
