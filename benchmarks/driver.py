"""What a search itself costs per trial: trials that train nothing, under our search and under plain Ray Tune.

With --slots the trials' processes are simulated (benchmarks/simulated_actors.py), so that the driver can be seen under
more trials and more slots than one machine holds: `python -m benchmarks.driver --slots 16 64 256 --trials 10000`.
"""

from __future__ import annotations

import argparse
import io
import math
import multiprocessing
import resource
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from unittest import mock

import numpy as np
from ray import tune
from ray.tune.execution import tune_controller
from rich.console import Console

from benchmarks.report import Row, arguments, faster, report
from benchmarks.simulated_actors import SimulatedActors
from benchmarks.simulated_actors import report as one_epoch
from models.candidate import Candidate
from search import tuning
from search.checkpoints import TrialFolder, product_of
from search.config import SearchConfig
from search.data import Split, load
from search.journal import Journal
from search.parsing import parse
from search.ray_session import ray_for
from search.resources import Resources, usable_cpus
from search.results import TrialResult
from search.session import progress_of
from search.store import Writer, open_store
from search.targets import space_of
from search.tracking import Tracker
from search.watch import Watch

SETTINGS = ("space=traditional", "dataset=mp", "rows=300")
"""A finite space whose trials leave small files; they are never fitted here."""


class EmptyTrial(tune.Trainable):
    """Reports one epoch and is done; as reusable as ours."""

    def step(self) -> dict[str, Any]:
        return one_epoch(0.0)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        return {}


def left_product(folder: TrialFolder, candidate: Candidate, epoch: int) -> Path:
    """What a trial that has ended leaves, of a few rows; written here, as an empty trial leaves nothing."""
    path = folder.path / product_of(candidate)
    if not path.exists():
        folder.path.mkdir(parents=True, exist_ok=True)
        np.savez(path, outputs=np.zeros((30, 1)))
    return path


class NoTracker:
    """A search without MLflow."""

    def __init__(self, config: SearchConfig) -> None:
        self.config, self.writer, self.closed = config, Writer(), set[str]()

    def begin(self, *arguments: Any) -> None:
        pass

    log_epochs = end = begin

    def close(self, status: str) -> None:
        self.writer.close()


@dataclass(frozen=True)
class Load:
    """A search to measure: so many trials, so many at a time; simulated where `trial_seconds` says how long."""

    trials: int
    slots: int
    with_mlflow: bool
    trial_seconds: float | None = None


@dataclass(frozen=True)
class Measured:
    """Seconds of all trials, and of their second and last tenth; the driver's memory at its highest."""

    seconds: float
    second_tenth: float
    last_tenth: float
    peak_bytes: float


def config_for(trials: int, folder: Path) -> SearchConfig:
    config = parse([*SETTINGS, f"tracking.uri=sqlite:///{folder / 'mlflow.db'}", f"output={folder}"])
    size = space_of(config).size
    assert size is not None
    return replace(config, seeds=tuple(range(math.ceil(trials / size))))


def tracker_for(config: SearchConfig, split: Split, load: Load) -> Tracker:
    if not load.with_mlflow:
        return cast("Tracker", NoTracker(config))
    return Tracker(config, split, open_store(config.tracking.uri, config.experiment))


def searched(load_: Load, folder: Path) -> Measured:
    """Our search, from the first trial to the last write to MLflow."""
    config = config_for(load_.trials, folder)
    split = load(config.data)
    (folder / "search").mkdir(parents=True)
    with ray_for(config), ExitStack() as patches:
        trainable = tune.with_resources(EmptyTrial, {"CPU": 1})
        patches.enter_context(mock.patch.object(tuning, "trainable_for", return_value=trainable))
        patches.enter_context(mock.patch.object(TrialFolder, "product", left_product))
        if load_.trial_seconds is not None:
            SimulatedActors.slots, SimulatedActors.trial_seconds = load_.slots, load_.trial_seconds
            patches.enter_context(mock.patch.object(tune_controller, "RayActorManager", SimulatedActors))
        space = space_of(config)
        tracker, journal = tracker_for(config, split, load_), Journal(folder / "search")
        progress = progress_of(config, space, split, Console(file=io.StringIO()), journal.begin_session(), 0)
        watch = Watch(tracker, progress, config.scheduler.name, journal, folder / "search")
        started = time.time()
        tuning.run_trials(config, space, split, Resources(1, 0, load_.slots), watch)
        tracker.close("FINISHED")
        seconds = time.time() - started
    return measured(watch.results, load_.trials, seconds)


def measured(results: list[TrialResult], trials: int, seconds: float) -> Measured:
    ends = sorted(result.ended_at or math.nan for result in results)
    if len(ends) < trials or any(result.failure for result in results):
        raise RuntimeError(f"{len(ends)} of {trials} trials ended well")
    tenth = len(ends) // 10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Measured(seconds, ends[2 * tenth] - ends[tenth], ends[-1] - ends[-1 - tenth], peak)


def plain_tune(trials: int, slots: int, folder: Path) -> float:
    """Seconds of as many empty trials under Ray Tune alone, with its defaults but for the actors, which it reuses."""
    with ray_for(parse(list(SETTINGS))):
        started = time.time()
        tune.Tuner(
            tune.with_resources(EmptyTrial, {"CPU": 1}),
            tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=slots, reuse_actors=True),
            run_config=tune.RunConfig(name="plain", storage_path=str(folder.resolve()), verbose=0),
        ).fit()
        return time.time() - started


def in_a_process(function: Any, *arguments: Any) -> Any:
    """A fresh process each, so that its memory is its own."""
    with TemporaryDirectory() as folder, multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, (*arguments, Path(folder)))


def real_rows(trials: int) -> list[Row]:
    slots = usable_cpus()
    plain: float = in_a_process(plain_tune, trials, slots)
    rows = []
    for with_mlflow in (False, True):
        ours: Measured = in_a_process(searched, Load(trials, slots, with_mlflow))
        name = f"{trials:,} empty trials, {'with' if with_mlflow else 'without'} MLflow"
        rows.append(faster(f"{name}, all", ours.seconds, plain))
        rows.append(faster(f"{name}, each", ours.seconds / trials, plain / trials))
    return rows


def simulated_rows(trials: int, slots: int, trial_seconds: float) -> list[Row]:
    """All trials without MLflow, which takes longer than all the rest, and a tenth of them with it."""
    rows = []
    for count, with_mlflow in ((trials, False), (max(1, trials // 10), True)):
        ours: Measured = in_a_process(searched, Load(count, slots, with_mlflow, trial_seconds))
        name = f"{slots} slots, {count:,} trials, {'with' if with_mlflow else 'without'} MLflow"
        rate, ideal = count / ours.seconds, slots / trial_seconds
        rows += [
            Row(f"{name}: throughput", rate, ideal, rate / ideal, "trials/s"),
            faster(f"{name}: last tenth against second", ours.last_tenth, ours.second_tenth),
            Row(f"{name}: driver's memory", ours.peak_bytes / 1e6, None, None, "MB"),
        ]
    return rows


def parsed() -> argparse.Namespace:
    parser = arguments(__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--slots", type=int, nargs="*", help="simulate so many trials at a time")
    parser.add_argument("--trial-seconds", type=float, default=0.2, help="of a simulated trial")
    options = parser.parse_args()
    if options.quick:
        options.trials = min(options.trials, 50)
    return options


def main() -> None:
    options = parsed()
    if options.slots:
        rows = [row for slots in options.slots for row in simulated_rows(options.trials, slots, options.trial_seconds)]
        report("the driver with simulated trials (baseline: all slots always busy)", rows, options)
    else:
        report("search overhead (ours) against plain Ray Tune", real_rows(options.trials), options)


if __name__ == "__main__":
    # By its own name, so that Ray's workers find the trial of a spawned process, whose main module this is.
    import_module("benchmarks.driver").main()
