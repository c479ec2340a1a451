"""Costs over the commits of a folder of results."""

import io
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from raskd_bench import record
from raskd_bench.errors import RequestError
from raskd_bench.report.history import changes_over, commits_of, history_tables


@pytest.fixture
def repository(tmp_path, new_record):
    """Return what commits Records of two methods, RAS-KD's with so many FLOPs a step."""
    folder = tmp_path / "work"
    results = folder / "results"
    results.mkdir(parents=True)

    def git(*arguments):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)

    git("init", "-q")

    def commit(flops, unrelated=""):
        record.write(new_record(), results / "base.json")
        path = results / "ras_kd.json"
        if flops is None:
            path.unlink()
        else:
            record.write(new_record("ras_kd", step_flops=flops), path)
        (folder / "other.txt").write_text(unrelated)
        git("add", "-A")
        git("commit", "-q", "--allow-empty", "-m", "x")

    return results, commit


def found(results):
    commits, _ = commits_of(results)
    return [change.values["step FLOPs"] for change in changes_over(results, commits)]


def test_a_line_stands_for_each_change_and_none_for_what_stayed(repository):
    results, commit = repository
    for flops, unrelated in ((10**9, "a"), (10**9, "b"), (11 * 10**8, "c"), (10**9, "d")):
        commit(flops, unrelated)
    assert found(results) == ["x1.0000", "x1.1000", "x1.0000"]


def test_a_method_that_vanished_is_gone(repository):
    results, commit = repository
    commit(10**9)
    commit(None)
    assert found(results) == ["x1.0000", "gone"]


def test_the_table_names_commits_and_dates_oldest_first(repository):
    results, commit = repository
    commit(10**9)
    commit(2 * 10**9)
    console = Console(file=io.StringIO(), width=300)
    console.print(history_tables(results))
    text = console.file.getvalue()
    commits, more = commits_of(results)
    assert (len(commits), more) == (2, 0)
    assert text.index(commits[0].name[:10]) < text.index(commits[1].name[:10])
    assert text.startswith("tiny: costs over the commits of the results")
    assert "x2.0000" in text


def test_a_folder_outside_of_any_repository_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(RequestError, match="has no history: fatal: not a git repository"):
        history_tables(tmp_path)


def test_commits_without_costs_are_refused(repository):
    results, _ = repository
    with pytest.raises(RequestError, match=r"no history|no commit there holds costs"):
        history_tables(results)


def test_accepted_fingerprints_of_this_project_have_a_history():
    results = Path(__file__).parents[2] / "results"
    commits, _ = commits_of(results)
    if not commits:
        pytest.skip("this copy of the project has no history")
    made = list(changes_over(results, commits[-1:]))
    base = [change for change in made if change.title.startswith("cross_entropy on")]
    assert {change.values["step FLOPs"] for change in base} == {"x1.0000"}
