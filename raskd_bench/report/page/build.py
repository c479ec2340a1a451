"""From places to one HTML file: texts escaped, scripts named by their hashes, nothing fetched."""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raskd_bench.report.page.appendix import BLOCKS_HEAD, RECORD_HEAD, page_command
from raskd_bench.report.page.charts import Drawing
from raskd_bench.report.page.content import content, read
from raskd_bench.report.page.figures import figures
from raskd_bench.report.page.parts import Page
from raskd_bench.report.page.safe import clean, policy, script_code, script_json

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE, MACROS = "template.html.j2", "macros.html.j2"
SECTIONS = (
    ("answers", "Answers"), ("results", "Results"), ("overhead", "Overhead"),
    ("controls", "Controls"), ("curves", "Learning curves"), ("ledger", "Budget"),
    ("calibration", "Calibration"), ("phases", "Memory and phases"),
    ("environment", "Environment"), ("reproduce", "Reproduce"), ("blocks", "Blocks"),
    ("records", "Records"),
)  # fmt: skip
CLASSES = {"supported": "good", "holds": "good", "refuted": "bad", "failed": "bad",
           "inconclusive": "open", "invalid": "odd", "faster-than-margin": "fast"}  # fmt: skip


def page(places: Sequence[Path], static: bool, refused: list[str]) -> str:
    """Return the report of what lies in some places as one HTML file.

    Args:
        places: folders and files.
        static: pictures are drawn now, as SVG, instead of by the reader's browser.
        refused: is given the reason of each table of trials that cannot be made.

    Raises:
        RequestError: a place does not exist, or holds neither Records nor a campaign.
        RecordError: a Record cannot be read.
    """
    made = content(read(places, refused))
    return rendered(made, static, page_command(places, static))


def rendered(made: Page, static: bool, command: str) -> str:
    """Return a page as HTML.

    Args:
        made: what it shows.
        static: as for `page`.
        command: that makes it again.
    """
    from markupsafe import Markup

    pictures, left_out = _pictures(made.drawings) if static else (None, "")
    scripts = [] if static else [_plotly(), _file("charts.js")]
    scripts = [script_code(code) for code in (*scripts, _file("table.js"))]
    return _environment().get_template(TEMPLATE).render(
        page=made, command=command, policy=policy(scripts), sections=_sections(made),
        style=Markup(_file("style.css")), scripts=list(map(Markup, scripts)),
        drawings=Markup(script_json({} if static else figures(made.drawings))),
        pictures=pictures, left_out=left_out,
        record_head=RECORD_HEAD, blocks_head=BLOCKS_HEAD,
        verdict_class=lambda answer: CLASSES.get(answer, "none"),
    )  # fmt: skip


def _sections(made: Page) -> list[tuple[str, str]]:
    """Return anchor and name of each section that has something to show."""
    sheets, drawn = made.sheets, made.drawings
    filled = {
        "answers": made.answers or made.claims or drawn["pareto"], "results": sheets["main"],
        "overhead": sheets["overhead"], "controls": made.controls,
        "curves": drawn["curves"] or sheets["equal_seconds"], "ledger": sheets["ledger"],
        "calibration": sheets["calibration"], "phases": sheets["phases"] or drawn["phases"],
        "environment": made.machines, "reproduce": True, "blocks": made.block_files,
        "records": made.groups,
    }  # fmt: skip
    return [(anchor, name) for anchor, name in SECTIONS if filled[anchor]]


def _pictures(drawings: Mapping[str, Sequence[Drawing]]) -> tuple[dict[str, Any], str]:
    """Return by section the titles and pictures, and what is said of those left out."""
    from markupsafe import Markup

    from raskd_bench.report.page.static import pictures

    drawn, left_out = pictures(drawings)
    marked = {section: [(title, list(map(Markup, items))) for title, items in found]
              for section, found in drawn.items()}  # fmt: skip
    return marked, left_out


def _environment() -> "Environment":
    """Return what renders: every text is escaped and on one line, an undefined name an error."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    return Environment(
        loader=DictLoader({name: _file(name) for name in (TEMPLATE, MACROS)}),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        finalize=_harmless,
    )  # fmt: skip


def _harmless(value: Any) -> Any:
    """Return a text without what would turn or hide it; markup of our own as it is."""
    return clean(value) if type(value) is str else value


def _plotly() -> str:
    """Return plotly.js, which draws in the reader's browser."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
