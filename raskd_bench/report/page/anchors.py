"""Where on the page each Record, each row's Records and each file of blocks is."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from raskd_bench.record import Record
from raskd_bench.report.collect import resolved
from raskd_bench.report.tables import Row, Table


class Anchors:
    """Names of places on one page; made of counters only, never of what a file says.

    Args:
        records: by their files.
        tables: whose rows have groups of Records.
        block_files: of the campaigns.
    """

    def __init__(
        self, records: Mapping[Path, Record], tables: Iterable[Table], block_files: Iterable[Path]
    ) -> None:
        rows = [row for table in tables for row in table.rows]
        self._records = {id(record): f"record-{k}" for k, record in enumerate(records.values(), 1)}
        self._rows = {id(row): f"row-{k}" for k, row in enumerate(rows, 1)}
        places = (self._records[id(record)] for record in records.values())
        self._files = dict(zip(resolved(records), places, strict=True))
        for number, path in enumerate(block_files, 1):
            self._files[path.resolve()] = f"blocks-{number}"
        self._kept = (records, rows)  # identities hold as long as what they are of

    def record(self, record: Record) -> str:
        """Return the place of a Record."""
        return self._records[id(record)]

    def row(self, row: Row) -> str:
        """Return the place of a row's Records."""
        return self._rows[id(row)]

    def file(self, path: Path) -> str | None:
        """Return the place of a file; None if the page does not list it."""
        return self._files.get(path.resolve())
