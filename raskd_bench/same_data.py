"""Whether Records are of the same data: the key beside a trial's id, which the suite alone gives.

See docs/decisions/0011-identity-of-data.md.
"""

from collections.abc import Sequence

from raskd_bench.record import Record

# Data sets whose content follows from their name: shipped inside a library, made from a seed, or
# held to a checksum when they are read. Records of versions that kept no digest are of these, too.
FIXED = frozenset({"digits", "synthetic", "cifar10", "cifar100"})


def digest_in(record: Record) -> str | None:
    """Return the digest of a Record's data; None where it was not recorded."""
    return record.data.digest if record.data is not None else None


def is_fixed(record: Record) -> bool:
    """Whether the content of a Record's data follows from the data set's name."""
    return record.conditions["data"]["name"] in FIXED


def data_keys(records: Sequence[Record]) -> list[str | None]:
    """Return of each Record what others must have, too, to be compared with it: a digest, or None.

    One without a digest is like the others of its cell if the data set's content is fixed.
    """
    known: dict[str, set[str]] = {}
    for record in records:
        if digest := digest_in(record):
            known.setdefault(record.cell, set()).add(digest)

    def key(record: Record) -> str | None:
        found = known.get(record.cell, set())
        alike = next(iter(found)) if len(found) == 1 and is_fixed(record) else None
        return digest_in(record) or alike

    return [key(record) for record in records]
