"""What the branching grid costs exhaustively, and what ASHA spends to come within 1 % of its best validation MAE.

Both are real searches by `python -m search.run`, one after the other on the same machine, with the same seeds; any
setting of a search can be given (`python -m benchmarks.search_cost dataset=jarvis recipe.epochs=20 seeds=3`).
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import Row, arguments, faster, report
from search.history import LATEST, open_search
from search.results import TrialResult

DEFAULT = ("dataset=mp", "rows=20000", "recipe.epochs=12")
QUICK = ("dataset=mp", "rows=300", "recipe.epochs=6", "trials=4")
WITHIN = 0.01


@dataclass(frozen=True)
class Cost:
    """One search: its trials, and the time from start to end, Ray's start and the winner's test included."""

    trials: Sequence[TrialResult]
    wall_seconds: float

    @property
    def best_error(self) -> float:
        return min(trial.best_error for trial in self.trials)

    @property
    def training_seconds(self) -> float:
        return sum(trial.seconds for trial in self.trials)

    @property
    def epochs(self) -> int:
        return sum(trial.epochs for trial in self.trials)

    def training_seconds_to(self, error: float) -> float | None:
        """Of the trials that had ended when the first with such an error or less had; None where none has."""
        spent = 0.0
        for trial in sorted(self.trials, key=lambda trial: trial.ended_at or math.inf):
            spent += trial.seconds
            if trial.best_error <= error:
                return spent
        return None


def run_search(settings: Sequence[str], folder: Path) -> Cost:
    """A search in a process of its own, with its own MLflow store in `folder`."""
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    command = [sys.executable, "-m", "search.run", "space=branching", *settings]
    started = time.perf_counter()
    subprocess.run([*command, f"tracking.uri={uri}", f"output={folder}"], check=True)
    seconds = time.perf_counter() - started
    return Cost([result for result, _ in open_search(LATEST, uri).trials], seconds)


def rows_of(asha: Cost, grid: Cost) -> list[Row]:
    gap = asha.best_error / grid.best_error - 1
    verdict = "within" if gap <= WITHIN else "NOT within"
    needed = asha.training_seconds_to((1 + WITHIN) * grid.best_error)
    needed_row = [] if needed is None else [faster("training time until within 1 %", needed, grid.training_seconds)]
    return [
        *needed_row,
        faster("training time of all trials", asha.training_seconds, grid.training_seconds),
        faster("from start to end", asha.wall_seconds, grid.wall_seconds),
        faster("epochs of all trials", asha.epochs, grid.epochs, "epochs"),
        faster(f"best validation MAE ({gap:+.2%}, {verdict} 1 %)", asha.best_error, grid.best_error, "target's unit"),
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("settings", nargs="*", help=f"of both searches, instead of {' '.join(DEFAULT)}")
    options = parser.parse_args()
    settings = options.settings or (QUICK if options.quick else DEFAULT)
    with TemporaryDirectory() as folder:
        grid = run_search(settings, Path(folder) / "grid")
        asha = run_search([*settings, "scheduler=asha"], Path(folder) / "asha")
    report(f"search cost: asha (ours) against the whole grid, {' '.join(settings)}", rows_of(asha, grid), options)


if __name__ == "__main__":
    main()
