"""What suites contain, kept between calls: checking ten takes longer than all else of `list`.

A summary is found by the bytes of the suite, and all are forgotten when a source file of this
package has changed. A suite that names files or other libraries' models is not kept: its text
alone does not say whether it is right.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from raskd_bench.catalog import PACKAGE
from raskd_bench.home import data_home

ELSEWHERE = (b".py:", b"timm/")  # in a suite that depends on more than its text
MOST = 1000  # kept; an edited suite leaves its old summary behind

Summary = tuple[str, str]
"""Name of a suite, and what it runs in words."""


class Summaries:
    """Those of the suites that were right when they were last looked at."""

    def __init__(self) -> None:
        self._file = data_home() / "suites.json"
        self._stamp = _stamp()
        self._rows = _rows(self._file, self._stamp)
        self._changed = False

    def find(self, suite: bytes) -> Summary | None:
        """Return the summary of a suite's text, None if it must be read."""
        return self._rows.get(_key(suite))

    def keep(self, suite: bytes, summary: Summary) -> None:
        """Remember the summary of a suite without faults."""
        if not any(mark in suite for mark in ELSEWHERE):
            self._rows[_key(suite)] = summary
            self._changed = True

    def save(self) -> None:
        """Write what is new; where that is not allowed, the suites are read again next time."""
        if self._changed:
            from raskd_bench.files import write_text

            rows = dict(list(self._rows.items())[-MOST:])
            with suppress(OSError):
                write_text(json.dumps({"stamp": self._stamp, "rows": rows}), self._file)


def _key(suite: bytes) -> str:
    return hashlib.sha256(suite).hexdigest()


def _stamp() -> str:
    """Return what changes whenever a source file of this package does."""
    found = hashlib.sha256()
    for folder, folders, names in os.walk(PACKAGE):
        folders.sort()
        for name in sorted(names):
            if name.endswith((".py", ".json", ".yaml")):
                status = (Path(folder) / name).stat()
                found.update(f"{folder}/{name} {status.st_mtime_ns} {status.st_size}\n".encode())
    return found.hexdigest()


def _rows(file: Path, stamp: str) -> dict[str, Summary]:
    """Return the rows of a file; none of one that is missing, damaged or of other sources."""
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        rows = content["rows"] if content["stamp"] == stamp else {}
        return {str(key): (str(name), str(text)) for key, (name, text) in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
