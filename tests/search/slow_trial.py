"""Trials that take their time while a test does something to their search; as a script, a narrow search with them.

So a trial lasts until the test is done with it, and no longer, on a quick machine and on a busy one.
"""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ray import cloudpickle

from benchmarks.narrow_search import narrow
from models.published import PUBLISHED
from search import tuning
from search.checkpoints import Report
from search.journal import Journal
from search.trial import TIME_ATTRIBUTE, Trial

FILE = "BRANCHSEARCH_TEST_SLOW"
"""The environment variable that names a file: as long as it is there, trials are slow."""
PAUSE = 0.5
"""Seconds that a slow epoch takes beside its training; so many that a busy machine sees the trial before it ends."""
FIRST_SLOW = 2
"""The epoch at which a trial begins to be slow: it is then in its middle."""


class SlowTrial(Trial):
    """Pauses after each epoch where the file says so: empty, or as many trials have ended as it names."""

    def step(self) -> Report:
        report = super().step()
        if report[TIME_ATTRIBUTE] >= FIRST_SLOW and self._is_wanted_slow():
            time.sleep(PAUSE)
        return report

    def _is_wanted_slow(self) -> bool:
        try:
            wanted = Path(os.environ[FILE]).read_text().split()
        except FileNotFoundError:
            return False
        return not wanted or str(len(Journal(self._search_folder).results()[0])) in wanted


@contextmanager
def slow(ended: Iterable[int] = ()) -> Iterator[Path]:
    """Slow trials within; only while so many have ended, if that is named."""
    file = Path(os.environ[FILE])
    file.write_text(" ".join(str(number) for number in ended))
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def install(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the searches of this process, and of those that it starts, have slow trials."""
    patch.setenv(FILE, str(folder / "slow"))
    patch.setattr(tuning, "Trial", SlowTrial)
    cloudpickle.register_pickle_by_value(sys.modules[__name__])


if __name__ == "__main__":
    PUBLISHED.update(narrow())
    pytest.MonkeyPatch().setattr(tuning, "Trial", SlowTrial)
    from search.run import main

    sys.exit(main())
