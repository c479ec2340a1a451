"""Methods that end their trial in every way that a trial can end."""

import os
import signal
import time
from pathlib import Path
from typing import ClassVar

import torch

from raskd_bench.losses import supervise
from raskd_bench.method import Method


class Ends(Method):
    """L = CE(z, y), until the step at which it ends as asked."""

    def __init__(self, *, how: str, step: int = 3) -> None:
        super().__init__()
        self.how = how
        self.step = step

    def loss(self, student, batch, progress):
        terms = supervise(student(*batch.views[0]))
        if progress.spent > 0 and progress.step == self.step:
            getattr(self, self.how)()
            if self.how == "diverge":
                terms["ce"] = terms["ce"] * torch.nan
        return terms

    def diverge(self):
        """Let the loss become NaN."""

    def error(self):
        raise KeyError("a bug in a user's method")

    def memory(self):
        torch.empty(1 << 60)

    def killed(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def vanish(self):
        os._exit(7)

    def hang(self):
        time.sleep(600)


class Meets(Method):
    """L = CE(z, y), once `count` trials have come to their first step."""

    def __init__(self, *, folder: str, count: int) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.count = count

    def loss(self, student, batch, progress):
        if progress.spent > 0:
            (self.folder / str(os.getpid())).touch()
            while len(list(self.folder.iterdir())) < self.count:
                time.sleep(0.01)
        return supervise(student(*batch.views[0]))


class Twice(Method):
    """L = CE(z, y) + CE(z, y): declares one forward a step, and makes two."""

    seeds_together: ClassVar[bool] = True

    def loss(self, student, batch, progress):
        again = supervise(student(*batch.views[0]))["ce"]
        return supervise(student(*batch.views[0])) | {"again": again}
