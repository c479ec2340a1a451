"""The runner: typed outcomes, resumption, isolation. Trials really run, in processes."""

import json
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from raskd_bench.errors import RecordError, RequestError
from raskd_bench.record import read
from raskd_bench.runner import Refused, run_suite
from raskd_bench.spec import load_suite

HERE = Path(__file__).parent
METHODS = HERE / "methods.py"

SUITE = """
schema: 1
name: tiny
data: digits
student: {student}
batch_size: 32
budget: {{{budget}}}
evaluations: 2
seeds: {seeds}
timeout_seconds: {limit}
methods: {methods}
{more}
"""


class Silent:
    """A Show that remembers what it saw."""

    def __init__(self):
        self.points, self.ended, self.resumed = [], [], None
        self.all_taught, self.said, self.noted = [], [], []

    def check(self, suite, plans):
        self.plans = plans

    def start(self, done, folder):
        self.resumed = done

    def note(self, text):
        self.noted.append(text)

    def trial(self, plan):
        pass

    def teach(self, plan):
        pass

    def point(self, plan, point):
        self.points.append(point)

    def taught(self, plan, result):
        self.all_taught.append(result)

    def end(self, plan, result):
        self.ended.append(result)

    def busy(self, text):
        """A test's host may be busy."""

    def apart(self, plans, text):
        self.said.append(text)


def run(
    tmp_path, methods, *, budget="steps: 8", limit=60, seeds=(0,), more="", student="resnet8",
    **options,
):  # fmt: skip
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE.format(methods=methods, budget=budget, limit=limit, seeds=list(seeds),
                                 more=more, student=student))  # fmt: skip
    show = Silent()
    options = {"results": tmp_path / "results", "device": "cpu"} | options
    return run_suite(load_suite(path), tmp_path, show=show, **options), show


def ends(how):
    return f"[{{name: '{METHODS}:Ends', label: ends, how: {how}}}, cross_entropy]"


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("diverge", "diverged", "ce is not finite at step 4"),
        ("error", "failed", 'KeyError: "a bug in a user\'s method"'),
        ("memory", "out_of_memory", "DefaultCPUAllocator"),
        ("killed", "out_of_memory", "signal 9"),
        ("vanish", "failed", "exit code 7"),
    ],
)
def test_a_trial_that_fails_is_a_typed_record_and_the_next_one_runs(tmp_path, how, status, reason):
    outcome, _ = run(tmp_path, ends(how))
    first, second = outcome.ran
    assert (first.label, first.status) == ("ends", status)
    assert reason in first.error
    assert second.status == "done"
    assert len(list(outcome.folder.glob("*.json"))) == 2


def test_a_trial_that_hangs_is_stopped_at_its_time_limit(tmp_path):
    outcome, _ = run(tmp_path, ends("hang"), limit=6)
    first, second = outcome.ran
    assert first.status == "timeout"
    assert "timeout_seconds" in first.error
    assert second.status == "done"


def test_finished_trials_are_not_run_again_and_their_records_stay_as_they_are(tmp_path):
    first, _ = run(tmp_path, "[cross_entropy, label_smoothing]")
    before = {path: path.read_bytes() for path in first.folder.glob("*.json")}
    second, show = run(tmp_path, "[cross_entropy, label_smoothing, ras_kd]")
    assert (show.resumed, [result.label for result in second.ran]) == (2, ["ras_kd"])
    assert all(path.read_bytes() == content for path, content in before.items())


def test_failed_trials_are_tried_again_and_their_records_set_aside(tmp_path):
    first, _ = run(tmp_path, ends("error"))
    second, show = run(tmp_path, ends("error"))
    assert show.resumed == 1
    assert [result.label for result in second.ran] == ["ends"]
    kept = list((first.folder / "superseded").rglob("*.json"))
    assert [read(path).label for path in kept] == ["ends"]


def test_a_trial_that_diverged_is_a_result_and_runs_again_only_if_asked(tmp_path):
    first, _ = run(tmp_path, ends("diverge"))
    assert ([r.status for r in first.ran], first.failed) == (["diverged", "done"], ())
    second, show = run(tmp_path, ends("diverge"))
    assert (second.ran, show.resumed) == ((), 2)
    third, _ = run(tmp_path, ends("diverge"), retry=True)
    assert [result.label for result in third.ran] == ["ends"]


def test_fresh_runs_everything_again_and_loses_no_record(tmp_path):
    first, _ = run(tmp_path, "[cross_entropy]")
    before = {path.name: path.read_bytes() for path in first.folder.glob("*.json")}
    second, _ = run(tmp_path, "[cross_entropy]", fresh=True)
    kept = {path.name: path.read_bytes()
            for path in (second.folder / "superseded").rglob("*.json")}  # fmt: skip
    assert len(second.ran) == 1
    assert kept == before


def test_the_same_trial_twice_gives_the_same_curve_and_accuracy(tmp_path):
    methods = "[cross_entropy, ras_kd, cs_kd, byot]"
    first, _ = run(tmp_path, methods, budget="steps: 50", results=tmp_path / "a")
    second, _ = run(tmp_path, methods, budget="steps: 50", results=tmp_path / "b")
    for a, b in zip(first.ran, second.ran, strict=True):
        assert a.trial == b.trial
        assert a.test_top1 == b.test_top1
        assert a.test_nll == b.test_nll
        assert [p["loss"] for p in a.curve] == [p["loss"] for p in b.curve]


def test_every_unit_of_the_ledger_is_in_the_record(tmp_path):
    teacher = "teacher: {student: resnet8, budget: {steps: 5}}"
    outcome, show = run(tmp_path, "[cross_entropy, cs_kd, kd]", budget="steps: 50", more=teacher)
    plain, partners, taught = outcome.ran
    assert (plain.steps, plain.images_drawn, plain.images_forwarded) == (50, 1600, 1600)
    assert 44 * 32 <= plain.images_unique <= 1438
    assert (partners.images_drawn, partners.images_forwarded_without_gradient) == (3200, 1600)
    assert plain.train_flops == 50 * plain.step_flops
    assert taught.preparation_steps == 5
    assert taught.train_flops == 50 * taught.step_flops + taught.preparation_flops
    assert 0 < taught.preparation_seconds < taught.train_seconds
    for result in outcome.ran:
        parts = (result.train_seconds, result.setup_seconds, result.eval_seconds,
                 result.io_seconds)  # fmt: skip
        own = sum(parts) - result.preparation_seconds
        assert own == pytest.approx(result.wall_seconds, rel=0.01, abs=2e-3)
        assert result.data_wait_seconds < result.train_seconds
        assert result.peak_host_bytes > 10**8
        assert result.machine["cpu"]
        assert result.machine["versions"]["torch"]
        assert result.commit is None or len(result.commit) == 40
    assert [point["spent"] for point in show.points if "test_top1" in point][:2] == [0.5, 1.0]


def test_the_end_keeps_the_bins_of_its_calibration_error_and_the_curve_has_none(tmp_path):
    outcome, _ = run(tmp_path, "[cross_entropy]", more="val_fraction: 0.1")
    (done,) = outcome.ran
    for split in ("test", "val"):
        bins = getattr(done, f"{split}_reliability")
        images = sum(b.count for b in bins)
        gaps = [b.count * abs(b.accuracy - b.confidence) for b in bins if b.count]
        assert sum(gaps) / images == pytest.approx(getattr(done, f"{split}_ece"), rel=1e-12)
    assert len([point for point in done.curve if "test_top1" in point]) == 2
    assert [key for point in done.curve for key in point if "reliability" in key] == []


def curve_of(tmp_path, data, name):
    """Return storage and curve of a trial on a data set as a suite writes it."""
    path = tmp_path / "suite.yaml"
    text = SUITE.format(methods="[cross_entropy]", budget="steps: 50", limit=300, seeds=[0],
                        more="", student="resnet8")  # fmt: skip
    path.write_text(text.replace("digits", data))
    outcome = run_suite(load_suite(path), tmp_path, results=tmp_path / name, show=Silent(),
                        device="cpu")  # fmt: skip
    (result,) = outcome.ran
    assert result.status == "done", result.error
    return result.storage, [(p["loss"], p.get("test_nll")) for p in result.curve]


def test_streamed_images_give_the_same_numbers_as_resident_ones(tmp_path):
    ways = ("device", "stream")
    found = [curve_of(tmp_path, f"{{name: digits, storage: {way}}}", way) for way in ways]
    assert [storage for storage, _ in found] == list(ways)
    assert found[0][1] == found[1][1]


def test_cached_images_give_the_same_numbers_as_decoded_ones(tmp_path):
    rng = np.random.default_rng(0)
    for part, count in (("train", 96), ("test", 32)):
        for index in range(count):
            path = tmp_path / f"pictures/{part}/{index % 4}/{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(256, size=(9, 8, 3), dtype=np.uint8)).save(path)
    ways = ("storage: stream, cache: false", "storage: stream, cache: true", "cache: auto")
    data = [f"{{name: imagefolder, root: pictures, size: 8, {way}}}" for way in ways]
    found = [curve_of(tmp_path, each, str(index)) for index, each in enumerate(data)]
    assert [storage for storage, _ in found] == ["stream", "stream", "device"]
    assert found[0][1] == found[1][1] == found[2][1]


def test_a_teacher_is_trained_once_a_seed_and_its_cost_charged_to_every_trial(tmp_path):
    more = "teacher: {student: resnet8, budget: {steps: 5}}"
    methods = "[kd, {name: kd, label: hot, temperature: 8}]"
    outcome, _ = run(tmp_path, methods, seeds=[0, 1], more=more)
    teachers = list((outcome.folder / "teachers").glob("*.json"))
    assert len(teachers) == 2
    assert {read(path).seed for path in teachers} == {1_000_000, 1_000_001}
    first, second = (result for result in outcome.ran if result.seed == 0)
    assert first.preparation_seconds == second.preparation_seconds > 0
    assert first.teacher_top1 == second.teacher_top1
    again, _ = run(tmp_path, methods, seeds=[0, 1], more=more, fresh=True)
    assert len(again.ran) == 4


def test_a_trial_whose_teacher_diverges_says_so(tmp_path):
    more = ("teacher: {student: resnet8, budget: {steps: 30}}\n"
            "optimizer: {name: sgd, lr: 1.0e+30}")  # fmt: skip
    outcome, _ = run(tmp_path, "[kd]", more=more)
    assert outcome.ran[0].status == "diverged"
    assert outcome.ran[0].error.startswith("its teacher: diverged: ce is not finite")


@pytest.mark.parametrize(
    ("budget", "field", "low", "high"),
    [
        ("epochs: 1", "steps", 44, 44),
        ("steps: 7", "steps", 7, 7),
        ("images: 100", "images_drawn", 100, 131),
        ("seconds: 1.5", "train_seconds", 1.5, 2.5),
        ("flops: 1.0e+9", "train_flops", 1.0e9, 1.2e9),
    ],
)
def test_each_budget_stops_where_it_should(tmp_path, budget, field, low, high):
    outcome, _ = run(tmp_path, "[cross_entropy]", budget=budget)
    assert low <= getattr(outcome.ran[0], field) <= high


def test_what_cannot_start_is_refused_before_anything_runs(tmp_path):
    more = "data: {name: imagefolder, root: nowhere}"
    path = tmp_path / "suite.yaml"
    text = SUITE.format(methods="[cross_entropy]", budget="steps: 8", limit=60, seeds=[0], more="",
                        student="resnet8")  # fmt: skip
    path.write_text(text.replace("data: digits", more))
    with pytest.raises(Refused, match=r"looked in .*nowhere"):
        run_suite(load_suite(path), tmp_path, results=tmp_path / "r", show=Silent(), device="cpu")
    assert not (tmp_path / "r").exists()


def test_a_method_that_cannot_be_built_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from raskd_bench.method import Method\n\n\nclass Mine(Method):\n"
        "    def build(self, setting):\n        raise ValueError('needs five stages')\n"
    )
    with pytest.raises(Refused, match="needs five stages"):
        run(tmp_path, "['./mine.py:Mine']")


def test_two_runs_into_one_folder_do_not_mix(tmp_path):
    outcome, _ = run(tmp_path, "[cross_entropy]")
    with FileLock(outcome.folder / ".lock"), pytest.raises(RequestError, match="another run"):
        run(tmp_path, "[cross_entropy]")


def test_a_newer_record_is_not_overwritten(tmp_path):
    outcome, _ = run(tmp_path, "[cross_entropy]")
    path = next(outcome.folder.glob("*.json"))
    content = json.loads(path.read_text()) | {"schema": 99}
    path.write_text(json.dumps(content))
    with pytest.raises(RecordError, match="schema 99"):
        run(tmp_path, "[cross_entropy]")
    assert json.loads(path.read_text()) == content


@pytest.mark.parametrize("device", ["tpu", "cuda:x", ""])
def test_a_device_that_does_not_exist_is_refused(tmp_path, device):
    with pytest.raises(RequestError, match="auto, cpu, cuda"):
        run(tmp_path, "[cross_entropy]", device=device)


def test_other_pictures_under_the_same_path_are_other_trials(tmp_path, monkeypatch):
    """The fault: pictures changed between two runs, and one table held both."""
    monkeypatch.setenv("RASKD_BENCH_DATA", str(tmp_path / "home"))
    more = "data: {name: imagefolder, root: pictures}"
    suite = SUITE.replace("data: digits\n", "")
    rng = np.random.default_rng(0)

    def paint():
        for part in ("train", "test"):
            for owner in ("a", "b"):
                folder = tmp_path / "pictures" / part / owner
                folder.mkdir(parents=True, exist_ok=True)
                for number in range(16):
                    pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
                    Image.fromarray(pixels).save(folder / f"{number}.png")

    paint()
    first, _ = run_on(suite, tmp_path, "[cross_entropy]", more)
    again, shown = run_on(suite, tmp_path, "[cross_entropy]", more)
    assert (len(first.ran), again.resumed) == (1, 1)
    assert not any("changed" in text for text in shown.noted)
    paint()
    second, shown = run_on(suite, tmp_path, "[cross_entropy, label_smoothing]", more)
    assert (len(second.ran), second.resumed) == (2, 0)
    assert any("data changed since 1 trial" in text for text in shown.noted)
    records = [read(path) for path in sorted(second.folder.glob("*.json"))]
    assert len(records) == 3  # the first one is kept
    assert len({found.data.digest for found in records}) == 2


def run_on(suite, tmp_path, methods, more):
    path = tmp_path / "suite.yaml"
    path.write_text(suite.format(methods=methods, budget="steps: 1", limit=60, seeds=[0],
                                 more=more, student="resnet8"))  # fmt: skip
    show = Silent()
    return run_suite(load_suite(path), tmp_path, show=show, device="cpu",
                     results=tmp_path / "results"), show  # fmt: skip
