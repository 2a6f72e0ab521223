"""A GPU's streams, each lent to one training run at a time."""

from __future__ import annotations

import torch

MOST_STREAMS = 32
"""PyTorch has so many for a GPU, and hands them out in turn whether or not one is in use."""


class Streams:
    """All of them, to be lent; on a CPU there are none, and None is lent in their place.

    cuBLAS keeps a workspace for each stream. Two runs on one stream would share it, and the end of the one would free
    what the other's graphs go on using.
    """

    def __init__(self, device: torch.device) -> None:
        self._has_any = device.type == "cuda"
        self._free = [torch.cuda.Stream(device) for _ in range(MOST_STREAMS)] if self._has_any else []

    def lend(self) -> torch.cuda.Stream | None:
        """A stream that nobody else has. Raises ValueError where all are lent."""
        if not self._has_any:
            return None
        if not self._free:
            raise ValueError(f"a GPU has {MOST_STREAMS} streams, and all are in use")
        return self._free.pop()

    def take_back(self, stream: torch.cuda.Stream | None) -> None:
        """A stream that its borrower is done with."""
        if stream is not None:
            self._free.append(stream)
