"""The grid in packs: a run that its time ended goes on where it was, and comes to what one without a break comes to."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.grid import Grid, Trial, rows_of
from models.data import TrainingData
from models.published import BRNET
from models.recipe import PAPER
from spaces import build

EPOCHS = 2


@pytest.fixture
def trials() -> list[Trial]:
    network = replace(BRNET, groups=tuple(replace(group, width=8) for group in BRNET.groups))
    candidates = list(build("branching", replace(PAPER, epochs=EPOCHS), network).candidates())[:3]
    return [Trial(candidate, seed) for candidate in candidates for seed in range(2)]


def standing(grid: Grid) -> dict[str, tuple[int, float, str | None]]:
    return {name: (state.epochs, state.best_error, state.stop_reason) for name, state in grid.ended.items()}


def test_a_grid_that_is_ended_after_every_epoch_comes_to_the_same(
    trials: list[Trial], mp_data: TrainingData, tmp_path: Path
) -> None:
    whole = Grid(trials, mp_data, 4, None)
    whole.train(float("inf"))
    assert len(whole.ended) == len(trials)
    seconds = []
    for _ in range(2 * EPOCHS + 1):
        grid = Grid(trials, mp_data, 4, tmp_path)
        grid.train(0)
        seconds.append(grid.seconds)
    assert standing(grid) == standing(whole)
    assert seconds == sorted(seconds)
    plain = {str(trial.candidate.architecture): 1.0 for trial in trials}
    rows = rows_of(grid, plain, "eV/atom")
    assert rows[0].case == "the grid, 6 of 6 trained to their end"
    assert rows[0].baseline == EPOCHS * len(trials)
    assert len(rows) == 2 + len(plain)
