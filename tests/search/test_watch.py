"""What the driver makes of a trial that Ray Tune says has failed: whose fault it is, and whether it runs again."""

import io
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from ray import cloudpickle
from ray.tune.experiment import Trial as TuneTrial
from rich.console import Console

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.recipe import FAST
from search.checkpoints import NETWORK_FILE, TrialFolder, key_of
from search.errors import CutOffError
from search.journal import Journal
from search.labels import name_of
from search.parsing import parse
from search.progress import Progress
from search.results import TrialResult
from search.tracking import Tracker
from search.trial import METRIC, TIME_ATTRIBUTE
from search.trial_errors import error_of
from search.tuning import End
from search.watch import Watch

CANDIDATE = Candidate(Architecture(groups=(Group(8, 1),)), FAST)


class Notes:
    """The terminal, of which only what was said is of interest here."""

    deadline = None

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)

    def name_of(self, key: str) -> str:
        return "BRNet"

    def begin(self, key: str, name: str, part: float) -> None:
        """What begins is not shown."""

    def end(self, result: TrialResult, stopped_early: bool) -> None:
        """Nothing is counted here."""


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def watch(notes: Notes, tmp_path: Path) -> Watch:
    def unheard(*told: object) -> None:
        """Nothing of it is of interest here."""

    config = replace(parse([]), retries=3)
    tracker = SimpleNamespace(config=config, begin=unheard, log_epochs=unheard, end=unheard)
    return Watch(cast(Tracker, tracker), cast(Progress, notes), "none", Journal(tmp_path), tmp_path)


def failed(folder: Path, content: bytes) -> TuneTrial:
    """A trial whose error file, which Ray Tune writes beside the experiment, holds this."""
    file = folder / "error.pkl"
    file.write_bytes(content)
    config = {"candidate": CANDIDATE.to_json(), "seed": 0}
    return cast(TuneTrial, SimpleNamespace(config=config, pickled_error_file=str(file), last_result=None))


def full_disk() -> bytes:
    return bytes(cloudpickle.dumps(OSError(28, "No space left on device")))


@pytest.mark.parametrize("event", ["on_trial_recover", "on_trial_error"])
def test_full_disk_is_no_trial_s_fault(watch: Watch, notes: Notes, tmp_path: Path, event: str) -> None:
    """Neither a retry is used nor a restart announced, whichever of Ray's two events comes first."""
    getattr(watch, event)(0, [], failed(tmp_path, full_disk()))
    assert notes.said == []
    assert str(watch.stop) == "there is no space left on the disk"
    assert watch.results == []


@pytest.mark.parametrize("event", ["on_trial_recover", "on_trial_error"])
def test_other_failure_uses_a_retry(watch: Watch, notes: Notes, tmp_path: Path, event: str) -> None:
    getattr(watch, event)(0, [], failed(tmp_path, cloudpickle.dumps(RuntimeError("the lamp went out"))))
    assert notes.said == ["BRNet is started again (1 of 3): the lamp went out"]
    assert watch.stop is None


@pytest.mark.parametrize("kept", [0, 10], ids=["empty", "cut short"])
def test_unreadable_error_is_no_error_of_the_driver_s(watch: Watch, notes: Notes, tmp_path: Path, kept: int) -> None:
    """Where the disk of Ray's own folder is full, the file of the error is what did not fit."""
    trial = failed(tmp_path, full_disk()[:kept])
    assert error_of(trial) is None
    watch.on_trial_error(0, [], trial)
    assert notes.said == ["BRNet is started again (1 of 3): its process ended"]


@pytest.mark.parametrize(("failure", "reason"), [("RuntimeError: broken", ""), (None, "stopped by none")])
def test_a_failure_is_not_the_schedulers_doing(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, failure: str | None, reason: str
) -> None:
    ended: list[tuple[object, ...]] = []
    monkeypatch.setattr(watch, "_end", lambda trial, last, *rest, again: ended.append((*rest, again)))
    trial = SimpleNamespace(config={"candidate": CANDIDATE.to_json(), "seed": 0}, last_result={"failure": failure})
    watch.on_trial_complete(0, [], cast(TuneTrial, trial))
    assert ended == [(reason, failure, False)]


def test_a_trial_stopped_while_it_repeats_its_epochs_came_to_what_it_was_trained_to(
    watch: Watch, tmp_path: Path
) -> None:
    """HyperBand sees all epochs again in a search that goes on, and may stop a trial earlier than it was cut off."""
    config = {"candidate": CANDIDATE.to_json(), "seed": 0}
    reports = [{TIME_ATTRIBUTE: epoch, METRIC: 1.0 / epoch, "best_epoch": epoch} for epoch in (1, 2, 3)]
    TrialFolder.of(tmp_path, key_of(config)).save(3, reports, [(NETWORK_FILE, Path.touch)])
    trial = SimpleNamespace(config=config, last_result=reports[0])
    watch.on_trial_complete(0, [], cast(TuneTrial, trial))
    assert watch.stop is None
    (result,) = watch.results
    assert (result.epochs, result.best_epoch, result.best_error) == (3, 3, 1.0 / 3)
    assert result.stop_reason == "stopped by none"


def test_a_trial_whose_process_never_began_is_told_by_its_name(watch: Watch, tmp_path: Path) -> None:
    out = io.StringIO()
    watch.progress = Progress("a search", 2, 5, "eV", Console(file=out, width=140))
    watch.tracker.config = replace(watch.tracker.config, retries=0)
    watch.on_trial_error(0, [], failed(tmp_path, cloudpickle.dumps(RuntimeError("the lamp went out"))))
    said = f"1/2  {name_of(CANDIDATE, FAST)}  failed: the lamp went out (1 times), 0 epochs"
    assert out.getvalue().startswith(said)
    assert not watch.progress.running


def test_nothing_is_waited_for_once_no_epoch_is_left_to_train(watch: Watch) -> None:
    """Trials that wait for a slot may wait for ever: on a cluster, others may have all of it."""
    watch.progress = Progress("a search", 2, 5, "eV", Console(file=io.StringIO()), deadline=time.time() - 1)
    stops = End(watch).stop_all
    assert not stops(), "it would end without any result"
    watch.enter(TrialResult("done", CANDIDATE, 0, 5, 5, 0.1))
    assert stops()
    watch.progress.begin("under way", "BRNet")
    assert not stops()
    watch.progress.leave("under way")
    watch.progress.deadline = None
    assert not stops()


@pytest.mark.parametrize("event", ["on_trial_complete", "on_trial_error"])
def test_a_trial_that_goes_on_in_another_session_is_not_waited_for_either(
    watch: Watch, tmp_path: Path, event: str
) -> None:
    watch.progress = Progress("a search", 2, 5, "eV", Console(file=io.StringIO()))
    trial = failed(tmp_path, cloudpickle.dumps(RuntimeError("the lamp went out")))
    watch.on_trial_start(0, [], trial)
    watch.stop = CutOffError("interrupted", 130)
    assert not End(watch).stop_all()
    getattr(watch, event)(0, [], trial)
    assert End(watch).stop_all()
    assert watch.results == []
