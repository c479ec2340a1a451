"""The page in a real browser: headless Chromium, driven over a pipe, without a network."""

import fcntl
import json
import os
import shutil
import subprocess
import time

import pytest

from raskd_bench.report.page.build import page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser",
                                                "google-chrome"))), None)  # fmt: skip
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe")  # fmt: skip
PATIENCE_SECONDS = 60
OFFLINE = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here; on Debian: apt-get install chromium"
)


class Browser:
    """Chromium with one page, told what to do over its pipe; keeps what its console says."""

    def __init__(self, profile):
        to_browser, ours = map(_above_standard, os.pipe())
        self._from_browser, theirs = map(_above_standard, os.pipe())

        def join_pipes():
            os.dup2(to_browser, 3)
            os.dup2(theirs, 4)

        self._process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=join_pipes, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(theirs)
        self._out, self._buffer, self._number, self.session = ours, b"", 0, None
        self.events = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        found = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.ask("Network.emulateNetworkConditions", **OFFLINE)

    def ask(self, method, **parameters):
        """Return the answer to a command; events that come before it are kept."""
        self._number += 1
        content = {"id": self._number, "method": method, "params": parameters}
        if self.session:
            content["sessionId"] = self.session
        os.write(self._out, json.dumps(content).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def open(self, path, width=1280, dark=False):
        """Load a page from the disk and wait until it is there."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=scheme)
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900,
                 deviceScaleFactor=1, mobile=width < 600)  # fmt: skip
        self.events.clear()
        self.ask("Page.navigate", url=path.as_uri())
        self.wait_for("document.readyState === 'complete' && location.protocol === 'file:'")

    def evaluate(self, expression):
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, expression):
        ends = time.monotonic() + PATIENCE_SECONDS
        while not self.evaluate(expression):
            assert time.monotonic() < ends, f"never came true: {expression}"
            time.sleep(0.05)

    def complaints(self):
        """Return the errors of the console, and requests that left the disk."""
        self.evaluate("1")
        logged = [e["params"] for e in self.events if e.get("method") in {
            "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"}]  # fmt: skip
        asked = [e["params"]["request"]["url"] for e in self.events
                 if e.get("method") == "Network.requestWillBeSent"]  # fmt: skip
        return logged, [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]

    def close(self):
        os.close(self._out)
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)
        os.close(self._from_browser)

    def _next(self):
        while b"\0" not in self._buffer:
            found = os.read(self._from_browser, 1 << 20)
            assert found, "the browser went away"
            self._buffer += found
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)


def _above_standard(descriptor):
    """Move a descriptor out of the way of 3 and 4, which the browser talks over."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture
def shown(measured, tmp_path, browser):
    """Return a function that makes a page of the campaign and opens it."""

    def made(static=False, **more):
        path = tmp_path / f"page{'-static' * static}.html"
        path.write_text(page([measured.results], static, []), encoding="utf-8")
        browser.open(path, **more)
        return browser

    return made


def texts(browser, selector):
    return browser.evaluate(
        f"[...document.querySelectorAll({selector!r})].map(e => e.textContent.trim())"
    )


def rows(browser):
    return texts(browser, "#results tbody tr:not([hidden]) > th")


@pytest.mark.parametrize("static", [False, True], ids=["interactive", "static"])
@pytest.mark.parametrize("width", [1280, 360], ids=["desk", "phone"])
def test_it_opens_from_disk_without_a_complaint_or_a_request(shown, static, width):
    browser = shown(static, width=width)
    assert browser.complaints() == ([], [])
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert browser.evaluate(overflow) == 0


def test_a_heading_sorts_by_its_numbers_and_says_which_way(shown):
    browser = shown()
    column = texts(browser, "#results thead th").index("top-1 %")
    head = f"document.querySelectorAll('#results thead th')[{column}]"
    browser.evaluate(f"{head}.firstChild.click()")
    assert rows(browser) == ["cross_entropy", "label_smoothing", "ras_kd"]
    browser.evaluate(f"{head}.firstChild.click()")
    assert rows(browser) == ["ras_kd", "label_smoothing", "cross_entropy"]
    assert browser.evaluate(f"{head}.getAttribute('aria-sort')") == "descending"


def test_the_keyboard_alone_can_sort(shown):
    browser = shown()
    browser.evaluate("document.querySelectorAll('#results thead button')[2].focus()")
    for kind in ("keyDown", "keyUp"):
        browser.ask("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r",
                    windowsVirtualKeyCode=13)  # fmt: skip
    assert browser.evaluate("document.activeElement.parentElement.ariaSort") == "ascending"


def test_a_filter_hides_the_other_rows_and_counts(shown):
    browser = shown()
    browser.evaluate(
        "(() => { const i = document.querySelector('#results input'); i.value = 'ras';"
        "i.dispatchEvent(new Event('input')); })()"
    )
    assert rows(browser) == ["ras_kd"]
    assert texts(browser, "#results output") == ["1 of 3 rows"]


def test_the_pareto_plot_has_a_point_a_method_on_every_cost_axis(shown):
    browser = shown()
    select = "document.querySelector('#answers select[name=axis]')"
    names = texts(browser, "#answers select[name=axis] option")
    assert names[:2] == [f"{cost}, ratio to cross_entropy"
                         for cost in ("step time", "training time")]  # fmt: skip
    for number, name in enumerate(names):
        browser.evaluate(
            f"{select}.value = '{number}'; {select}.dispatchEvent(new Event('change'))"
        )
        browser.wait_for(f"document.querySelector('#answers .xtitle').textContent === {name!r}")
        assert browser.evaluate("document.querySelectorAll('#answers .points .point').length") == 3


def test_curves_and_forest_are_drawn(shown):
    browser = shown()
    browser.wait_for("document.querySelectorAll('#curves .js-line').length >= 3")
    assert browser.evaluate("document.querySelectorAll('#overhead .points .point').length") == 3


def test_the_reliability_diagram_has_a_line_a_method_above_and_below(shown):
    browser = shown()
    lines = "document.querySelectorAll('#calibration .cartesianlayer .js-line')"
    browser.wait_for(f"{lines}.length === 6")
    assert browser.evaluate("document.querySelectorAll('#calibration .points .point').length") == 6
    assert texts(browser, "#calibration .y2title") == ["images, %"]
    assert browser.evaluate("document.querySelectorAll('#calibration .legendtext').length") == 3


def test_a_claims_link_leads_to_its_evidence_and_on_to_a_file(shown):
    browser = shown()
    browser.evaluate("document.querySelector('#claim-2 summary').click()")
    assert any("ras_kd-s0.json" in name for name in texts(browser, "#claim-2 .files a"))
    browser.evaluate("document.querySelector('#claim-2 .files a').click()")
    browser.wait_for("location.hash.startsWith('#record-')")
    assert texts(browser, ":target td:first-child")[0].endswith(".json")
    assert browser.evaluate("document.querySelector(':target').getBoundingClientRect().top") < 900


def test_both_themes_follow_the_reader_and_the_button(shown):
    paper = "getComputedStyle(document.body).backgroundColor"
    assert shown().evaluate(paper) == "rgb(255, 255, 255)"
    browser = shown(dark=True)
    dark = browser.evaluate(paper)
    assert dark == "rgb(20, 23, 26)"
    browser.evaluate("document.getElementById('theme').click()")
    assert browser.evaluate(paper) == "rgb(255, 255, 255)"
    assert browser.complaints() == ([], [])


def test_text_and_tables_are_there_without_javascript(shown):
    shown().ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser = shown()
        assert rows(browser) == ["cross_entropy", "ras_kd", "label_smoothing"]
        assert texts(browser, "#results button, #results input, #theme") == []
        assert "need JavaScript" in texts(browser, "#answers noscript")[0]
    finally:
        browser.ask("Emulation.setScriptExecutionDisabled", value=False)


def test_a_hostile_name_runs_nothing(measured, shown):
    path = measured.machine / "ras_kd-s0.json"
    content = json.loads(path.read_text())
    bad = "<img src=x onerror='window.owned=1'><script>window.owned=1</script>"
    path.write_text(json.dumps(content | {"label": bad, "commit": bad}))
    browser = shown()
    browser.wait_for("document.querySelectorAll('#answers .points .point').length === 4")
    assert browser.evaluate("window.owned") is None
    assert browser.complaints() == ([], [])
    assert bad in rows(browser)
