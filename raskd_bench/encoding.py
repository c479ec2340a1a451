"""Text for a terminal or log that has no characters but ASCII, or some of the others."""

import codecs
import io
import sys

# what our own output is written with, and what people paste into names
SYMBOLS = {"±": "+-", "·": ".", "°": " deg", "…": "...", "→": "->", "←": "<-", "≤": "<=", "≥": ">=",
           "≈": "~", "≠": "!=", "∞": "inf", "�": "?", "“": '"', "”": '"', "—": "-",
           "\N{MULTIPLICATION SIGN}": "x", "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-",
           "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
           "\N{NO-BREAK SPACE}": " "}  # fmt: skip
LINES = {"─": "-", "━": "-", "═": "-", "╌": "-", "│": "|", "┃": "|", "║": "|"}
BOXES, BLOCKS = range(0x2500, 0x2580), range(0x2580, 0x25A0)
HANDLER = "raskd-bench-ascii"


def in_ascii(text: str) -> str:
    """Return the text with symbols and lines as ASCII writes them; letters stay what they are."""
    return text if text.isascii() else "".join(map(_known, text))


def _known(character: str) -> str:
    if character in SYMBOLS:
        return SYMBOLS[character]
    if ord(character) in BOXES:
        return LINES.get(character, "+")
    return "#" if ord(character) in BLOCKS else character


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """Return what is written instead of what an encoding lacks: our symbol, or its number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = in_ascii(error.object[error.start : error.end])
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end


def write_anything() -> None:
    """Let standard output and error take any text, whatever their encoding."""
    codecs.register_error(HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)
