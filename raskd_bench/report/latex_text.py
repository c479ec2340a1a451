"""Text and numbers as LaTeX prints them: ASCII only, nothing in a text means anything to TeX."""

import math
import unicodedata

from raskd_bench.report.chance import Chance
from raskd_bench.report.grid import plain
from raskd_bench.report.spreads import bound, known, symmetric
from raskd_bench.stats import Interval

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\symbol{34}",
    "`": r"\symbol{96}",
    "[": "{[}", "]": "{]}", "*": "{*}",  # which \\ would take for its own
}  # fmt: skip
SMALL = ("alpha", "beta", "gamma", "delta", "varepsilon", "zeta", "eta", "theta", "iota", "kappa",
         "lambda", "mu", "nu", "xi", "mathrm{o}", "pi", "rho", "varsigma", "sigma", "tau",
         "upsilon", "varphi", "chi", "psi", "omega")  # fmt: skip
LARGE = {0x393: "Gamma", 0x394: "Delta", 0x398: "Theta", 0x39B: "Lambda", 0x39E: "Xi",
         0x3A0: "Pi", 0x3A3: "Sigma", 0x3A6: "Phi", 0x3A8: "Psi", 0x3A9: "Omega"}  # fmt: skip
SYMBOLS = (
    {chr(0x3B1 + place): rf"\{name}" for place, name in enumerate(SMALL)}
    | {chr(code): rf"\{name}" for code, name in LARGE.items()}
    | {"±": r"\pm", "\u00d7": r"\times", "·": r"\cdot", "≤": r"\leq", "≥": r"\geq", "≠": r"\neq",
       "≈": r"\approx", "\u2212": "-", "→": r"\rightarrow", "←": r"\leftarrow", "∞": r"\infty",
       "\u2206": r"\Delta"}
)  # fmt: skip
DASH = "\ue000"  # of a private area, until hyphens are told from dashes
WORDS = {"\u2013": DASH, "\u2014": f"{DASH}-", "…": r"\ldots{}", "\u2018": "'", "\u2019": "'",
         "\u201c": "''", "\u201d": "''", "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}",
         "°": r"\textdegree{}", "æ": r"\ae{}", "Æ": r"\AE{}", "ł": r"\l{}", "Ł": r"\L{}",
         "\u00a0": " ", "\ufffd": "{[}?{]}"}  # fmt: skip
ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=",
           "\u0306": "u", "\u0307": ".", "\u0308": '"', "\u030a": "r", "\u030b": "H",
           "\u030c": "v", "\u0327": "c"}  # fmt: skip
DOTLESS = {"i": r"\i", "j": r"\j"}
LARGEST_LEADING = 2  # an uncertainty that begins with 1 or 2 keeps two digits, others one


def escaped(text: str) -> str:
    """Return a text as LaTeX prints it, on one line.

    Accents and the usual symbols are written as commands; what has none is shown by its number,
    as are characters that would steer a terminal or turn the text.
    """
    written = "".join(map(_character, plain(text)))
    while "--" in written:  # two hyphens would be drawn as a dash
        written = written.replace("--", "-{}-")
    return written.replace(DASH, "--")


def number(interval: Interval | None, scale: float = 1.0, most: int = 2, sign: bool = False) -> str:
    """Return `78.3(4)` as siunitx reads it; empty where there is no number.

    Args:
        interval: its half-width decides the digits: one that counts, two if it begins with 1 or 2;
            one too small for the last digit is left out.
        scale: of both.
        most: decimals at most; so many, without brackets, where there is no interval.
        sign: write + too.
    """
    if interval is None or interval.num_values == 0 or not math.isfinite(interval.mean):
        return ""
    half = interval.half * scale
    places = digits_of(half, most)
    mean = f"{interval.mean * scale:{'+' if sign else ''}z.{places}f}"
    digits = round(half * 10**places) if math.isfinite(half) else 0
    return f"{mean}({digits})" if digits else mean


def score(found: Chance | None, scale: float = 1.0, most: int = 2, sign: bool = False) -> str:
    """Return a score as siunitx reads it; as text with both bounds where one is the metric's.

    Args:
        found: its interval is that over all sources of chance that are known.
        scale: as for `number`.
        most: likewise.
        sign: likewise.
    """
    if found is None or not math.isfinite(found.mean):
        return ""
    below, above = found.mean - found.low, found.high - found.mean
    half = max(below, above) if known(found.low, found.high) else math.nan
    if math.isnan(half) or symmetric(below, above):
        return number(Interval(found.mean, half, found.num_seeds), scale, most, sign)
    places = digits_of(half * scale, most)
    mean, low, high = (bound(value * scale, places, "+" if sign else "")
                       for value in (found.mean, found.low, found.high))  # fmt: skip
    return f"{{{mean} ({low} to {high})}}"


def digits_of(half: float, most: int) -> int:
    """Return how many decimals an uncertainty supports, never more than `most`."""
    if not math.isfinite(half) or half <= 0:
        return most
    mantissa, _, exponent = f"{half:.3e}".partition("e")
    kept = 1 if int(mantissa[0]) <= LARGEST_LEADING else 0
    return max(0, min(most, kept - int(exponent)))


def column(cells: list[str]) -> str:
    """Return the siunitx column that numbers fit into, those in braces left out of account."""
    numbers = [cell for cell in cells if cell and not cell.startswith("{")]
    if not numbers:
        return "c"
    bare = [cell.removeprefix(r"\bfseries ") for cell in numbers]
    signed = "+" if any(cell[0] in "+-" for cell in bare) else ""
    heads = [cell.lstrip("+-").partition("(") for cell in bare]
    whole = max(len(head.partition(".")[0]) for head, _, _ in heads)
    places = max(len(head.partition(".")[2]) for head, _, _ in heads)
    spread = max(len(tail.removesuffix(")")) for _, _, tail in heads)
    width = f"{signed}{whole}.{places}" + (f"({spread})" if spread else "")
    return f"S[table-format={width}]"


def _character(character: str) -> str:
    if character in SPECIAL:
        return SPECIAL[character]
    if " " <= character <= "~":
        return character
    normal = unicodedata.normalize("NFKC", character)
    known = SYMBOLS.get(character) or SYMBOLS.get(normal)  # the micro sign is another mu
    if known:
        return rf"\ensuremath{{{known}}}"
    if character in WORDS:
        return WORDS[character]
    return _accented(character) or f"{{[}}U+{ord(character):04X}{{]}}"


def _accented(character: str) -> str:
    """Return a letter with its accent as a command; empty if it is not made of the two."""
    parts = unicodedata.normalize("NFD", character)
    if len(parts) != 2 or not parts[0].isascii() or not parts[0].isalpha():
        return ""
    accent = ACCENTS.get(parts[1])
    return rf"\{accent}{{{DOTLESS.get(parts[0], parts[0])}}}" if accent else ""
