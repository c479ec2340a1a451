"""Arrows go down only: imports follow the layers of docs/decisions/0001-layers.md."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from raskd_bench import catalog

PACKAGE = Path(__file__).parents[1] / "raskd_bench"

# From the bottom up. A module may import from its own row where the row says so, and from below.
PLAIN = {"errors", "catalog", "spec", "record", "machine", "placebo", "costs", "stats", "evidence",
         "fingerprint", "home", "outcomes", "files", "record_fields", "same_data", "memory",
         "encoding"}  # fmt: skip
VOCABULARY = {"batch", "losses", "method"}
PARTS = {"methods", "tasks", "students", "data"}
ENGINE = {"pace", "flops", "counting", "arm", "heap", "meter", "evaluate", "watch", "trainer",
          "lab", "teachers", "setup", "share", "training", "execute", "together", "predict",
          "readiness", "worker"}  # fmt: skip
TOP = {
    "bench",
    "process",
    "groups",
    "jobs",
    "runner",
    "overhead",
    "report",
    "progress",
    "doctor",
    "listing",
    "summaries",
}
CLI = {"cli", "__main__"}
LAYERS = [PLAIN, VOCABULARY, PARTS, ENGINE, TOP, CLI]
TORCH_FREE = PLAIN | TOP | CLI
METHOD_MAY_IMPORT = {"batch", "losses", "method"}


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "raskd_bench":
                names = [f"raskd_bench.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "raskd_bench" and len(parts) > 1 and not parts[1].startswith("__"):
                yield parts[1]


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def level(name):
    return next(index for index, layer in enumerate(LAYERS) if name in layer)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_its_own_layer_or_below(path):
    above = {name for name in imported_rooms(path) if level(name) > level(room(path))}
    allowed = {"worker"} if room(path) == "process" else set()  # named, not imported, by the parent
    assert above - allowed == set()


@pytest.mark.parametrize("path", sorted((PACKAGE / "methods").glob("[_a-z]*.py")),
                         ids=lambda path: path.stem)  # fmt: skip
def test_a_method_sees_batch_losses_method_and_its_own_private_module_only(path):
    froms = [node.module for node in ast.walk(ast.parse(path.read_text()))
             if isinstance(node, ast.ImportFrom) and node.module]  # fmt: skip
    inner = [module for module in froms if module.startswith("raskd_bench.methods")]
    assert [m for m in inner if not m.startswith(f"raskd_bench.methods._{path.stem}_")] == []
    assert set(imported_rooms(path)) <= METHOD_MAY_IMPORT | ({"methods"} if inner else set())


def test_report_and_runner_do_not_import_each_other():
    for path in FILES:
        if room(path) == "report":
            assert "runner" not in set(imported_rooms(path))
        if room(path) == "runner":
            assert "report" not in set(imported_rooms(path))


@pytest.mark.parametrize("name", sorted(TORCH_FREE - {"__main__"}))
def test_it_imports_without_torch(name):
    code = (
        f"import sys, raskd_bench.{name}\n"
        "slow = {'torch', 'torchvision', 'timm', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'imported {slow}' if slow else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_trainer_knows_no_method_and_no_task_by_name():
    text = (PACKAGE / "trainer.py").read_text()
    names = [*catalog.names("method"), *catalog.names("student"), *catalog.TASKS]
    assert [name for name in names if re.search(rf"\b{re.escape(name)}\b", text)] == []


def functions(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            yield node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_stay_readable(path):
    lines = len(path.read_text().splitlines())
    assert lines <= 250
    if room(path) == "methods":
        assert lines <= 111
    assert {name: count for name, count in functions(path) if count > 45} == {}
