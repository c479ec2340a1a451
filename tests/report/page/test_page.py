"""The page as a file: its order, its links, and that no text of a Record becomes markup."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from raskd_bench.errors import RequestError
from raskd_bench.report.page.build import page
from raskd_bench.report.page.safe import chart_text, script_code, script_json

PUBLISHED = Path(__file__).parents[3] / "results" / "published"
HOSTILE = [
    "<script>alert(1)</script>", "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>", '" onmouseover="alert(1)', "' autofocus onfocus='x",
    "<a href='javascript:alert(1)'>here</a>", "javascript:alert(1)", "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe", "two\nlines\x1b[31m", "\u2028\u2029", "<!--<script>", "&lt;b&gt;",
    "$\\frac{1$", "_hidden", "%{x}<b>",
]  # fmt: skip
ORDER = ["answers", "results", "overhead", "controls", "curves", "ledger", "calibration", "phases",
         "environment", "reproduce", "blocks", "records"]  # fmt: skip


def outside_pictures(reader):
    """Return the elements with the names of their attributes, those inside an SVG left out."""
    drawn = {"svg", "g", "path", "defs", "style", "text", "use", "rect", "clippath"}
    return [(tag, tuple(found)) for tag, found in reader.elements if tag not in drawn]


def drawings(reader):
    return json.loads(next(code for found, code in reader.scripts if found.get("id")))


def hostile_campaign(measured, text):
    """Write a text wherever a stranger's files hold one."""
    for path in measured.machine.glob("*.json"):
        content = json.loads(path.read_text())
        if content["trial"].startswith("ras_kd"):
            content |= {"label": text, "footnote": text, "commit": text, "started": text}
            content["machine"] = content["machine"] | {"host": text}
        if content["trial"] == "ras_kd-2":
            content |= {"status": "failed", "error": text}
        path.write_text(json.dumps(content))
    plan = measured.plan({"id": "it", "say": text, "method": "ras_kd", "metric": "step_time",
                          "at_most": "+2%"}, registered="2026-11-25T10:30:00+00:00")  # fmt: skip
    measured.comparison("compute-hostile", plan=plan, label=text, method="ras_kd",
                        method_digest="other", footnote=text)  # fmt: skip


@pytest.fixture(params=[False, True], ids=["interactive", "static"])
def static(request):
    return request.param


def test_sections_stand_in_the_order_of_a_readers_questions(measured, read_page, static):
    _, reader = read_page(measured.results, static=static)
    assert [found["id"] for tag, found in reader.elements if tag == "section"] == ORDER


def test_every_link_leads_to_one_place_on_the_page(measured, read_page, static):
    _, reader = read_page(measured.results, static=static)
    names = reader.attributes("id")
    links = reader.attributes("href")
    assert len(names) == len(set(names))
    assert len(links) > 50
    assert {link for link in links if not link.startswith("#")} == set()
    assert {link[1:] for link in links} <= set(names)


def test_nothing_is_fetched_and_no_foreign_script_can_run(measured, read_page, static):
    _, reader = read_page(measured.results, static=static)
    (policy,) = [found["content"] for tag, found in reader.elements
                 if found.get("http-equiv") == "Content-Security-Policy"]  # fmt: skip
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    run = [code for found, code in reader.scripts if "type" not in found]
    hashes = {base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in run}
    assert set(re.findall(r"'sha256-([^']+)'", policy)) == hashes
    assert {tag for tag, _ in reader.elements} & {"link", "img", "iframe", "object"} == set()
    assert reader.attributes("src") == []


def test_a_claim_has_verdict_interval_sentence_standing_and_its_files(measured, read_page):
    _, reader = read_page(measured.results)
    text = reader.texts["claim-1"]
    for part in ("supported", "tiny: time", "RAS-KD adds no relevant time", "+0.80 %",
                 "90 % interval +0.63 to +0.97 %", "confirmatory", "an overhead within 2 %",
                 "reconstruction from the abstract", "TOST, alpha 0.05"):  # fmt: skip
        assert part in text
    assert text.count("+0.80 %") == 1
    assert "compute-ras_kd.jsonl" in text
    assert "compute-aa.jsonl" in text
    assert "ras_kd-s2.json" in reader.texts["claim-2"]


def test_controls_say_what_the_host_resolves(measured, read_page):
    _, reader = read_page(measured.results)
    text = reader.texts["controls"]
    for part in ("A/A: +0.00 %", "noise floor", "on this host the instrument resolves", "holds",
                 "1 of 1 spikes recovered"):  # fmt: skip
        assert part in text


def test_controls_that_failed_are_marked(campaign, read_page):
    plan = campaign.plan()
    campaign.method(plan=plan)
    _, reader = read_page(campaign.results)
    assert "failed" in reader.texts["controls"]
    assert "no A/A comparison" in reader.texts["controls"]


def test_every_number_of_the_main_table_leads_to_its_rows_records(measured, read_page):
    text, reader = read_page(measured.results)
    section = text[text.index('id="results"') : text.index('id="overhead"')]
    row = re.search(r"<tr><th[^>]*><a[^>]*>ras_kd</a>.*?</tr>", section, re.DOTALL)[0]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
    numbers = [cell for cell in cells if cell]
    assert len(numbers) >= 9
    (anchor,) = {re.match(r'<a href="#(row-\d+)">', cell)[1] for cell in numbers}
    for seed in (0, 1, 2):
        assert f"ras_kd-s{seed}.json" in reader.texts[anchor]
    assert "confirmatory" not in reader.texts[anchor]


def test_a_record_is_listed_with_path_seed_status_start_and_commit(measured, read_page):
    _, reader = read_page(measured.results)
    group = next(text for name, text in reader.texts.items()
                 if name.startswith("row-") and "label_smoothing" in text)  # fmt: skip
    for part in (str(measured.machine / "label_smoothing-s1.json"), "done", "93.50",
                 "2026-11-25T11:00:00+00:00", "a" * 10):  # fmt: skip
        assert part in group


def test_trials_that_failed_are_rows_and_say_why(measured, read_page):
    measured.trial("ras_kd", 3, status="diverged", error="ce is not finite", test_top1=None,
                   curve=[])  # fmt: skip
    _, reader = read_page(measured.results)
    assert "3 of 4" in reader.texts["results"]
    assert "diverged: ce is not finite" in reader.texts["records"]


def test_plan_commit_and_commands_say_how_to_measure_it_again(measured, read_page):
    _, reader = read_page(measured.results)
    text = reader.texts["reproduce"]
    for part in (
        f"git checkout {'a' * 40}",
        "raskd-bench run SUITE.yaml",
        "the current one",
        f"raskd-bench report {measured.results} --format html --out page.html",
    ):
        assert part in text
    assert re.search(r"plan [0-9a-f]{12}, registered 2026-11-25T10", text)


def test_the_environment_names_machine_versions_and_state_of_the_code(measured, read_page):
    _, reader = read_page(measured.results)
    for part in ("AMD EPYC", "torch 2.15.0", "uncommitted changes", "no", "a" * 40):
        assert part in reader.texts["environment"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_strangers_text_changes_no_element_of_the_page(measured, read_page, text):
    hostile_campaign(measured, "harmless")
    _, plain = read_page(measured.results)
    hostile_campaign(measured, text)
    for path in [p for p in measured.folder.glob("plan-*.json") if "harmless" in p.read_text()]:
        path.unlink()
    _, reader = read_page(measured.results)
    assert outside_pictures(reader) == outside_pictures(plain)
    assert len(reader.scripts) == len(plain.scripts)


def test_a_strangers_text_is_no_markup_in_a_picture_either(measured, read_page):
    for position, text in enumerate(HOSTILE):
        measured.comparison(f"compute-{position}", label=text, method_digest=str(position))
        content = json.loads((measured.machine / "ras_kd-s0.json").read_text())
        content |= {"label": text, "position": position, "trial": f"hostile-{position}"}
        (measured.machine / f"hostile-{position}.json").write_text(json.dumps(content))
    written, reader = read_page(measured.results, static=True)
    assert [code for _, code in reader.scripts][1:] == []
    assert {tag for tag, _ in reader.elements} & {"img", "iframe", "b", "foreignobject"} == set()
    assert not [name for _, found in reader.elements for name in found if name.startswith("on")]
    assert not set(written) & set("\u202e\x1b\u2028\u2029")


def test_names_in_interactive_pictures_are_shown_not_obeyed(measured, read_page):
    hostile_campaign(measured, "<a href='javascript:alert(1)'>x</a>")
    text, reader = read_page(measured.results)
    names = {trace.get("name") for item in drawings(reader)["pareto"]
             for choice in item["choices"] for trace in choice["figure"]["data"]}  # fmt: skip
    assert "&lt;a href='javascript:alert(1)'&gt;x&lt;/a&gt;" in names
    inside = text[text.index('id="drawings">') + len('id="drawings">') :]
    assert "<" not in inside[: inside.index("</script>")]


def test_json_in_a_script_cannot_end_it_and_reads_back_as_it_was():
    value = {"</script><!--": ["\u2028", "&amp;", "\ud800", '"']}
    text = script_json(value)
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == value


def test_code_in_a_script_cannot_end_it():
    assert script_code('a = "</SCRIPT>";\r\nb = "<!--";') == (
        'a = "\\x3c/SCRIPT>";\nb = "\\x3c!--";'
    )


def test_a_direction_mark_is_made_visible():
    assert chart_text("a\u202eb<c\udcff") == "a�b&lt;c?"


def test_calibration_is_drawn_where_records_hold_the_bins(measured, read_page, static):
    text, reader = read_page(measured.results, static=static)
    assert "right as often as it is sure" in reader.texts["calibration"]
    assert "no reliability diagram" not in reader.texts["calibration"]
    if static:
        section = text[text.index('id="calibration"') : text.index('id="phases"')]
        assert section.count("<svg") == 1
    else:
        (drawing,) = drawings(reader)["calibration"]
        assert len(drawing["choices"]) == 1


def test_records_without_bins_are_said_to_have_none(measured, read_page, static):
    for path in measured.machine.glob("ras_kd-s*.json"):
        content = json.loads(path.read_text())
        path.write_text(json.dumps(content | {"test_reliability": None}))
    _, reader = read_page(measured.results, static=static)
    assert reader.texts["calibration"].count("no reliability diagram of ras_kd: Records of") == 1


def test_old_records_alone_have_no_diagram(read_page, static):
    _, reader = read_page(PUBLISHED / "zoo-smoke", static=static)
    assert "no reliability diagram of these methods: Records of" in reader.texts["calibration"]
    assert "right as often as it is sure" not in reader.texts["calibration"]


def test_records_alone_make_a_page(measured, read_page, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    for path in measured.machine.glob("*.json"):
        (alone / path.name).write_bytes(path.read_bytes())
    _, reader = read_page(alone)
    assert "ras_kd: accuracy +3.00 pp" in reader.texts["answers"]
    assert reader.texts.keys().isdisjoint({"claims", "controls", "overhead", "blocks"})
    assert "#controls" not in reader.attributes("href")
    assert "ras_kd" in reader.texts["results"]


def test_a_campaign_alone_makes_a_page(measured, read_page, static):
    _, reader = read_page(measured.folder, static=static)
    assert "results" not in reader.texts
    assert "x1.0080" in reader.texts["overhead"]
    assert "ras_kd-s0.json" in reader.texts["records"]  # which the claim on accuracy rests on


def test_nothing_to_report_is_refused(tmp_path):
    with pytest.raises(RequestError, match="no Records there"):
        page([tmp_path], False, [])


def test_tables_that_cannot_be_made_are_said_first(measured):
    measured.trial("label_smoothing", 0, epochs=13.0)
    refused = []
    text = page([measured.results], False, refused)
    assert len(refused) == 1
    assert "the budget is in epochs" in text[: text.index('id="answers"')]


@pytest.mark.parametrize(("static", "most"), [(False, 6_000_000), (True, 1_000_000)])
def test_the_published_results_make_a_page_of_the_size_that_was_promised(static, most):
    assert 50_000 < len(page([PUBLISHED], static, []).encode()) < most
