"""A campaign with claims, controls and trials, and a reader of the page that is made of it."""

from html.parser import HTMLParser

import pytest

from raskd_bench.report.page import build

TIME = {"id": "time", "say": "RAS-KD adds no relevant time", "method": "ras_kd",
        "metric": "step_time", "at_most": "+2%"}  # fmt: skip
ACCURACY = {"id": "accuracy", "say": "RAS-KD costs no accuracy", "method": "ras_kd",
            "metric": "test_top1", "no_worse_by": "2pp"}  # fmt: skip
TOP1 = {"cross_entropy": (0.90, 0.92, 0.91), "label_smoothing": (0.91, 0.935, 0.92),
        "ras_kd": (0.93, 0.95, 0.94)}  # fmt: skip
SECONDS = {"cross_entropy": 4.0, "label_smoothing": 4.1, "ras_kd": 5.0}
MACHINE = {"host": "vm", "cpu": "AMD EPYC", "cores": 2, "device": "cpu", "threads": 2,
           "versions": {"torch": "2.15.0"}}  # fmt: skip
VOID = {"meta", "link", "img", "input", "br", "hr", "base"}


def curve(top1, seconds):
    """Return four evaluations on a straight line from nothing to the end."""
    return [{"step": 66 * k, "epoch": 3.0 * k, "spent": k / 4, "train_seconds": seconds * k / 4,
             "loss": {"ce": 1.0}, "test_top1": top1 * k / 4, "test_nll": 2 - top1 * k / 4}
            for k in (1, 2, 3, 4)]  # fmt: skip


class Reader(HTMLParser):
    """What a browser would make of a page: elements, texts by id, scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.texts = {}
        self.scripts = []
        self._open = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.elements.append((tag, found))
        if tag == "script":
            self.scripts.append([found, ""])
        if tag not in VOID:
            self._open.append((tag, found.get("id")))

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if self._open and self._open[-1][0] == "script":
            self.scripts[-1][1] += data
            return
        for _, name in self._open:
            if name:
                self.texts[name] = self.texts.get(name, "") + data

    def attributes(self, name):
        return [found[name] for _, found in self.elements if name in found]


@pytest.fixture
def read_page(monkeypatch):
    """Return a function that makes a page and returns its text and what a browser sees.

    Plotly's five megabytes are left out: what is read here are the texts around them.
    """
    monkeypatch.setattr(build, "_plotly", lambda: "var Plotly;")

    def made(*places, static=False):
        refused = []
        text = build.page(list(places), static, refused)
        assert refused == []
        return text, Reader(text)

    return made


@pytest.fixture
def new_curve():
    """Return a function that makes a learning curve."""
    return curve


@pytest.fixture
def measured(campaign, new_bins):
    """Three methods of one cell: timed in pairs, with controls, claims, and three seeds each."""
    plan = campaign.plan(TIME, ACCURACY, seeds=(0, 1, 2))
    campaign.same(plan=plan, extra=(campaign.memory("baseline"),))
    campaign.spike(0.05, (0.047, 0.049, 0.051), plan=plan)
    campaign.method("label_smoothing", (0.029, 0.03, 0.031), plan=plan)
    own = campaign.memory("method", host_bytes=101 * 2**20)
    campaign.method(ratios=(0.007, 0.008, 0.009), plan=plan, extra=(own,))
    for label, values in TOP1.items():
        for seed, top1 in enumerate(values):
            seconds = SECONDS[label] + seed / 10
            campaign.trial(label, seed, test_top1=top1, train_seconds=seconds,
                           test_reliability=new_bins({7: (40, 0.5, 0.45), 14: (300, 0.98, top1)}),
                           curve=curve(top1, seconds), machine=MACHINE)  # fmt: skip
    return campaign
