"""The paired engine: restarts of two arms, randomised pairs of blocks, looks at the evidence.

Nothing is decided here but when to stop: blocks go to the comparison's file, and each look reads
that file, as every later report does.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np

from raskd_bench.disturbance import HostWatch
from raskd_bench.evidence import blocks
from raskd_bench.evidence.blocks import ARMS, ArmName, Block, BlockFile, Comparison, Header, Restart
from raskd_bench.evidence.estimate import decide, latest
from raskd_bench.overhead.arms import Arm, ArmFailed
from raskd_bench.overhead.warm_up import MAX_SECONDS as MAX_WARM_UP
from raskd_bench.overhead.warm_up import Warmth, warm_up
from raskd_bench.stats import Estimate, Verdict

MIN_PAIRS = 10  # of a restart: fewer cannot be trimmed
MAX_PAIRS = 1000
WARM_UP_SHARE = 0.1  # of a restart's time, where only the first look fits, for each arm
SLACK = 1.1  # by how much a comparison may outlast its time rather than miss a look

Arms = Mapping[ArmName, Arm]


class Show(Protocol):
    """Who looks on while a comparison runs."""

    def pairs(self, header: Header, restart: int, done: int, planned: int) -> None:
        """A pair of blocks was timed."""

    def look(self, header: Header, restarts: int, found: Estimate) -> None:
        """The evidence was looked at."""

    def too_long(self, header: Header, least_seconds: float, seconds: float) -> None:
        """A comparison is going to take longer than its time: its first look is reached."""


@dataclass
class Engine:
    """Times one comparison.

    Args:
        header: what is compared.
        file: that takes the lines.
        path: of that file.
        start: starts the two arms of a restart.
        watch: of the host.
        block_seconds: smallest length of a block.
        show: who looks on.
        seconds: that it may take from now on; None: what its rules leave.
        reserve_starts: how often arms are started once more after the last pair, in its time.
        fewest_pairs: of a restart, whatever the time.
        now: seconds, monotonic; injected by tests.
        share: of its alpha at which it must be decided to end before its last look.
    """

    header: Header
    file: BlockFile
    path: Path
    start: Callable[[], AbstractContextManager[Arms]]
    watch: HostWatch
    block_seconds: float
    show: Show
    seconds: float | None = None
    reserve_starts: int = 0
    fewest_pairs: int = MIN_PAIRS
    now: Callable[[], float] = perf_counter
    share: float = 1.0

    def run(self) -> str:
        """Time restarts until every margin is decided or the time is up; return why it ended."""
        known = blocks.read(self.path)
        first = next((r for r in known.restarts if r.closed), None)
        number = max((restart.number for restart in known.restarts), default=-1) + 1
        begin = self.now() - _spent(known)
        self._total = self.header.rules.max_seconds
        if self.seconds is not None:
            self._total = min(self._total, self.seconds + _spent(known))
        self._deadline = begin + SLACK * self._total
        ending = self._ending(known, begin)
        while ending is None:
            try:
                first = self._restart(number, first)
            except ArmFailed as failure:
                self.file.add(
                    "failure",
                    {
                        "restart": number,
                        "arm": failure.arm,
                        "status": failure.status,
                        "error": failure.error,
                    },
                )
                return "failure"
            number += 1
            ending = self._ending(blocks.read(self.path), begin)
        return ending

    def _ending(self, known: Comparison, begin: float) -> str | None:
        """Return why nothing more is timed, or None."""
        rules = self.header.rules
        done = len(known.counted)
        if done not in rules.looks and done < rules.looks[-1]:
            late = done > rules.looks[0] and self.now() > self._deadline
            return "time" if late else None
        self.show.look(self.header, done, latest(known))
        # a spike is to be found at its size; only the A/A comparison sets the noise floor
        if done >= rules.looks[-1] or self.header.role == "spike":
            return "last look"
        verdicts = [decide(known, margin, share=self.share).verdict for margin in rules.margins]
        if self.header.role == "method" and Verdict.inconclusive not in verdicts:
            return "decided"
        following = rules.looks[rules.looks.index(done) + 1]
        elapsed = self.now() - begin
        reserve = self.reserve_starts * max(r.start_seconds for r in known.counted)
        expected = elapsed + (following - done) * elapsed / done + reserve
        if expected > SLACK * self._total:
            return "time"
        return None

    def _restart(self, number: int, first: Restart | None) -> Restart:
        """Start two arms, warm them up and time pairs of blocks."""
        begin = self.now()
        seed = seed_of(self.header, number)
        with self.start() as arms:
            warmth = warm_up(arms, self._warm_up_seconds())
            restart = Restart(
                number, seed,
                block_steps=first.block_steps if first else self._block_steps(warmth),
                pairs=first.pairs if first else 0,
                warm_up={k: found._asdict() | _threads(arms[k]) for k, found in warmth.items()},
                epoch_seconds_per_step=_epoch_starts(arms),
                spike_seconds=self._spike(arms, warmth),
                start_seconds=round(self.now() - begin, 3),
            )  # fmt: skip
            restart.pairs = restart.pairs or self._pairs(restart, warmth)
            line = {k: v for k, v in vars(restart).items() if k not in {"blocks", "seconds"}}
            self.file.add("restart", line)
            self._time_pairs(arms, restart)
        self.file.add("closed", {"restart": number, "seconds": round(self.now() - begin, 3)})
        self.file.sync()
        return restart

    def _time_pairs(self, arms: Arms, restart: Restart) -> None:
        rng = np.random.default_rng(restart.seed)
        for pair in range(restart.pairs):
            for order, which in enumerate(rng.permutation(2)):
                name = ARMS[which]
                before = self.watch.read()
                answer = arms[name].block(restart.block_steps)
                host = self.watch.since(before, answer["cpu_seconds"])
                self.file.add_block(Block(
                    restart.number, pair, order, name, restart.block_steps,
                    answer["seconds"], round(answer["cpu_seconds"], 4), **host,
                ))  # fmt: skip
            self.show.pairs(self.header, restart.number, pair + 1, restart.pairs)
            if pair + 1 >= self.fewest_pairs and self.now() > self._deadline:
                return  # the host has become slower than the warm-up said

    def _block_steps(self, warmth: Mapping[ArmName, Warmth]) -> int:
        fastest = min(found.step_seconds for found in warmth.values())
        return max(1, math.ceil(self.block_seconds / fastest))

    def _pairs(self, restart: Restart, warmth: Mapping[ArmName, Warmth]) -> int:
        """Return how many pairs of blocks a restart has: what its share of the time allows.

        As many restarts as can have the fewest pairs; the first look is reached even if it takes
        longer, which is said.
        """
        rules, start_seconds = self.header.rules, restart.start_seconds
        pair_seconds = restart.block_steps * sum(w.step_seconds for w in warmth.values())
        reserve = self.reserve_starts * start_seconds
        fewest = rules.pairs or self.fewest_pairs
        least = reserve + rules.looks[0] * (start_seconds + fewest * pair_seconds)
        if least > SLACK * self._total:
            self.show.too_long(self.header, least, self._total)
        if rules.pairs is not None:
            return rules.pairs
        for look in reversed(rules.looks):
            pairs = int(((self._total - reserve) / look - start_seconds) / pair_seconds)
            if pairs >= self.fewest_pairs:
                return min(MAX_PAIRS, pairs)
        return self.fewest_pairs

    def _warm_up_seconds(self) -> float:
        """Return how long an arm may warm up: of a short comparison a small part."""
        return min(MAX_WARM_UP, WARM_UP_SHARE * self._total / self.header.rules.looks[0])

    def _spike(self, arms: Arms, warmth: Mapping[ArmName, Warmth]) -> float | None:
        """Tell the other arm of a spike how much longer each of its steps lasts."""
        if self.header.spike is None:
            return None
        seconds = self.header.spike * warmth["baseline"].step_seconds
        arms["method"].ask("spin", seconds)  # answered when a GPU's spin is calibrated
        return seconds


def seed_of(header: Header, number: int) -> int:
    """Return the seed of the order inside the pairs of a restart."""
    text = f"{header.plan} {header.comparison} {number}"
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def _epoch_starts(arms: Arms) -> dict[str, float]:
    """End the arms' warm-up; return what an epoch's start adds to each of its steps."""
    return {
        name: arm.ask("warm")["epoch_seconds"] / arm.facts["steps_per_epoch"]
        for name, arm in arms.items()
    }


def _threads(arm: Arm) -> dict[str, int]:
    """Return how many threads an arm's steps have, where it says so."""
    return {"threads": arm.facts["threads"]} if "threads" in arm.facts else {}


def _spent(known: Comparison) -> float:
    """Return the seconds that the restarts of an earlier run have taken."""
    return sum(restart.seconds or 0.0 for restart in known.restarts)


def least_seconds(known: Comparison) -> float | None:
    """Return how long a first look takes at least, by the restarts of a comparison; None: unknown.

    Its passes for memory and energy are not part of it.
    """
    closed = [restart for restart in known.restarts if restart.closed and restart.blocks]
    if not closed:
        return None
    rules, longest = known.header.rules, max(closed, key=lambda restart: restart.start_seconds)
    seconds = sum(block.seconds for block in longest.blocks) / len(longest.blocks)
    pairs = rules.pairs or MIN_PAIRS
    return rules.looks[0] * (longest.start_seconds + 2 * pairs * seconds)
