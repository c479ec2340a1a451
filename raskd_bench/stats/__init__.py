"""Intervals, verdicts, looks and power. Pure functions of numbers: no files, no random numbers."""

from raskd_bench.stats.equivalence import (
    Verdict,
    equivalence,
    in_all_cells,
    non_inferiority,
    superiority,
    tost_p_value,
)
from raskd_bench.stats.intervals import (
    Estimate,
    Interval,
    decimals,
    estimate,
    ratio,
    student_t,
    trimmed_estimate,
    trimmed_mean,
    trimmed_standard_error,
)
from raskd_bench.stats.levels import simultaneous_confidence, smallest_level
from raskd_bench.stats.needs import Spread, needed_examples, needed_seeds, resolved, spread_of
from raskd_bench.stats.power import required_count, required_seeds, smallest_margin, tost_power
from raskd_bench.stats.sequential import holm, holm_adjusted, holm_levels, spend
from raskd_bench.stats.two_sources import (
    Components,
    TwoSources,
    components,
    half_width,
    two_sources,
)

__all__ = [
    "Components",
    "Estimate",
    "Interval",
    "Spread",
    "TwoSources",
    "Verdict",
    "components",
    "decimals",
    "equivalence",
    "estimate",
    "half_width",
    "holm",
    "holm_adjusted",
    "holm_levels",
    "in_all_cells",
    "needed_examples",
    "needed_seeds",
    "non_inferiority",
    "ratio",
    "required_count",
    "required_seeds",
    "resolved",
    "simultaneous_confidence",
    "smallest_level",
    "smallest_margin",
    "spend",
    "spread_of",
    "student_t",
    "superiority",
    "tost_p_value",
    "tost_power",
    "trimmed_estimate",
    "trimmed_mean",
    "trimmed_standard_error",
    "two_sources",
]
