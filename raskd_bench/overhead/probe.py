"""A minute of A/A comparisons: what this host's noise lets a campaign decide."""

import math
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raskd_bench.bench import Bench
from raskd_bench.evidence import blocks
from raskd_bench.evidence.blocks import FEWEST_PAIRS as LEAST
from raskd_bench.evidence.blocks import BlockFile, Comparison, Header, Rules
from raskd_bench.evidence.estimate import log_ratios
from raskd_bench.overhead.campaign import new_engine
from raskd_bench.overhead.engine import MAX_PAIRS, MIN_PAIRS
from raskd_bench.overhead.tasks import Task, tasks
from raskd_bench.spec import CellPlan
from raskd_bench.stats import required_count, smallest_margin, spend, trimmed_standard_error

PROBE_RESTARTS = 3
PROBE_SECONDS = 60.0
FEWEST = 5  # pairs of a restart: a probe of slow steps would last for minutes


@dataclass(frozen=True)
class Need:
    """What a margin asks of a host.

    Attributes:
        margin: a fraction.
        restarts: with as many pairs as the suite's time allows; None: no number will do.
        seconds: that they take for one comparison.
        possible: within the suite's looks.
    """

    margin: float
    restarts: int | None
    seconds: float | None
    possible: bool


@dataclass(frozen=True)
class Probed:
    """What a minute of A/A has shown of one cell.

    Attributes:
        cell: axis -> value.
        mode: in which it was looked at.
        step_seconds: of the baseline.
        pair_sd: of the log ratio of one pair of blocks, 10 % trimmed.
        restart_sd: expected of the mean of one restart of the campaign.
        pairs: that fit into such a restart.
        restart_seconds: that it takes.
        resolution: smallest margin that the last look decides, a fraction.
        needs: of each margin.
        comparisons: of the campaign in this cell.
        disturbed: pairs of the probe that other work spoilt, of how many.
    """

    cell: dict[str, Any]
    mode: str
    step_seconds: float
    pair_sd: float
    restart_sd: float
    pairs: int
    restart_seconds: float
    resolution: float
    needs: tuple[Need, ...]
    comparisons: int
    disturbed: tuple[int, int]


class ProbeShow:
    """Looks on a probe and says nothing."""

    def pairs(self, header: Header, restart: int, done: int, planned: int) -> None:
        """A pair was timed."""

    def look(self, header: Header, restarts: int, found: Any) -> None:
        """The evidence was looked at."""

    def too_long(self, header: Header, least_seconds: float, seconds: float) -> None:
        """A probe goes on for as long as it takes."""


def probe(
    bench: Bench, cells: list[CellPlan], seconds: float = PROBE_SECONDS
) -> list[Probed | str]:
    """Return what each cell's A/A shows, or why it could not be measured."""
    overhead = bench.suite.overhead
    assert overhead is not None, "asked of a suite that has a campaign"
    found: list[Probed | str] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, cell in enumerate(cells):
            wanted = list(tasks(bench, overhead, cell, "probe"))
            if not wanted:
                continue
            path = Path(folder) / f"{number}.jsonl"
            known = _measure(bench, wanted[0], path, seconds / len(cells))
            if known.failures:
                failure = known.failures[0]
                found.append(f"{cell.cell_names['student']}: {failure['status']}: "
                             f"{failure['error']}")  # fmt: skip
            else:
                margins = {m for task in wanted for m in task.header.rules.margins}
                found.append(_probed(wanted[0].header, known, sorted(margins), len(wanted)))
    return found


def _measure(bench: Bench, task: Task, path: Path, seconds: float) -> Comparison:
    """Time an A/A comparison for a while, into a file that is not kept."""
    rules = task.header.rules.model_copy(
        update={"looks": (PROBE_RESTARTS,), "pairs": None, "max_seconds": seconds}
    )
    header = task.header.model_copy(update={"rules": rules})
    file = BlockFile(path)
    try:
        file.add("comparison", header.model_dump(mode="json", by_alias=True))
        shown = Task(header, path, task.baseline, task.other)
        new_engine(bench, shown, file, ProbeShow(), fewest_pairs=FEWEST).run()
    finally:
        file.close()
    return blocks.read(path)


def _probed(
    header: Header, known: Comparison, margins: list[float], comparisons: int
) -> Probed | str:
    """Return what the probe says of the campaign's restarts, which may be longer than its own."""
    rules = header.rules
    ratios = [values for r in known.restarts if len(values := log_ratios(r)) >= LEAST]
    whole = sum(sum(1 for _ in restart.whole_pairs()) for restart in known.restarts)
    spoilt = whole - sum(map(len, ratios))
    if len(ratios) < 2:
        return f"{header.cell['student']}: {spoilt} of {whole} pairs were disturbed by other work"
    pair_sd = statistics.fmean(trimmed_standard_error(v) * len(v) ** 0.5 for v in ratios)
    first = known.restarts[0]
    step = statistics.median(w["step_seconds"] for w in first.warm_up.values())
    pair_seconds = 2 * step * first.block_steps
    room = rules.max_seconds / rules.looks[-1] - first.start_seconds
    pairs = rules.pairs or max(MIN_PAIRS, min(MAX_PAIRS, int(room / pair_seconds)))
    within = pair_sd / pairs**0.5
    between = _beyond_chance([statistics.fmean(v) for v in ratios], pair_sd, ratios)
    restart_sd = math.hypot(within, between)
    seconds = first.start_seconds + pairs * pair_seconds
    alpha = spend(rules.alpha, rules.looks)[-1]
    # of one restart alone the pairs are the sample
    sample = (pair_sd, pairs) if rules.looks == (1,) else (restart_sd, rules.looks[-1])
    resolution = smallest_margin(*sample, alpha, rules.power)
    needs = tuple(
        Need(m, 1, seconds, True) if rules.looks == (1,) and m >= resolution
        else _need(m, restart_sd, alpha, rules, seconds)
        for m in margins
    )  # fmt: skip
    return Probed(header.cell, header.mode, step, pair_sd, restart_sd, pairs, seconds, resolution,
                  needs, comparisons, (spoilt, whole))  # fmt: skip


def _beyond_chance(means: list[float], pair_sd: float, ratios: list[list[float]]) -> float:
    """Return how much restarts differ beyond what their pairs explain, as a standard deviation."""
    expected = statistics.fmean(pair_sd**2 / len(values) for values in ratios)
    excess: float = statistics.variance(means) - expected
    return math.sqrt(max(0.0, excess))


def _need(margin: float, sd: float, alpha: float, rules: Rules, seconds: float) -> Need:
    restarts = required_count(sd, margin, alpha, rules.power) if sd > 0 else rules.looks[0]
    possible = restarts is not None and restarts <= rules.looks[-1]
    return Need(margin, restarts, restarts * seconds if restarts else None, possible)
