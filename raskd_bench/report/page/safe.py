"""What keeps texts of a stranger's Records from becoming markup or script."""

import base64
import hashlib
import html
import json
import re
from typing import Any

from raskd_bench.report.grid import plain

LONGEST_LABEL = 40  # characters of a name inside a picture
IN_A_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026",
               "\u2028": "\\u2028", "\u2029": "\\u2029"}  # fmt: skip
SEPARATORS = {0x2028: " ", 0x2029: " "}  # of lines and paragraphs
POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)


def clean(text: str) -> str:
    """Return a text on one line, with what would turn or hide it made visible."""
    if text.isprintable():  # almost all are
        return text
    return plain(text.translate(SEPARATORS)).encode("utf-8", "replace").decode("utf-8")


def short(text: str) -> str:
    """Return a name as a picture has room for it."""
    text = clean(text)
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"


def chart_text(text: str) -> str:
    """Return a text as plotly shows it: tags of its own kind of markup are shown, not obeyed."""
    return html.escape(clean(text), quote=False)


def chart_label(text: str) -> str:
    """Return a name as plotly shows it in a legend or beside an axis."""
    return html.escape(short(text), quote=False)


def script_json(value: Any) -> str:
    """Return JSON that can stand inside a script element, whatever texts it holds."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character, escape in IN_A_SCRIPT.items():
        text = text.replace(character, escape)
    return text


def script_code(code: str) -> str:
    """Return code as a browser reads it back from a script element, to the last byte."""
    lines = code.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"<(?=/script|!--)", r"\\x3c", lines, flags=re.IGNORECASE)


def policy(scripts: list[str]) -> str:
    """Return a content security policy: these scripts run, no other, and nothing is fetched."""
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    hashes = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
    return POLICY.format(scripts=" ".join(hashes) or "'none'")
