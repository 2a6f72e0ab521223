"""Memory that a training step has given back and takes again at once."""

from __future__ import annotations

import ctypes
import functools

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Names of the settings in glibc's malloc.h."""
KEPT_BYTES = 1 << 30


@functools.cache
def keep_freed_memory() -> bool:
    """Let this process keep up to a gibibyte of what it frees; False where its C library has no such setting.

    By default glibc returns gradients of megabytes to the kernel after every step and gets them back page by page,
    zeroed: thousands of page faults a step, for BRNet a fifth to a third of its time on a CPU.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return all(mallopt(setting, KEPT_BYTES) == 1 for setting in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD))
