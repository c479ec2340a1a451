"""What a claim may be about: each quantity with its kind, direction and unit."""

from typing import Literal, NamedTuple

from raskd_bench.fingerprint.model import QUANTITIES

Kind = Literal["time", "memory", "energy", "count", "accuracy"]
MODAL = frozenset({"time", "energy"})  # kinds that are measured once for each mode
STOCHASTIC = frozenset(
    {"time", "energy", "accuracy"}
)  # kinds that chance touches: they form families
PAIRED = frozenset({"time", "memory", "energy"})  # kinds that an overhead campaign measures


class Metric(NamedTuple):
    """A quantity that claims are about.

    Attributes:
        kind: decides how it is measured and which bounds fit.
        better: the direction in which a method is the better one.
        unit: of its values; `pp` where differences are in percentage points.
        title: for a reader.
    """

    kind: Kind
    better: Literal["lower", "higher"]
    unit: str
    title: str


METRICS: dict[str, Metric] = {
    "step_time": Metric("time", "lower", "s", "time of a step"),
    "peak_allocated": Metric("memory", "lower", "B", "peak memory allocated on the device"),
    "peak_host": Metric("memory", "lower", "B", "peak memory of the process tree"),
    "energy": Metric("energy", "lower", "J", "energy of a step"),
    "step_flops": Metric("count", "lower", "FLOPs", "FLOPs of a step"),
    "train_flops": Metric("count", "lower", "FLOPs", "FLOPs of the training"),
    **{
        name: Metric("count", "lower", meaning.unit, meaning.title)
        for name, meaning in QUANTITIES.items()
    },
    "test_top1": Metric("accuracy", "higher", "pp", "top-1 accuracy"),
    "test_top5": Metric("accuracy", "higher", "pp", "top-5 accuracy"),
    "test_nll": Metric("accuracy", "lower", "", "negative log-likelihood"),
    "test_ece": Metric("accuracy", "lower", "pp", "expected calibration error"),
    "test_aurc": Metric("accuracy", "lower", "pp", "area under the risk-coverage curve"),
}
