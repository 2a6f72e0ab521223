"""A trial's folder: whole checkpoints, the last two, and a way back past a damaged one."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.data import TrainingData
from models.estimator import Estimator
from models.recipe import FAST
from models.training import TrainingRun
from search.checkpoints import CURVE_FILE, NETWORK_FILE, TRAINING_FILE, TrialFolder, key_of, product_of

CANDIDATE = Candidate(Architecture(groups=(Group(8, 1),)), replace(FAST, epochs=6))


def trained(folder: TrialFolder, data: TrainingData, until: int) -> list[dict[str, Any]]:
    """Train from whatever the folder holds, with a checkpoint after every epoch; the reports of all epochs."""
    run = TrainingRun(CANDIDATE, data)
    restored = folder.restore(run.restore)
    curve = restored.curve
    assert run.state.epochs == len(curve)
    while run.state.epochs < until:
        epoch = next(iter(run))
        curve.append({"epoch": epoch.number, "validation_error": epoch.validation_error})
        folder.save(run.state.epochs, curve, [(TRAINING_FILE, run.save)])
    return curve


@pytest.mark.parametrize("name", [TRAINING_FILE, CURVE_FILE])
@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_goes_on_from_the_newest_that_can_be_read_or_anew(
    name: str, damaged: int, tmp_path: Path, mp_data: TrainingData
) -> None:
    whole = trained(TrialFolder(tmp_path / "whole"), mp_data, 6)
    folder = TrialFolder(tmp_path / "cut")
    trained(folder, mp_data, 4)
    assert [path.name for path in folder.checkpoints()] == ["epoch-000004", "epoch-000003"]
    for checkpoint in folder.checkpoints()[:damaged]:
        os.truncate(checkpoint / name, (checkpoint / name).stat().st_size // 2)
    (folder.path / ".partial-killed").mkdir()
    restored = folder.restore(TrainingRun(CANDIDATE, mp_data).restore)
    assert len(restored.curve) == (4, 3, 0)[damaged]
    assert len(restored.damaged) == damaged
    assert len(folder.checkpoints()) == 2 - damaged, "what cannot be read takes no place of what can"
    assert trained(folder, mp_data, 6) == whole
    assert len(list(folder.path.iterdir())) == 2


def test_a_trials_name_is_of_its_candidate_and_its_seed() -> None:
    trials = [{"candidate": candidate, "seed": seed, "other": 1} for candidate in ("a", "b") for seed in (0, 1)]
    assert len({key_of(trial) for trial in trials}) == 4
    assert key_of(trials[0]) == key_of({"seed": 0, "candidate": "a"})


def test_what_a_trial_did_not_leave_is_none(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path / "trial")
    folder.save(3, [], [(product_of(CANDIDATE), Path.touch)])
    assert folder.product(CANDIDATE, 3) == folder.checkpoints()[0] / NETWORK_FILE
    assert folder.product(CANDIDATE, 2) is None
    assert folder.product(replace(CANDIDATE, estimator=Estimator.of("ridge", {}, "standard")), 3) is None


def test_a_curve_of_something_else_is_damaged(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path / "trial")
    for epoch in (1, 2):
        folder.save(epoch, [{"epoch": n} for n in range(1, epoch + 1)], [(TRAINING_FILE, Path.touch)])
    (folder.checkpoints()[0] / CURVE_FILE).write_text("{}")
    assert folder.restore(lambda _: None).curve == [{"epoch": 1}]


def test_a_checkpoint_of_an_epoch_that_has_one_takes_its_place(tmp_path: Path) -> None:
    """A trial that goes on from an earlier one comes to the same epoch again."""
    folder = TrialFolder(tmp_path / "trial")
    for text in ("old", "new"):
        folder.save(1, [{"epoch": 1}], [(text, Path.touch)])
    assert sorted(path.name for path in (tmp_path / "trial").rglob("*")) == [CURVE_FILE, "epoch-000001", "new"]


def test_a_checkpoint_is_on_the_disk_once_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, synced = TrialFolder(tmp_path / "trial"), list[int]()
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    folder.save(1, [{"epoch": 1}], [])
    assert synced == [path.stat().st_ino for path in (folder.checkpoints()[0] / CURVE_FILE, folder.path)]


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path / "trial")
    folder.save(1, [{"epoch": 1}], [(TRAINING_FILE, lambda path: path.touch())])

    def full(path: Path) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        folder.save(2, [{"epoch": 1}, {"epoch": 2}], [(TRAINING_FILE, full)])
    assert [path.name for path in folder.path.iterdir()] == ["epoch-000001"]
    assert folder.curve() == [{"epoch": 1}]


@pytest.mark.parametrize("keep_curve", [True, False])
def test_cleared_when_its_trial_has_ended(keep_curve: bool, tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path / "trial")
    reports = [{"epoch": 1}, {"epoch": 2}]
    for epoch in (1, 2):
        folder.save(epoch, reports[:epoch], [(TRAINING_FILE, Path.touch)])
    folder.clear(keep_curve)
    assert folder.curve() == (reports if keep_curve else [])
    assert not folder.checkpoints()
    TrialFolder(tmp_path / "none").clear(keep_curve)  # of a trial that ended before its first checkpoint
    assert folder.restore(lambda _: pytest.fail("there is nothing to read")).is_over == keep_curve
