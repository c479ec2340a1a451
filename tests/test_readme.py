"""README and CONTRIBUTING say what is so: their blocks are run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from raskd_bench.errors import SuiteError
from raskd_bench.spec import load_suite

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def blocks(name, language):
    found = BLOCK.findall((ROOT / name).read_text())
    return [text for kind, text in found if kind == language]


def test_the_readme_suite_is_a_suite(tmp_path):
    text = blocks("README.md", "yaml")[0]
    (tmp_path / "my_method.py").write_text(
        "from raskd_bench.method import Method, Positive\n\n\nclass MyMethod(Method):\n"
        "    def __init__(self, *, strength: Positive = 1.0):\n        super().__init__()\n"
    )
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert len(load_suite(path).methods) == 5


def test_the_claims_of_the_readme_are_claims_of_its_suite(tmp_path):
    suite, claims = blocks("README.md", "yaml")[:2]
    path = tmp_path / "mine.yaml"
    path.write_text(
        suite.replace("  - {name: ./my_method.py:MyMethod, strength: 0.3}\n", "") + claims
    )
    assert [claim.id for claim in load_suite(path).claims] == ["time", "memory", "accuracy"]


def test_the_fault_in_the_readme_is_what_the_reader_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = (ROOT / "README.md").read_text().splitlines()
    shown = next(line for line in lines if line.startswith("suites/mine.yaml:"))
    (tmp_path / "suites").mkdir()
    text = blocks("README.md", "yaml")[0].replace("- label_smoothing ", "- label_smothing ")
    text = text.replace("  - {name: ./my_method.py:MyMethod, strength: 0.3}\n", "")
    text = re.sub(r"- label_smoothing$", "- label_smothing", text, flags=re.MULTILINE)
    Path("suites/mine.yaml").write_text(text)
    with pytest.raises(SuiteError) as caught:
        load_suite(Path("suites/mine.yaml"))
    assert str(caught.value) == shown


def test_the_contributing_method_trains_and_is_reported(tmp_path):
    code, suite = blocks("CONTRIBUTING.md", "python")[0], blocks("CONTRIBUTING.md", "yaml")[0]
    (tmp_path / "my_method.py").write_text(code)
    (tmp_path / "my_suite.yaml").write_text(suite.replace("epochs: 3", "steps: 10"))
    line = blocks("CONTRIBUTING.md", "sh")[0].split()
    done = subprocess.run([sys.executable, "-m", *[w.replace("-", "_") for w in line[:1]],
                           *line[1:]], cwd=tmp_path, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "strong" in done.stdout


def test_every_script_the_readme_names_exists_and_can_be_run():
    for line in "\n".join(blocks("README.md", "sh")).splitlines():
        word = line.partition(" ")[0]
        if word.startswith("scripts/"):
            assert (ROOT / word).stat().st_mode & 0o111
