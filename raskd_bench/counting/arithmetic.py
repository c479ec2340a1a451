"""Element-wise and reduction FLOPs of any call."""

from raskd_bench.counting.call import Call, num_elements
from raskd_bench.counting.formulas import FORMULAS
from raskd_bench.counting.tables import COMPOSED, ELEMENTWISE, MOVES, REDUCTIONS, Work


def work_of(call: Call) -> Work | None:
    """Return the FLOPs of a call, or None for an operation that no table knows."""
    if call.kind in FORMULAS:
        return FORMULAS[call.kind](call)
    if call.kind in COMPOSED:
        elements = call.inputs[0].numel()
        each = COMPOSED[call.kind]
        return Work(each.elementwise * elements, each.reduction * elements)
    if call.kind in REDUCTIONS:
        return _reduced(call)
    if call.kind in ELEMENTWISE:
        return Work(num_elements(call.written))
    return Work() if call.kind in MOVES else None


def _reduced(call: Call) -> Work:
    """Take `max` and `min` of two tensors for what they are: element-wise."""
    if call.takes("other") and call.kind in {"max", "min"}:
        return Work(num_elements(call.made))
    return Work(reduction=num_elements(call.inputs[:1]))
