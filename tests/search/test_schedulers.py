"""ASHA of a search that goes on knows what its trials have reached; a trial that repeats epochs is not judged twice.

HyperBand leaves nobody behind that waits to be compared.
"""

import random
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.data import TrainingData
from models.published import BRNET
from models.recipe import FAST
from search.checkpoints import TrialFolder, key_of
from search.parsing import parse
from search.results import TrialResult
from search.schedulers import ASHA, HyperBand, brackets_unfilled, repeats_trials
from search.suggest import trial_config
from search.trial import METRIC, TIME_ATTRIBUTE, Trial

CANDIDATE = Candidate(BRNET, FAST)
OPTIONS: dict[str, Any] = {
    "time_attr": TIME_ATTRIBUTE, "metric": METRIC, "mode": "min", "max_t": 9, "reduction_factor": 3, "grace_period": 1
}  # fmt: skip
NOBODY: Any = None


def trial_of(seed: int) -> Any:
    return SimpleNamespace(trial_id=f"t{seed}", config={"candidate": CANDIDATE.to_json(), "seed": seed})


def reports(seed: int, epochs: int) -> list[dict[str, Any]]:
    return [{TIME_ATTRIBUTE: epoch, METRIC: 10 + seed - epoch} for epoch in range(1, epochs + 1)]


def show(scheduler: ASHA, trial: Any, reported: list[dict[str, Any]]) -> list[str]:
    return [scheduler.on_trial_result(NOBODY, trial, report) for report in reported]


def values(scheduler: ASHA) -> list[tuple[float, list[float]]]:
    """What the rungs hold, whatever the trials are called."""
    return [(milestone, sorted(map(float, rung.values()))) for milestone, rung in scheduler._brackets[0]._rungs]


def test_rungs_are_as_they_were(tmp_path: Path) -> None:
    before = ASHA(tmp_path, {}, **OPTIONS)
    lengths = {0: 9, 1: 3, 2: 5}
    done: dict[str, TrialResult] = {}
    for seed, epochs in lengths.items():
        trial = trial_of(seed)
        before.on_trial_add(NOBODY, trial)
        show(before, trial, reports(seed, epochs))
        TrialFolder.of(tmp_path, key_of(trial.config)).save(epochs, reports(seed, epochs), [])
        if seed < 2:  # the last one is under way when the search is killed
            before.on_trial_complete(NOBODY, trial, reports(seed, epochs)[-1])
            done[key_of(trial.config)] = TrialResult(
                key_of(trial.config), CANDIDATE, seed, epochs, epochs, 10 + seed - epochs, 1.0, "stopped by asha"
            )
    resumed = ASHA(tmp_path, done, **OPTIONS)
    under_way = trial_of(2)
    resumed.on_trial_add(NOBODY, under_way)
    assert show(resumed, under_way, reports(2, 5)[-1:]) == [TrialScheduler.CONTINUE]
    assert values(resumed) == values(before)


def test_a_decision_that_was_not_carried_out_is_made_again(tmp_path: Path) -> None:
    before = ASHA(tmp_path, {}, **OPTIONS)
    done: dict[str, TrialResult] = {}
    for seed in range(3):
        trial = trial_of(seed)
        before.on_trial_add(NOBODY, trial)
        show(before, trial, reports(seed, 9))
        TrialFolder.of(tmp_path, key_of(trial.config)).save(9, reports(seed, 9), [])
        done[key_of(trial.config)] = TrialResult(key_of(trial.config), CANDIDATE, seed, 9, 9, 1.0 + seed)
    poor = trial_of(7)
    before.on_trial_add(NOBODY, poor)
    assert show(before, poor, reports(7, 1)) == [TrialScheduler.STOP]
    TrialFolder.of(tmp_path, key_of(poor.config)).save(1, reports(7, 1), [])
    resumed = ASHA(tmp_path, done, **OPTIONS)
    resumed.on_trial_add(NOBODY, poor)
    assert show(resumed, poor, reports(7, 1)) == [TrialScheduler.STOP]
    assert show(resumed, poor, reports(7, 1)) == [TrialScheduler.CONTINUE], "an epoch that comes again is not judged"


def test_repeats_of_the_best_are_trained_to_their_end(tmp_path: Path) -> None:
    """They would fill the rungs with good trials, and half of them be stopped by the others."""
    scheduler = ASHA(tmp_path, {}, only_seed=0, **OPTIONS)
    for seed in (0, 1, 2, 3):
        scheduler.on_trial_add(NOBODY, trial_of(seed))
        TrialFolder.of(tmp_path, key_of(trial_of(seed).config)).save(9, reports(seed, 9), [])
    for seed in (1, 2, 3):
        trial = trial_of(seed)
        assert show(scheduler, trial, reports(seed, 9)) == [TrialScheduler.CONTINUE] * 9
        scheduler.on_trial_complete(NOBODY, trial, reports(seed, 9)[-1])
    assert show(scheduler, trial_of(0), reports(0, 1)) == [TrialScheduler.CONTINUE]
    assert sum(len(errors) for _, errors in values(scheduler)) == 1


@pytest.mark.parametrize(("arguments", "concurrent", "told"), [
    (["scheduler=hyperband"], 2, True), (["scheduler=hyperband"], 8, False), (["scheduler=asha"], 1, False),
])  # fmt: skip
def test_a_hyperband_that_cannot_fill_its_brackets_is_told(arguments: list[str], concurrent: int, told: bool) -> None:
    lines = brackets_unfilled(parse(arguments).scheduler, 60, concurrent)
    assert bool(lines) is told
    assert all("brackets of 8 trials or more, which 2 at a time do not fill" in line for line in lines)


SIX_EPOCHS = Candidate(Architecture(groups=(Group(8, 1),)), replace(FAST, epochs=6))


def test_a_resumed_hyperband_sees_every_epoch_again_and_asha_the_last_alone(
    few_rows: TrainingData, tmp_path: Path
) -> None:
    config = trial_config(SIX_EPOCHS, 0)
    folder = TrialFolder.of(tmp_path, key_of(config))

    def begun(replay: bool) -> Trial:
        trial = Trial.__new__(Trial)
        trial.setup(config, data=few_rows, folder=str(tmp_path), replay=replay)
        return trial

    first = begun(False)
    told = [first.step() for _ in range(3)]
    first._save(at_end=False)
    replayed = begun(repeats_trials("hyperband"))
    assert replayed.step()["validation_error"] == told[0]["validation_error"]
    assert folder.product(SIX_EPOCHS, 3) is None
    replayed.save_checkpoint("")  # it is paused, and may be stopped then
    assert folder.product(SIX_EPOCHS, 3) is not None
    assert [replayed.step()["validation_error"] for _ in range(2)] == [r["validation_error"] for r in told[1:]]
    assert replayed.step()["epoch"] == 4
    assert begun(repeats_trials("asha")).step()["epoch"] == 3


@dataclass(eq=False)
class Simulated:
    """What HyperBand sees of a trial, which ends by itself after some epoch."""

    trial_id: str
    ends_at: int
    status: str = "PENDING"
    is_saving: bool = False
    epoch: int = 0


class Controller:
    """Ray Tune's, with trials that save for a while before they are paused."""

    def __init__(self, scheduler: HyperBand, trials: list[Simulated], chance: random.Random) -> None:
        self.scheduler, self.trials, self.chance = scheduler, trials, chance
        self.here: Any = self
        for trial in trials:
            scheduler.on_trial_add(self.here, trial)  # type: ignore[arg-type]

    def stop_trial(self, trial: Any) -> None:
        assert not trial.is_saving, "it would be stopped without its weights"
        trial.status = "TERMINATED"
        self.scheduler.on_trial_remove(self.here, trial)

    def step(self, slots: int) -> None:
        running = [trial for trial in self.trials if trial.status == "RUNNING"]
        chosen = self.scheduler.choose_trial_to_run(self.here)
        if chosen is not None and len(running) < slots:
            chosen.status = "RUNNING"
        elif running:
            self.go_on(self.chance.choice(running))

    def go_on(self, trial: Any) -> None:
        if trial.is_saving:
            trial.is_saving, trial.status = False, "PAUSED"
            return
        trial.epoch += 1
        report = {TIME_ATTRIBUTE: trial.epoch, METRIC: self.chance.random()}
        if trial.epoch == trial.ends_at:  # Ray Tune does not ask its scheduler then
            self.stop_trial(trial)
            return
        decision = self.scheduler.on_trial_result(self.here, trial, report)
        if decision == TrialScheduler.STOP:
            self.stop_trial(trial)
        trial.is_saving = decision == TrialScheduler.PAUSE


@pytest.mark.parametrize("seed", range(8))
def test_hyperband_leaves_nobody_waiting_and_its_best_train_to_their_end(seed: int) -> None:
    """Though trials end by themselves while others wait for them, and their milestones do not divide the epochs."""
    chance = random.Random(seed)
    scheduler = HyperBand(
        time_attr=TIME_ATTRIBUTE, metric=METRIC, mode="min", max_t=20, reduction_factor=chance.choice([2, 3])
    )
    ends = [chance.choice([20, 20, chance.randint(1, 20)]) for _ in range(30)]
    controller = Controller(scheduler, [Simulated(f"t{n}", end) for n, end in enumerate(ends)], chance)
    for _ in range(5000):
        controller.step(slots=8)
    assert Counter(trial.status for trial in controller.trials) == {"TERMINATED": 30}
    halved_at = {
        bracket._r0 * scheduler._eta**number
        for band in scheduler._hyperbands
        for halvings, bracket in enumerate(band)
        for number in range(halvings if bracket else 0)
    }
    assert {trial.epoch for trial in controller.trials if trial.epoch < trial.ends_at} <= halved_at
    assert any(trial.epoch < trial.ends_at for trial in controller.trials)
