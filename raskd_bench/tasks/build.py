"""Make a task from its name in a suite."""

from raskd_bench.tasks.classification import Classification


def new_task(name: str, num_classes: int) -> Classification:
    """Return the task; the suite's reader has checked the name."""
    return {"classification": Classification}[name](num_classes)
