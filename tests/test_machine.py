"""What a number was measured on, and by which code."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from raskd_bench import machine
from raskd_bench.machine import code_state, cpu_name, describe_host, slug, vectors

XEON = "Intel(R) Xeon(R) Platinum 8480C CPU @ 2.00GHz"


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a copy of the package's machine.py, which the tests run as."""
    package = tmp_path / "raskd_bench"
    package.mkdir()
    copy = Path(shutil.copy(machine.__file__, package / "machine.py"))
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "start")
    monkeypatch.setattr(machine, "__file__", str(copy))
    return tmp_path


@pytest.mark.parametrize(
    ("described", "name"),
    [
        ({"cpu": "AMD EPYC", "cores": 2}, "amd-epyc-2c"),
        ({"cpu": XEON, "cores": 16}, "intel-xeon-platinum-8480c-16c"),
        ({"cpu": XEON, "cores": 16, "gpu": "NVIDIA H200"},
         "nvidia-h200-intel-xeon-platinum-8480c-16c"),
        ({"cpu": "AMD Ryzen 9 7950X 16-Core Processor", "cores": 32},
         "amd-ryzen-9-7950x-16-core-32c"),
        ({"cpu": "AMD EPYC", "cores": 2, "vectors": "avx512-bf16"}, "amd-epyc-2c-avx512-bf16"),
        ({"cpu": "AMD EPYC", "cores": 2, "vectors": None}, "amd-epyc-2c"),
        ({"cpu": XEON, "cores": 16, "gpu": "NVIDIA H200", "vectors": "amx"},
         "nvidia-h200-intel-xeon-platinum-8480c-16c"),
        ({"cpu": "../../etc", "cores": 1}, "etc-1c"),
    ],
)  # fmt: skip
def test_a_machine_has_a_short_name_that_is_a_folder_name(described, name):
    assert slug(described) == name


def test_a_long_name_never_loses_the_number_of_cores():
    names = {slug({"cpu": "x" * 200, "gpu": "y" * 50, "cores": cores}) for cores in (16, 32)}
    assert len(names) == 2
    assert all(len(name) < 100 for name in names)


def test_the_host_is_described_in_plain_values():
    host = describe_host()
    assert json.loads(json.dumps(host)) == host
    assert host["cores"] >= 1
    assert host["memory_bytes"] > 2**28
    assert host["versions"]["torch"]
    assert host["cpu"] == cpu_name() != ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("model name\t: AMD EPYC\nflags\t\t: fpu avx avx2 avx512f avx512_bf16\n", "avx512-bf16"),
        ("flags : avx2 avx512f\n", "avx512"),
        ("flags : fma avx avx2\n", "avx2"),
        ("Features\t: fp asimd crc32\n", "neon"),
        ("flags : sse2\n", None),
        ("", None),
    ],
)
def test_the_widest_vector_instructions_are_named(text, found, monkeypatch):
    monkeypatch.setattr(machine, "_cpuinfo", lambda: text)
    assert vectors() == found


def test_where_the_system_does_not_tell_the_processor_still_has_a_name(monkeypatch):
    monkeypatch.setattr(machine, "_cpuinfo", str)
    assert cpu_name() != ""


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(machine, "PACKAGES", ("raskd-no-such-package",))
    assert describe_host()["versions"] == {"raskd-no-such-package": None}


def test_committed_code_is_clean(repository):
    assert code_state() == (git(repository, "rev-parse", "HEAD"), False)


@pytest.mark.parametrize("changed", ["raskd_bench/machine.py", "raskd_bench/new.py",
                                     "pyproject.toml"])  # fmt: skip
def test_a_change_of_the_code_makes_it_dirty(repository, changed):
    with (repository / changed).open("a") as file:
        file.write("\n# changed\n")
    assert code_state() == (git(repository, "rev-parse", "HEAD"), True)


def test_other_files_do_not_make_it_dirty(repository):
    (repository / "suite.yaml").write_text("schema: 1\n")
    assert code_state()[1] is False


def test_an_installed_copy_does_not_claim_the_commit_of_the_repository_around_it(repository):
    (repository / ".gitignore").write_text(".venv\n")
    site = repository / ".venv" / "raskd_bench"
    site.mkdir(parents=True)
    machine.__file__ = shutil.copy(repository / "raskd_bench" / "machine.py", site)
    assert code_state() == (None, None)


@pytest.mark.parametrize("path", ["nowhere", ""])
def test_without_git_or_a_repository_nothing_is_claimed(repository, tmp_path, monkeypatch, path):
    monkeypatch.setenv("PATH", path) if path else shutil.rmtree(tmp_path / ".git")
    assert code_state() == (None, None)


def test_what_only_reads_records_is_imported_without_torch():
    names = ["record", "machine", "listing", "doctor", "report.formats", "report.plan"]
    imports = ", ".join(f"raskd_bench.{name}" for name in names)
    code = f"import sys, {imports}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_cores_of_a_trial_are_its_share_and_at_least_one(monkeypatch):
    monkeypatch.setattr(machine, "usable_cores", lambda: 6)
    assert machine.cores_of_trial() == 6
    for jobs, cores in ((2, 3), (4, 1), (9, 1)):
        monkeypatch.setenv(machine.JOBS, str(jobs))
        assert machine.cores_of_trial() == cores


@pytest.mark.parametrize(
    ("jobs", "threads", "said"),
    [
        (2, None, None),
        (2, 1, None),
        (3, None, "more jobs than cores: 3 trials at the same time on 2"),
        (2, 2, "more threads than cores: 2 x 2 on 2"),
    ],
)
def test_more_than_the_cores_there_are_is_said(monkeypatch, jobs, threads, said):
    monkeypatch.setattr(machine, "usable_cores", lambda: 2)
    assert machine.crowded(jobs, threads) == said
