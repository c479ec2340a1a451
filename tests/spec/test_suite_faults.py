"""Broken suites: every fault at once, at its place, in words that say what to do.

`python tests/spec/test_suite_faults.py` rewrites the golden messages; read the difference.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raskd_bench.errors import RequestError, SuiteError
from raskd_bench.spec import expand, expand_cells, load_suite

FOLDER = Path(__file__).parent / "broken"
QUICKSTART = Path(__file__).parents[2] / "suites" / "quickstart.yaml"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
NOT_PYTHON = "class Mine(\n"  # no file of the repository, as tools that read all Python files fail


def message(name: str) -> str:
    with pytest.raises(SuiteError) as caught:
        load_suite(Path(f"{name}.yaml"))
    return re.sub(r"shows all \d+", "shows all N", f"{caught.value}\n")  # methods may be added


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suites") / "broken"
    shutil.copytree(FOLDER, folder)
    (folder / "not_python.py").write_text(NOT_PYTHON)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_suite_is_told_what_is_wrong(name, broken, monkeypatch):
    monkeypatch.chdir(broken)
    assert message(name) == (FOLDER / f"{name}.expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_faults_are_sorted_single_lines_and_each_is_given_once(name, broken, monkeypatch):
    monkeypatch.chdir(broken)
    with pytest.raises(SuiteError) as caught:
        load_suite(Path(f"{name}.yaml"))
    faults = caught.value.faults
    places = [(fault.line, fault.column) for fault in faults]
    assert places == sorted(places)
    assert len({str(fault) for fault in faults}) == len(faults)
    assert len(str(caught.value).splitlines()) == len(faults)


def test_every_message_has_its_suite():
    assert sorted(path.name.partition(".")[0] for path in FOLDER.glob("*.expected.txt")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_words_are_not_those_of_the_libraries(name):
    text = (FOLDER / f"{name}.expected.txt").read_text(encoding="utf-8")
    foreign = ("Input", "valid", "dictionary", "None", "True", "False", "instance", "pydantic",
               "Traceback", "token", "scalar")  # fmt: skip
    assert [word for word in foreign if word in text] == []


def test_a_missing_file_is_a_wrong_request_with_a_suggestion(tmp_path):
    (tmp_path / "small.yaml").write_text("schema: 1\n")
    with pytest.raises(
        RequestError, match=r"smal\.yaml: no such suite file; did you mean '.*small"
    ):
        load_suite(tmp_path / "smal.yaml")


def test_a_folder_is_a_wrong_request(tmp_path):
    with pytest.raises(RequestError, match="cannot be read"):
        load_suite(tmp_path)


def test_a_name_with_a_nul_character_is_a_wrong_request():
    with pytest.raises(RequestError, match="cannot be read: embedded null byte"):
        load_suite(Path("suite\0.yaml"))


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path):
    path = tmp_path / "huge.yaml"
    path.write_text("[" * 300_000)
    with pytest.raises(SuiteError, match="larger than 256 kB"):
        load_suite(path)


def test_reading_a_suite_imports_no_heavy_library():
    code = (
        "import sys; from pathlib import Path; from raskd_bench.spec import expand, load_suite\n"
        f"path = Path({str(QUICKSTART)!r}); expand(load_suite(path), path.parent)\n"
        "heavy = {'torch', 'torchvision', 'timm', 'sklearn', 'numpy', 'scipy', 'pandas', 'typer'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


COMPARED = """\
overhead: {baseline: cross_entropy, methods: [ras_kd, ps_kd], margin: 2%, looks: [3, 5],
           modes: [compute, end_to_end], spikes: [1%, 2 %], max_seconds: 60}
claims:
  - {id: time, say: It adds no time, method: ras_kd, metric: step_time, mode: compute, at_most: +2%}
  - {id: host, say: It adds no memory, method: ps_kd, metric: peak_host, at_most: 1%}
  - {id: ops, say: It is light, method: byot, metric: copies, against: kd, at_most: 3}
  - id: accuracy
    say: It costs no accuracy
    method: ras_kd
    metric: test_top1
    no_worse_by: 0.5pp
    where: {student: resnet8, batch_size: 64}
"""
PIECES = [
    "&a ",
    "*a",
    "!!int ",
    "? ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ": ",
    "\t",
    "\n",
    "  ",
    "'",
    '"',
    "|\n",
    "#",
    "---\n",
    "<<: ",
    "null",
    "yes",
    ".nan",
    "1e999",
    "-1",
    "9" * 30,
    '"\\ud800"',
    "\x00",
    "\x85",
    "\u2028",
    "é",
    "name",
    "label",
    "exclude:",
    "./a.py:B",
    "%",
    "pp",
    "2 %",
    "at_most: ",
    "where: {}",
    "ras_kd",
    "seeds: []",
    "[[1%]]",
    "{a: {}}",
    "timm/",
    "\\",
]
EDIT = st.tuples(st.integers(0, 4000), st.integers(0, 12), st.sampled_from(PIECES))


@settings(max_examples=150, deadline=None, database=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(edits=st.lists(EDIT, min_size=1, max_size=4), noise=st.binary(max_size=3))
def test_no_bytes_make_it_fail_in_any_other_way(edits, noise, tmp_path):
    text = QUICKSTART.read_text(encoding="utf-8") + COMPARED
    for position, length, piece in edits:
        start = position % (len(text) + 1)
        text = text[:start] + piece + text[start + length :]
    path = tmp_path / "suite.yaml"
    path.write_bytes(text.encode() + noise)
    plans, cells, lines, faults = [], [], [], ()
    try:
        suite = load_suite(path)
        plans, cells = expand(suite, tmp_path), expand_cells(suite, tmp_path)
    except SuiteError as error:
        lines, faults = str(error).splitlines(), error.faults
    assert bool(plans) == bool(not faults and suite.seeds)
    assert bool(cells) != bool(faults)
    assert len({plan.trial.id for plan in plans}) == len(plans)
    assert len(set(lines)) == len(lines) == len(faults)


def rewrite() -> None:
    """Write the golden messages anew."""
    import contextlib
    import tempfile

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
        Path("not_python.py").write_text(NOT_PYTHON)
        for name in NAMES:
            (FOLDER / f"{name}.expected.txt").write_text(message(name), encoding="utf-8")


if __name__ == "__main__":
    rewrite()
