"""Names of files: which are pictures, which are hidden, and how many of what there are."""

import posixpath
from collections import Counter
from collections.abc import Iterator, Sequence

SUFFIXES = {".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm",
            ".pgm", ".pbm", ".pnm"}  # fmt: skip
TEXTS = {".txt", ".csv", ".tsv", ".json", ".xml", ".md", ".yaml", ".yml", ".db", ".ini"}
SHOWN = 5  # names that a message lists


def is_image(name: str) -> bool:
    """Whether a path in an archive is that of a picture."""
    # text, not PurePosixPath, which takes seconds for a hundred thousand names
    return _suffix(name) in SUFFIXES and not _hidden(name)


def passed_over(files: Sequence[str]) -> Iterator[str]:
    """Yield a sentence about files that may be pictures in a format that is not read."""
    other = [n for n in files if not _hidden(n) and _suffix(n) not in SUFFIXES | TEXTS]
    if other:
        yield f"files passed over, of formats that are not read: {counted(other)}"


def counted(files: Sequence[str]) -> str:
    """Return `32 .heic, 1 without a suffix`."""
    found = Counter(_suffix(name) or "without a suffix" for name in files)
    return ", ".join(f"{count} {suffix}" for suffix, count in found.most_common(SHOWN))


def listed(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _suffix(name: str) -> str:
    return posixpath.splitext(name)[1].lower()


def _hidden(name: str) -> bool:
    parts = name.split("/")
    return any(p.startswith((".", "__MACOSX")) and p != ".." for p in parts)
