"""Memory and energy of a step, each in a pass of its own: samplers and counters disturb clocks."""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from raskd_bench.evidence.blocks import ArmName, BlockFile
from raskd_bench.overhead.arms import Arm, ArmFailed
from raskd_bench.overhead.warm_up import warm_up

WARM_STEPS = 4  # the allocator has settled, some methods' first step is lighter
MEMORY_STEPS = 3
ENERGY_BLOCKS = 6  # of each arm, in turns
ENERGY_SECONDS = 2.0  # of a block: the counter of a GPU steps ten times a second

Start = Callable[[], AbstractContextManager[Mapping[ArmName, Arm]]]


def memory(file: BlockFile, start: Start) -> bool:
    """Add a line with the peak memory of each arm that `start` starts; whether it went well."""

    def measure(arms: Mapping[ArmName, Arm]) -> None:
        for name, arm in arms.items():
            arm.block(WARM_STEPS)
            found = arm.ask("metered", ("memory", MEMORY_STEPS))
            kept = ("allocated_bytes", "reserved_bytes", "host_bytes", "source")
            facts = {key: found[key] for key in kept}
            file.add("pass", {"measure": "memory", "arm": name, "steps": MEMORY_STEPS} | facts)

    return _measure("memory", file, start, measure)


def energy(file: BlockFile, start: Start) -> bool:
    """Add lines with the energy of blocks of both arms, in turns; whether it went well."""

    def measure(arms: Mapping[ArmName, Arm]) -> None:
        warmth = warm_up(arms)
        fastest = min(found.step_seconds for found in warmth.values())
        steps = math.ceil(ENERGY_SECONDS / fastest)
        for block in range(ENERGY_BLOCKS):
            for name in sorted(arms, reverse=block % 2 == 1):
                joules = arms[name].ask("metered", ("energy", steps))["joules"]
                file.add("pass", {"measure": "energy", "arm": name, "block": block,
                                  "steps": steps, "joules": joules})  # fmt: skip

    return _measure("energy", file, start, measure)


def _measure(
    what: str, file: BlockFile, start: Start, measure: Callable[[Mapping[ArmName, Arm]], Any]
) -> bool:
    """Measure; an arm that fails is a line, and what was timed before stays valid."""
    try:
        with start() as arms:
            measure(arms)
        return True
    except ArmFailed as failure:
        file.add("pass", {"measure": what, "arm": failure.arm, "status": failure.status,
                          "error": failure.error})  # fmt: skip
        return False
