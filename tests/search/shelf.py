"""A small search that was really trained, in an MLflow store, and its winner registered."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from models.architecture import Architecture, Group
from models.branching import Branching
from models.candidate import Candidate
from models.checkpoint import load_network, save_network
from models.data import TrainingData
from models.network import Network
from models.recipe import FAST
from models.training import TrainingRun
from search.data import Split
from search.ensembling import finish
from search.history import PastSearch, open_search
from search.judging import Tested
from search.parsing import parse
from search.register import main
from search.results import TrialResult
from search.store import open_store
from search.tracking import Tracker

RECIPE = replace(FAST, epochs=12, precision="float32")
GROUPS = (Group(64, 2), Group(32, 1))
ARCHITECTURES = (
    Architecture(groups=GROUPS, branchings=(Branching(0, (1, 1)),), skip="layer"),
    Architecture(groups=GROUPS, skip="layer"),
    Architecture(groups=(Group(16, 1),)),
)
SEEDS = (0, 1)
PARENT_FILE = "parent"
WINNER_TEST = 0.25
"""The winner's test error, as far as the search's ensemble is told of it."""


@dataclass(frozen=True)
class Shelf:
    """Where the store is, the data, and the search's networks by trial."""

    uri: str
    split: Split
    parent: str
    networks: dict[str, Network]

    @property
    def past(self) -> PastSearch:
        return open_search(self.parent, self.uri)


def train(architecture: Architecture, seed: int, split: Split, epochs: int = RECIPE.epochs) -> TrainingRun:
    """A network trained on a split for a few epochs."""
    data = TrainingData(split.train.x, split.train.y, split.validation.x, split.validation.y)
    run = TrainingRun(Candidate(architecture, replace(RECIPE, epochs=epochs)), data, seed=seed)
    for _ in run:
        pass
    return run


def fill(folder: Path, split: Split) -> None:
    """Train every architecture from every seed, record the search in `folder`, and register its winner as `small`."""
    folder.mkdir()
    before = Path.cwd()
    os.chdir(folder)
    try:
        uri = f"sqlite:///{folder}/mlflow.db"
        config = parse(["space=branching", "dataset=mp", "rows=2000", "seeds=2", f"tracking.uri={uri}"])
        tracker = Tracker(config, split, open_store(uri, config.experiment))
        results: list[TrialResult] = []
        for number, architecture in enumerate(ARCHITECTURES):
            for seed in SEEDS:
                run, trial = train(architecture, seed, split), f"{number}-{seed}"
                results.append(record(tracker, trial, run, folder / trial))
        failed = TrialResult("bad", Candidate(ARCHITECTURES[2], FAST), 9, failure="loss not finite in epoch 1")
        tracker.begin("bad", failed.candidate, failed.seed)
        tracker.end(failed, None)
        tracker.writer.flush()
        finish([*results, failed], WINNER_TEST, Tested(split, tracker.product), tracker)
        tracker.close("FINISHED")
        register(["run=latest", "name=small"], uri)
    finally:
        os.chdir(before)
    (folder / PARENT_FILE).write_text(tracker.parent)


def open_shelf(folder: Path, split: Split) -> Shelf:
    """What `fill` made."""
    networks = {path.parent.name: load_network(path)[0] for path in folder.glob("*/kept.npz")}
    return Shelf(f"sqlite:///{folder}/mlflow.db", split, (folder / PARENT_FILE).read_text(), networks)


def record(tracker: Tracker, trial: str, run: TrainingRun, folder: Path) -> TrialResult:
    """Write a trial as a search does; what it came to."""
    folder.mkdir()
    for name in ("network.npz", "kept.npz"):  # the tracker takes the first
        save_network(folder / name, run.best_network())
    tracker.begin(trial, run.candidate, run.seed)
    state = run.state
    tracker.log_epochs(
        trial,
        [
            {
                "epoch": number,
                "train_error": state.best_error,
                "validation_error": state.best_error * (1 + state.epochs - number),
                "learning_rate": 1e-3,
                "epoch_seconds": state.seconds / state.epochs,
                "at": time.time(),
            }
            for number in range(1, 4)
        ],
    )
    result = TrialResult(
        trial, run.candidate, run.seed, state.epochs, state.best_epoch, state.best_error, state.seconds, "ok"
    )
    tracker.end(result, folder / "network.npz")
    return result


def register(arguments: Sequence[str], uri: str) -> None:
    """The command's own door."""
    assert main([*arguments, f"tracking.uri={uri}"]) == 0


def mean_of(networks: Sequence[Network], x: np.ndarray) -> np.ndarray:
    """The networks' mean in float64, (rows,), computed without the code under test."""
    with torch.no_grad():
        outputs = [network.eval()(torch.from_numpy(x))[:, 0].double().numpy() for network in networks]
    mean: np.ndarray = np.stack(outputs).mean(axis=0)
    return mean
