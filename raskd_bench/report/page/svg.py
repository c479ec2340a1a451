"""From matplotlib's SVG file to a small element for the middle of a page."""

import re
from collections.abc import Mapping

TAG = re.compile(r"<[^>]*>")
REFERENCE = re.compile(r'(?:href="#|url\(#)([^")]+)')
LONG_NUMBER = re.compile(r"(\.\d\d)\d+")
NO_ROTATION = re.compile(r' transform="rotate\(-0 [^"]*\)"')
FONT = re.compile(r"font-family: [^;\"]*;? ?")  # the page's own is inherited
WITHOUT_MEANING = re.compile(r"<metadata>.*?</metadata>|(?<=>)\s+(?=<)", re.DOTALL)


def inline(text: str, name: str, colours: Mapping[str, str]) -> str:
    """Return an SVG element: no prolog, identifiers of its own, two decimals.

    Args:
        text: a whole SVG file.
        name: that tells its identifiers from those of other pictures on the page.
        colours: what stands for each placeholder.
    """
    element = WITHOUT_MEANING.sub("", text[text.index("<svg") :])
    used = {found for tag in TAG.findall(element) for found in REFERENCE.findall(tag)}
    return TAG.sub(lambda tag: _light(tag[0], name, used, colours), element).strip()


def _light(tag: str, name: str, used: set[str], colours: Mapping[str, str]) -> str:
    for placeholder, colour in colours.items():
        tag = tag.replace(placeholder, colour)
    tag = FONT.sub("", NO_ROTATION.sub("", LONG_NUMBER.sub(r"\1", tag)))
    tag = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", tag)
    return re.sub(r' id="([^"]*)"', lambda found: _own(found[1], name, used), tag)


def _own(identifier: str, name: str, used: set[str]) -> str:
    """Return an identifier's attribute, or nothing where nobody refers to it."""
    return f' id="{name}-{identifier}"' if identifier in used else ""
