"""What stops poor trials early: Ray Tune's schedulers, made to go on with a search that was cut off."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, HyperBandScheduler, TrialScheduler

from search.checkpoints import TrialFolder, key_of
from search.config import SchedulerConfig
from search.results import TrialResult
from search.trial import METRIC, TIME_ATTRIBUTE

KEEPS_CURVES = ("asha", "hyperband")
"""Schedulers that need the epochs of the trials that are done, where a search goes on."""


def repeats_trials(scheduler: str) -> bool:
    """Whether a resumed search has to show the scheduler all epochs of all trials again.

    HyperBand halves brackets of trials once all of them are at the same epoch, so that it cannot take up in the middle.
    """
    return scheduler == "hyperband"


class EachEpochOnce:
    """For a trial that was started again, which repeats the epochs since its last checkpoint."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._epochs: dict[str, int] = {}

    def on_trial_result(self, tune_controller: TuneController, trial: TuneTrial, result: dict[str, Any]) -> str:
        if result[TIME_ATTRIBUTE] <= self._epochs.get(trial.trial_id, 0):
            return TrialScheduler.CONTINUE
        self._epochs[trial.trial_id] = result[TIME_ATTRIBUTE]
        decision: str = super().on_trial_result(tune_controller, trial, result)  # type: ignore[misc]
        return decision


class HyperBand(EachEpochOnce, HyperBandScheduler):
    """Ray Tune's HyperBand, which waits for checkpoints and for nobody who has ended; who is left trains to its end."""

    def __init__(self, **options: Any) -> None:
        # its milestones are rounded down, so that the last one can be epochs before the end
        super().__init__(stop_last_trials=False, **options)

    def choose_trial_to_run(self, tune_controller: TuneController) -> TuneTrial | None:
        """As Ray Tune does, once the brackets are halved in which everybody waits for that.

        Ray Tune itself halves when a trial reports, or the first time that one ends, and else would wait for ever.
        """
        for bracket in filter(None, itertools.chain(*self._hyperbands)):
            trials = bracket.current_trials()
            waiting = [t for t in trials if t.status == TuneTrial.PAUSED and t not in bracket.trials_to_unpause]
            if waiting and len(waiting) == len(trials):
                self._process_bracket(tune_controller, bracket)
        chosen: TuneTrial | None = super().choose_trial_to_run(tune_controller)
        return chosen

    def _process_bracket(self, tune_controller: TuneController, bracket: Any) -> str:
        """Halve a bracket: not while a trial writes its checkpoint, which would be stopped without it."""
        if any(trial.is_saving for trial in bracket.current_trials()):
            return TrialScheduler.PAUSE
        decision: str = super()._process_bracket(tune_controller, bracket)
        return decision


class ASHA(EachEpochOnce, ASHAScheduler):
    """Ray Tune's ASHA, whose rungs hold from the start what the trials in `folder` have reached.

    What it decided of them then was carried out, and is not asked for again. Given `only_seed`, trials of other seeds
    are repeats of the best, which are trained to their end.
    """

    def __init__(
        self, folder: Path, done: Mapping[str, TrialResult], only_seed: int | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self._folder, self._only_seed = folder, only_seed
        nobody: Any = None  # to be told of trials that no controller has
        for key, result in done.items():
            if only_seed not in (None, result.seed) or result.taken_from is not None:
                continue
            trial: Any = SimpleNamespace(trial_id=key)
            super().on_trial_add(nobody, trial)
            for epoch in self._curve(key):
                super().on_trial_result(nobody, trial, epoch)
            if result.failure is None and result.epochs:
                super().on_trial_complete(nobody, trial, {TIME_ATTRIBUTE: result.epochs, METRIC: result.best_error})

    def _curve(self, key: str) -> list[dict[str, Any]]:
        return TrialFolder.of(self._folder, key).curve()

    def on_trial_result(self, tune_controller: TuneController, trial: TuneTrial, result: dict[str, Any]) -> str:
        if self._is_repeat(trial):
            return TrialScheduler.CONTINUE
        return super().on_trial_result(tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: TuneController, trial: TuneTrial, result: dict[str, Any]) -> None:
        if self._is_repeat(trial):
            self.on_trial_remove(tune_controller, trial)
        else:
            super().on_trial_complete(tune_controller, trial, result)

    def _is_repeat(self, trial: TuneTrial) -> bool:
        return self._only_seed not in (None, trial.config["seed"])

    def on_trial_add(self, tune_controller: TuneController, trial: TuneTrial) -> None:
        super().on_trial_add(tune_controller, trial)
        if self._is_repeat(trial):
            return
        for epoch in self._curve(key_of(trial.config))[:-1]:  # the trial itself reports the last one again
            super().on_trial_result(tune_controller, trial, epoch)


def brackets_unfilled(config: SchedulerConfig, epochs: int, concurrent: int) -> list[str]:
    """What to tell of a HyperBand that will stop nothing: it halves whole brackets, and only what runs fills them."""
    if config.name != "hyperband":
        return []
    assert config.reduction_factor is not None
    smallest = HyperBand(max_t=epochs, reduction_factor=config.reduction_factor)._get_n0(1)  # type: ignore[no-untyped-call]
    if concurrent >= smallest:
        return []
    return [
        f"scheduler=hyperband halves brackets of {smallest} trials or more, which {concurrent} at a time do not fill: "
        "it will stop few of them or none. scheduler=asha needs no brackets."
    ]


def scheduler_for(
    config: SchedulerConfig,
    epochs: int,
    folder: Path,
    done: Mapping[str, TrialResult],
    only_seed: int | None = None,
) -> TrialScheduler:
    """Ray Tune's ASHA or HyperBand by epochs, or nothing; `done` are the trials of earlier sessions in `folder`.

    `only_seed` as ASHA takes it.
    """
    if config.name in ("none", "rows"):  # trials on parts of the rows are each trained to their end
        return FIFOScheduler()
    options: dict[str, Any] = {
        "time_attr": TIME_ATTRIBUTE,
        "metric": METRIC,
        "mode": "min",
        "max_t": epochs,
        "reduction_factor": config.reduction_factor,
    }
    if config.name == "hyperband":
        return HyperBand(**options)
    if config.grace_epochs is not None:
        options["grace_period"] = min(config.grace_epochs, epochs)
    return ASHA(folder, done, only_seed, **options)
