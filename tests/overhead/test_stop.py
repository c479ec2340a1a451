"""A campaign that other work disturbs stops instead of filling files that nobody can use."""

from types import SimpleNamespace

import pytest

from raskd_bench.evidence.blocks import Block, BlockFile, Comparison, Restart
from raskd_bench.evidence.estimate import disturber, wholly_disturbed
from raskd_bench.overhead import campaign
from raskd_bench.overhead.tasks import Task
from raskd_bench.spec.overhead import Overhead

from .conftest import make_header


def comparison(path, *foreign_cores, troubles=()):
    """Return a comparison of one restart, a pair for each number of foreign cores."""
    blocks = [
        Block(0, pair, order, arm, 1, 0.1, 0.1, foreign_cores=cores, troubles=troubles)
        for pair, cores in enumerate(foreign_cores)
        for order, arm in enumerate(("baseline", "method"))
    ]
    restart = Restart(0, 0, 1, len(foreign_cores), {}, {}, blocks=blocks, seconds=1.0)
    return Comparison(path, make_header(), [restart])


@pytest.mark.parametrize(("cores", "wholly"), [
    ((1.3, 1.3, 1.3), True), ((1.3, 1.3, 0.1), True), ((1.3, 0.1), False), ((), False),
])  # fmt: skip
def test_wholly_disturbed_is_less_than_half_of_usable_pairs(tmp_path, cores, wholly):
    assert wholly_disturbed(comparison(tmp_path, *cores)) is wholly


def test_the_disturber_is_named_by_the_mean_of_what_it_took(tmp_path):
    assert disturber(comparison(tmp_path, 1.2, 1.4, 0.0)) == "other work takes 1.3 of 2 cores"
    troubled = comparison(tmp_path, 0.0, troubles=("power brake",))
    assert disturber(troubled) == "power brake"


class Onlooker:
    def __init__(self):
        self.begun, self.most_seconds = [], None

    def campaign(self, total, done, plan, most_seconds):
        self.most_seconds = most_seconds

    def comparison(self, header):
        self.begun.append(header.label)

    def compared(self, header, ending):
        pass


@pytest.fixture
def three(monkeypatch, tmp_path):
    """Return a function that runs a campaign of three comparisons with the ending given."""

    def run(ending, **options):
        waiting = [SimpleNamespace(header=make_header(label=label), done=False, path=tmp_path)
                   for label in ("ols", "ras_kd", "ps_kd")]  # fmt: skip
        monkeypatch.setattr(campaign, "tasks", lambda *_: waiting)
        monkeypatch.setattr(campaign, "_run", lambda *_, anyway: "last look" if anyway else ending)
        monkeypatch.setattr(campaign.blocks, "read", lambda path: comparison(path, 1.3))
        suite = SimpleNamespace(overhead=Overhead(max_seconds=20))
        show, plan = Onlooker(), SimpleNamespace(plan="0123")
        return show, campaign.run_campaign(SimpleNamespace(suite=suite), [None], plan, show,
                                           **options)  # fmt: skip

    return run


def test_after_a_wholly_disturbed_comparison_no_other_is_begun(three):
    show, ran = three("disturbed")
    assert show.begun == ["ols"]
    assert ran.stopped == "other work takes 1.3 of 2 cores; wait, or --anyway"
    assert show.most_seconds == 60


def test_anyway_goes_on(three):
    show, ran = three("disturbed", anyway=True)
    assert show.begun == ["ols", "ras_kd", "ps_kd"]
    assert ran == campaign.Ran()


def test_a_failure_stops_nothing_and_is_a_trouble(three):
    show, ran = three("failure")
    assert len(show.begun) == 3
    assert ran.stopped is None
    assert ran.troubles[0] == "ols on resnet8, compute: failed"


def test_what_was_disturbed_is_timed_anew(tmp_path):
    task = Task(make_header(), tmp_path / "blocks.jsonl", None, None)
    assert (task.done, task.disturbed) == (False, False)
    file = BlockFile(task.path)
    file.add("comparison", make_header().model_dump(mode="json", by_alias=True))
    file.add("end", {"reason": "disturbed", "ended": "now"})
    file.close()
    assert (task.done, task.disturbed) == (False, True)
