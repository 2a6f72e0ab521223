"""The paper's eleven branchings on JARVIS, several seeds each, trained to their end in packs of one process.

What the training engine alone needs for the grid: no Ray, no MLflow. The baseline is the plain PyTorch loop, one
network after another: the seconds of its epoch are measured in the same run, times the epochs that ours took. A run
that --minutes ends goes on from the folder of --state when the same command is given again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks.plain_loop import PlainLoop
from benchmarks.report import Row, arguments, faster, report, spread
from benchmarks.training import DEVICE, subset
from models.candidate import Candidate
from models.data import TrainingData
from models.packing import Pack
from models.published import BRNET
from models.recipe import FAST, MUON, PAPER, Recipe
from models.run import NonFiniteLossError, RunState
from models.streams import MOST_STREAMS
from search.data import DataRequest, load
from spaces import build as space_of

RECIPES = {"paper": PAPER, "fast": FAST, "muon": MUON}
STATE_FILE = "grid.json"
SECONDS_A_LINE = 20.0


@dataclass(frozen=True)
class Trial:
    """A branching from one seed."""

    candidate: Candidate
    seed: int

    @property
    def name(self) -> str:
        return f"{self.candidate.architecture} seed {self.seed}"

    @property
    def file(self) -> str:
        return f"{self.name}.npz".replace(" ", "-")


class Grid:
    """Trials of which `members` at a time are in a pack, the next one where one ends; kept in `folder`, if given."""

    def __init__(self, trials: list[Trial], data: TrainingData, members: int, folder: Path | None) -> None:
        self.trials = {trial.name: trial for trial in trials}
        self.ended: dict[str, RunState] = {}
        self.seconds = 0.0
        self._members, self._folder, self._pack = members, folder, Pack(data, DEVICE)
        if folder is not None and (folder / STATE_FILE).exists():
            kept = json.loads((folder / STATE_FILE).read_text())
            self.seconds = kept["seconds"]
            self.ended = {name: RunState.from_facts(kept["ended"][name]) for name in kept["ended"]}
        self._waiting = deque(name for name in self.trials if name not in self.ended)

    def train(self, seconds: float) -> None:
        """Train until all have ended, or for so long and to the end of the epochs that are under way."""
        before, started, told = self.seconds, time.perf_counter(), 0.0
        self._fill()
        while self._pack.busy:
            for name, outcome in self._pack.turn().items():
                if isinstance(outcome, Exception) and not isinstance(outcome, NonFiniteLossError):
                    raise outcome
                if self._goes_on(name) and time.perf_counter() - started < seconds:
                    self._pack.begin_epoch(name)
            self.seconds = before + time.perf_counter() - started
            if time.perf_counter() - started < seconds:
                self._fill()
            if self.seconds - told > SECONDS_A_LINE:
                told = self.seconds
                print(f"{self.seconds:.0f} s, {len(self.ended)} of {len(self.trials)} ended, {self}", flush=True)
        self._keep()

    def _goes_on(self, name: str) -> bool:
        state = self._pack.members[name].run.state
        if state.stop_reason is None:
            return True
        self.ended[name] = state
        self._pack.remove(name)
        return False

    def _fill(self) -> None:
        while self._waiting and len(self._pack.members) < self._members:
            trial = self.trials[self._waiting.popleft()]
            run = self._pack.add(trial.name, trial.candidate, trial.seed)
            if self._folder is not None and (self._folder / trial.file).exists():
                with self._pack.members[trial.name].stream:
                    run.restore(self._folder / trial.file)
            self._pack.begin_epoch(trial.name)

    def _keep(self) -> None:
        """Write how all stand, between their epochs."""
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, member in self._pack.members.items():
            member.run.save(self._folder / self.trials[name].file)
        ended = {name: state.to_facts() for name, state in self.ended.items()}
        (self._folder / STATE_FILE).write_text(json.dumps({"seconds": self.seconds, "ended": ended}))

    def states(self) -> Iterator[tuple[Trial, RunState]]:
        """Those that have begun, and how they stand."""
        for name, trial in self.trials.items():
            if name in self.ended:
                yield trial, self.ended[name]
            elif name in self._pack.members:
                yield trial, self._pack.members[name].run.state

    def __str__(self) -> str:
        states = [state for _, state in self.states()]
        return f"{sum(s.epochs for s in states)} epochs, best {min(s.best_error for s in states):.4f}"


def plain_seconds(trial: Trial, data: TrainingData, steps: int) -> float:
    """An epoch of the plain loop in the recipe's batches, from one on the rows of so many of the paper's, the second of
    two."""
    part = subset(data, steps)
    loop = PlainLoop(trial.candidate.architecture, trial.candidate.recipe, part, DEVICE)
    loop.epoch()
    return loop.epoch() * len(data.x_train) / len(part.x_train)


def rows_of(grid: Grid, plain: dict[str, float], unit: str) -> list[Row]:
    """The time of all, the epochs an hour, and the errors of each branching."""
    states = list(grid.states())
    epochs = sum(state.epochs for _, state in states)
    ended = f"{len(grid.ended)} of {len(grid.trials)} trained to their end"
    alone = sum(state.epochs * plain[str(trial.candidate.architecture)] for trial, state in states)
    rows = [
        faster(f"the grid, {ended}", grid.seconds, alone),
        Row("epochs an hour", 3600 * epochs / grid.seconds, 3600 * epochs / alone, alone / grid.seconds, "epochs"),
    ]
    for name in plain:
        found = [state for trial, state in states if str(trial.candidate.architecture) == name]
        errors, lasted = [state.best_error for state in found], [float(state.epochs) for state in found]
        if found:
            case = f"{name}: validation MAE {spread(errors)}, epochs {spread(lasted)}"
            rows.append(Row(case, sum(errors) / len(errors), None, None, unit))
    return rows


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--recipe", choices=RECIPES, default="paper")
    parser.add_argument("--epochs", type=int, help="at most; those of the recipe if left out")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--members", type=int, default=MOST_STREAMS if DEVICE == "cuda" else 4, help="in the pack")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end then, wherever the trials are")
    parser.add_argument("--state", type=Path, metavar="FOLDER", help="where to go on from, and what to go on with")
    options = parser.parse_args()
    if DEVICE == "cuda":
        options.members = min(options.members, MOST_STREAMS)
    if options.quick:
        options.seeds, options.epochs, options.minutes = 1, 1, 0.5
    recipe: Recipe = RECIPES[options.recipe]
    recipe = replace(recipe, epochs=options.epochs) if options.epochs else recipe
    split = load(DataRequest("mp", rows=1000) if options.quick else DataRequest("jarvis"))
    data = TrainingData(split.train.x, split.train.y, split.validation.x, split.validation.y)
    candidates = list(space_of("branching", recipe, BRNET).candidates())
    trials = [Trial(candidate, seed) for candidate in candidates for seed in range(options.seeds)]
    # what another recipe or table came to is not gone on with
    kept = f"{options.recipe}-{recipe.epochs}" + ("-quick" if options.quick else "")
    grid = Grid(trials, data, options.members, options.state and options.state / kept)
    report_grid(grid, data, options, split.unit)


def report_grid(grid: Grid, data: TrainingData, options: argparse.Namespace, unit: str) -> None:
    """Time the plain loop, train the grid, and print the table."""
    steps = 5 if options.quick else 100 if DEVICE == "cuda" else 20
    firsts = {str(trial.candidate.architecture): trial for trial in grid.trials.values()}
    plain = {name: plain_seconds(trial, data, steps) for name, trial in firsts.items()}
    grid.train(60 * options.minutes)
    title = (
        f"the branching grid by recipe {options.recipe} on {DEVICE}, {options.seeds} seeds, {options.members} at a "
        f"time, {torch.get_num_threads()} threads (ours) against the plain loop"
    )
    report(title, rows_of(grid, plain, unit), options)


if __name__ == "__main__":
    main()
