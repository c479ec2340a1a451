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
from raskd_bench.stats.power import required_count, required_seeds, smallest_margin, tost_power
from raskd_bench.stats.sequential import holm, holm_adjusted, spend
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
    "TwoSources",
    "Verdict",
    "components",
    "decimals",
    "equivalence",
    "estimate",
    "half_width",
    "holm",
    "holm_adjusted",
    "in_all_cells",
    "non_inferiority",
    "ratio",
    "required_count",
    "required_seeds",
    "smallest_margin",
    "spend",
    "student_t",
    "superiority",
    "tost_p_value",
    "tost_power",
    "trimmed_estimate",
    "trimmed_mean",
    "trimmed_standard_error",
    "two_sources",
]
