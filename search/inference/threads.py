"""Parts of one piece of work on several threads, for products that release Python's lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")


def side_by_side(work: Callable[[slice], T], rows: int, rows_at_once: int, threads: int | None = None) -> list[T]:
    """What `work` returns for each part of so many rows, in order; `threads` is torch's own number if None.

    Each part is worked on by one thread alone: threads that share one small product wait for each other, and where
    the cores are also wanted by others for far longer than the product takes.
    """
    parts = [slice(first, min(rows, first + rows_at_once)) for first in range(0, rows, rows_at_once)]
    before = torch.get_num_threads()
    workers = min(threads or before, len(parts))
    if workers <= 1:
        return [work(part) for part in parts]
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(work, parts))
    finally:
        torch.set_num_threads(before)  # what a thread sets is the default of all that start later
