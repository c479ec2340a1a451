"""Outcomes of test examples, packed into a Record and unpacked."""

import base64
import binascii
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from raskd_bench.record_fields import Outcomes


def packed(split: str, hits: Mapping[str, npt.NDArray[np.bool_]]) -> Outcomes:
    """Return a test split's outcomes as a Record holds them.

    Args:
        split: digest of its names and labels.
        hits: by field of the Record, [N] in the order of the split.
    """
    count = len(next(iter(hits.values())))
    bits = {
        name: base64.b64encode(np.packbits(values).tobytes()).decode()
        for name, values in hits.items()
    }
    return Outcomes(split=split, count=count, hits=bits)


def unpacked(outcomes: Outcomes, field: str) -> npt.NDArray[np.float64] | None:
    """Return [N] numbers whose mean is a field of the Record; None if there are none.

    Raises:
        ValueError: they are damaged: not so many as there are examples, or no base64.
    """
    packed_bits, packed_scores = outcomes.hits.get(field), outcomes.scores.get(field)
    if packed_bits is not None:
        bits = np.frombuffer(_decoded(packed_bits), np.uint8)
        if len(bits) != -(-outcomes.count // 8):
            raise ValueError(f"{field}: holds {len(bits)} bytes of bits for {outcomes.count}")
        return np.unpackbits(bits, count=outcomes.count).astype(np.float64)
    if packed_scores is None:
        return None
    content = _decoded(packed_scores)
    if len(content) != 2 * outcomes.count:
        raise ValueError(f"{field}: holds {len(content)} bytes of scores for {outcomes.count}")
    return np.frombuffer(content, "<f2").astype(np.float64)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"is no base64: {error}") from None
