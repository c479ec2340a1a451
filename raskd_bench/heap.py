"""Keep freed memory in the process: steps neither wait for the system nor vary with it."""

import ctypes

HEAP_BYTES = 1 << 30  # blocks of up to so many stay in the heap
OLDER_HEAP_BYTES = 1 << 25  # the most that older releases of glibc take
MALLOPT = {"M_TRIM_THRESHOLD": -1, "M_TOP_PAD": -2, "M_MMAP_THRESHOLD": -3}  # of glibc's malloc.h


def release_heap() -> None:
    """Give back what is free, once, so that the peak of what follows can be seen."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def keep_heap() -> None:
    """Let freed memory stay with the process instead of going back to the system at each step.

    Else torch's large tensors are mapped and zeroed anew in every step: ten thousand page faults of
    ResNet-20 at batch 64, a tenth of its time on a virtual machine, and noise. Elsewhere than under
    glibc nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for most in (OLDER_HEAP_BYTES, HEAP_BYTES):  # an older one keeps the first
            mallopt(MALLOPT["M_MMAP_THRESHOLD"], most)
        mallopt(MALLOPT["M_TRIM_THRESHOLD"], HEAP_BYTES)
        mallopt(MALLOPT["M_TOP_PAD"], HEAP_BYTES // 4)
