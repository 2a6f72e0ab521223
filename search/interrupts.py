"""Ctrl-C and SIGTERM: a search ends in good order, and on the second one at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Calls `stop` with the exit status at the first signal, and raises KeyboardInterrupt at the next.

    Ray Tune would take SIGINT itself and tell nobody.
    """

    def __init__(self, stop: Callable[[int], None]) -> None:
        self.stop, self._seen = stop, False

    def __enter__(self) -> Interrupts:
        os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"
        self._before = {number: signal.signal(number, self._take) for number in SIGNALS}
        return self

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self._seen:
            raise KeyboardInterrupt
        self._seen = True
        self.stop(128 + number)

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
