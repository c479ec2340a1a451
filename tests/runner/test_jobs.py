"""Trials side by side: the same Records as one by one, and each is on its own."""

import pytest

from raskd_bench.errors import RequestError
from raskd_bench.record import read

from .test_runner import METHODS, ends, run

TEACHER = "teacher: {student: resnet8, budget: {steps: 5}}"
# what may differ between two runs of one trial: when, how long, how much of the host's memory, and
# what else the host did
OF_THE_RUN = {"started", "commit", "dirty", "curve", "step_seconds", "peak_host_bytes",
              "peak_host_source", "jobs", "disturbance"}  # fmt: skip


def same(record):
    """Return all that must not depend on what ran beside a trial."""
    content = record.model_dump(exclude=OF_THE_RUN)
    kept = {name: value for name, value in content.items() if not name.endswith("_seconds")}
    curve = [{k: v for k, v in point.items() if k != "train_seconds"} for point in record.curve]
    return kept | {"curve": curve}


def by_trial(outcome):
    return {(record.label, record.seed): same(record) for record in outcome.ran}


def test_records_are_those_of_trials_one_by_one(tmp_path):
    methods = "[cross_entropy, ras_kd, kd, {name: kd, label: hot, temperature: 8}]"
    made = [
        run(tmp_path, methods, budget="steps: 50", more=TEACHER, threads=1, jobs=jobs,
            results=tmp_path / str(jobs))[0]
        for jobs in (1, 3)
    ]  # fmt: skip
    assert by_trial(made[0]) == by_trial(made[1])
    assert [{record.jobs for record in outcome.ran} for outcome in made] == [{1}, {3}]
    assert {record.machine["threads"] for record in made[1].ran} == {1}


def test_trials_really_run_at_the_same_time(tmp_path):
    (tmp_path / "met").mkdir()
    method = f"{{name: '{METHODS}:Meets', folder: {tmp_path / 'met'}, count: 2}}"
    outcome, _ = run(tmp_path, f"[{method}]", seeds=(0, 1), jobs=2)
    assert [record.status for record in outcome.ran] == ["done", "done"]


@pytest.mark.parametrize(("how", "status"), [("killed", "out_of_memory"), ("hang", "timeout")])
def test_a_trial_that_ends_badly_takes_nothing_with_it(tmp_path, how, status):
    outcome, show = run(tmp_path, ends(how), seeds=(0, 1), limit=30, budget="steps: 20", jobs=4)
    found = {(record.label, record.seed): record.status for record in outcome.ran}
    assert found == {("ends", 0): status, ("ends", 1): status,
                     ("cross_entropy", 0): "done", ("cross_entropy", 1): "done"}  # fmt: skip
    assert {path.name for path in outcome.folder.glob("*.json")} == {
        plan.trial.file_name for plan in show.plans}  # fmt: skip


def test_an_error_of_memory_says_that_it_was_shared(tmp_path):
    outcome, _ = run(tmp_path, ends("memory"), jobs=2)
    error = next(record.error for record in outcome.ran if record.label == "ends")
    assert error.partition("\n")[0].endswith("; 2 jobs shared the memory (--jobs 2)")


def test_a_teacher_is_trained_once_and_its_pupils_wait(tmp_path):
    methods = "[kd, {name: kd, label: hot, temperature: 8}, cross_entropy]"
    outcome, show = run(tmp_path, methods, more=TEACHER, jobs=3)
    assert [record.label for record in show.all_taught] == ["teacher"]
    pupils = [record for record in outcome.ran if record.label != "cross_entropy"]
    assert len({record.preparation_seconds for record in pupils}) == 1
    assert all(record.finished for record in outcome.ran)


def test_pupils_of_a_teacher_that_failed_fail_with_it_and_it_is_not_tried_twice(tmp_path):
    more = ("teacher: {student: resnet8, budget: {steps: 30}}\n"
            "optimizer: {name: sgd, lr: 1.0e+30}")  # fmt: skip
    outcome, show = run(tmp_path, "[kd, {name: kd, label: hot, temperature: 8}]", more=more, jobs=2)
    assert len(show.all_taught) == 1
    assert [record.status for record in outcome.ran] == ["diverged", "diverged"]
    assert all(record.error.startswith("its teacher: diverged") for record in outcome.ran)


def test_a_teacher_that_was_not_alone_makes_its_pupils_times_unfit_to_compare(tmp_path):
    run(tmp_path, "[kd, cross_entropy]", more=TEACHER, jobs=2)
    methods = "[kd, cross_entropy, {name: kd, label: hot, temperature: 8}]"
    outcome, _ = run(tmp_path, methods, more=TEACHER)
    assert [(record.label, record.jobs) for record in outcome.ran] == [("hot", 2)]


def test_what_was_run_side_by_side_is_finished_for_any_other_run(tmp_path):
    first, _ = run(tmp_path, "[cross_entropy]", seeds=(0, 1), jobs=2)
    before = {path: path.read_bytes() for path in first.folder.glob("*.json")}
    second, show = run(tmp_path, "[cross_entropy]", seeds=(0, 1, 2))
    assert (show.resumed, len(second.ran)) == (2, 1)
    assert all(path.read_bytes() == content for path, content in before.items())
    assert {read(path).jobs for path in second.folder.glob("*.json")} == {1, 2}


@pytest.mark.parametrize(
    ("budget", "more", "options", "message"),
    [
        ("seconds: 1", "", {"jobs": 2}, "--jobs 2: the budget of tiny is in seconds"),
        ("steps: 8", "teacher: {student: resnet8, budget: {seconds: 1}}", {"jobs": 2},
         "is in seconds"),
        ("steps: 8", "", {"jobs": 0}, "--jobs 0: write a whole number from 1"),
        ("steps: 8", "", {"threads": 0}, "--threads 0: write a whole number from 1"),
    ],
)  # fmt: skip
def test_a_machine_that_cannot_be_shared_so_is_refused(tmp_path, budget, more, options, message):
    with pytest.raises(RequestError, match=message):
        run(tmp_path, "[kd]" if more else "[ras_kd]", budget=budget, more=more, **options)
    assert not (tmp_path / "results").exists()


def test_cores_are_divided_among_jobs(tmp_path, monkeypatch):
    monkeypatch.setattr("raskd_bench.runner.usable_cores", lambda: 6)
    outcome, _ = run(tmp_path, "[cross_entropy]", jobs=2)
    assert outcome.ran[0].machine["threads"] == 3
