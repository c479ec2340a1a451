"""Find and read Records."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from raskd_bench import record
from raskd_bench.errors import RecordError, RequestError
from raskd_bench.evidence.places import FOLDER, PLANS
from raskd_bench.fingerprint.baseline import is_baseline
from raskd_bench.record import Record

# read if asked for themselves; `published` holds what others measured, on machines of theirs
SKIPPED_FOLDERS = {"superseded", "teachers", "published", "benchmarks", FOLDER}
REMEDY = "run a suite first: raskd-bench run SUITE"


def load_records(places: Sequence[Path]) -> list[Record]:
    """Return the Records in files and folders, each once, those that were superseded left out.

    So are teachers' and published ones; a folder of them is read if it is itself asked for.

    Raises:
        RequestError: a place does not exist, or there is no Record in any.
        RecordError: one cannot be read.
    """
    found = find_records(places)
    if not found:
        raise RequestError(f"{', '.join(map(str, places))}: no Records there; {REMEDY}")
    return found


def find_records(places: Sequence[Path]) -> list[Record]:
    """Return the same Records, or none: a suite may have a campaign alone.

    Raises:
        RequestError: a place does not exist.
        RecordError: a Record cannot be read.
    """
    return list(find_record_files(places).values())


def find_record_files(places: Sequence[Path]) -> dict[Path, Record]:
    """Return the same Records by their files.

    Raises:
        RequestError: a place does not exist.
        RecordError: a Record cannot be read.
    """
    files: dict[Path, Path] = {}
    for place in places:
        if not place.exists():
            raise RequestError(f"{place}: no such folder; {REMEDY}")
        if campaign_folder(place) is None:
            found = [place] if place.is_file() else _below(place)
            for path, real in zip(found, resolved(found), strict=True):
                files.setdefault(real, path)
    return {path: _read(path) for path in files.values()}


def resolved(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield each file's absolute path without links; each folder is looked at once."""
    folders: dict[Path, Path] = {}
    for path in paths:
        folder = path.parent
        if folder not in folders:
            folders[folder] = folder.resolve()
        yield path.resolve() if path.is_symlink() else folders[folder] / path.name


def campaign_folder(place: Path) -> Path | None:
    """Return the campaign's folder that a place is, or lies in; None outside of any."""
    around = (folder for folder in (place, *place.parents) if folder.name == FOLDER)
    return next((folder for folder in around if holds_campaign(folder)), None)


def holds_campaign(folder: Path) -> bool:
    """Whether a folder has a registered plan or files of blocks in it."""
    return folder.is_dir() and (
        any(folder.glob(PLANS)) or any(folder.glob("*/*.jsonl"))
    )  # fmt: skip


def _read(path: Path) -> Record:
    try:
        return record.read(path)
    except RecordError as error:
        raise RecordError(f"{error}; move it away to report the others") from error


def _below(folder: Path) -> list[Path]:
    found = []
    for around, folders, names in os.walk(folder):
        folders[:] = (name for name in folders if name not in SKIPPED_FOLDERS)
        files = (Path(around, name) for name in names
                 if name.endswith(".json") and not name.startswith("."))  # fmt: skip
        found += [path for path in files if not is_baseline(path)]
    return sorted(found)
