"""How a search ends: what compares, what it is worth to a shell, and what is said where it is cut off."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from mlflow.exceptions import MlflowException
from rich.console import Console

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.checkpoint import save_network
from models.network import build
from models.recipe import FAST
from search import session
from search.data import Split
from search.ending import conclude, cut_off
from search.errors import CutOffError, UserError
from search.parsing import parse
from search.resources import Resources
from search.results import NONE_ON_ALL_ROWS, TrialResult
from search.row_parts import on_part
from search.store import open_store
from search.targets import space_of
from search.tracking import Tracker
from search.watch import Watch

ALONE = Resources(1, 0, 1)


@pytest.fixture
def tracker(in_tmp: Path, mp_split: Split) -> Tracker:
    """Of a search whose candidates are first trained on parts of the rows."""
    config = parse(["space=branching", "scheduler=rows", "dataset=mp", "rows=2000"])
    return Tracker(config, mp_split, open_store(config.tracking.uri, config.experiment))


def result(width: int, error: float, part: float = 1.0) -> TrialResult:
    candidate = on_part(Candidate(Architecture(groups=(Group(width, 1),)), FAST), part)
    return TrialResult(f"{width} {part}", candidate, 0, 5, 5, error, 2.0, "all epochs")


def failed(width: int, reason: str) -> TrialResult:
    return replace(result(width, float("inf")), failure=reason)


def recorded(tracker: Tracker, results: list[TrialResult]) -> list[TrialResult]:
    """The trials, as MLflow has them when a search ends."""
    for each in results:
        tracker.begin(each.trial_id, each.candidate, each.seed)
        file = Path(each.trial_id) / "network.npz"
        file.parent.mkdir()
        save_network(file, build(each.candidate.architecture, each.seed))
        tracker.end(each, None if each.failure else file)
    tracker.writer.flush()
    return results


def concluded(tracker: Tracker, split: Split, results: list[TrialResult]) -> tuple[int, str]:
    out = io.StringIO()
    status = conclude(results, split, tracker, Console(file=out, width=140))
    return status, out.getvalue()


def test_the_winner_is_of_the_trials_on_all_rows(tracker: Tracker, mp_split: Split) -> None:
    """Whatever the errors of those on a part, the error of none of which has a place in the ranking."""
    found = recorded(tracker, [result(8, 0.05, 1 / 9), result(9, 0.3), result(10, 0.2)])
    status, printed = concluded(tracker, mp_split, found)
    assert status == 0
    assert "0.2000 eV/atom" in printed
    assert "0.0500" not in printed
    ranks = {each.trial_id: tracker.client.get_run(tracker.children[each.trial_id]).data.metrics for each in found}
    assert [ranks[each.trial_id].get("rank") for each in found] == [None, 2, 1]


def test_no_result_on_all_rows_is_a_failure_that_says_how_to_go_on(tracker: Tracker, mp_split: Split) -> None:
    found = [result(8, 0.1, 1 / 9), failed(9, "out of memory")]
    assert concluded(tracker, mp_split, found) == (1, f"{NONE_ON_ALL_ROWS}\n  {found[1].candidate}: out of memory\n")


def test_a_search_whose_trials_all_failed_gives_five_reasons(tracker: Tracker, mp_split: Split) -> None:
    status, printed = concluded(tracker, mp_split, [failed(width, f"reason {width}") for width in range(8, 15)])
    first, *reasons = printed.splitlines()
    assert (status, first) == (1, "No trial came to a result.")
    assert [reason.split(": ")[1] for reason in reasons] == [f"reason {width}" for width in range(8, 13)]
    assert concluded(tracker, mp_split, []) == (1, "No trial came to a result.\n")


@pytest.mark.parametrize(
    ("trouble", "status", "said"),
    [
        (MlflowException("the store is gone\nand more"), 3, "the store is gone"),
        (OSError("no space left"), 3, "no space left"),
    ],
)
def test_a_conclusion_that_cannot_be_written_can_be_gone_on_with(
    tracker: Tracker, mp_split: Split, monkeypatch: pytest.MonkeyPatch, trouble: BaseException, status: int, said: str
) -> None:
    found = recorded(tracker, [result(8, 0.2)])
    monkeypatch.setattr("search.ending.write_conclusion", raising(trouble))
    with pytest.raises(CutOffError, match=f"^{said}$") as caught:
        concluded(tracker, mp_split, found)
    assert caught.value.exit_status == status


def raising(error: BaseException) -> Callable[..., None]:
    def raise_it(*_: object) -> None:
        raise error

    return raise_it


def test_a_search_of_which_mlflow_lacks_trials_is_not_concluded(
    tracker: Tracker, mp_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker.writer, "flush", lambda patience=None: False)
    with pytest.raises(CutOffError, match="MLflow has not taken all results"):
        concluded(tracker, mp_split, [result(8, 0.2)])


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (CutOffError("interrupted", 130), "Interrupted. 1 trial is done and kept"),
        (CutOffError("the disk is full"), "The search has stopped: the disk is full. 1 trial is done and kept"),
    ],
)
def test_a_search_that_is_cut_off_shows_what_it_has_and_how_to_go_on(
    tracker: Tracker, end: CutOffError, said: str
) -> None:
    done = recorded(tracker, [result(8, 0.1, 1 / 9), result(9, 0.25), failed(10, "out of memory")])
    tracker.begin("under way", done[0].candidate, 1)
    tracker.writer.flush()
    out = io.StringIO()
    progress = SimpleNamespace(done=1, unit="eV/atom")
    watch = cast(Watch, SimpleNamespace(results=done, progress=progress))
    cut_off(end, watch, tracker, Console(file=out, width=140))
    printed = out.getvalue()
    assert f"{said}, those under way have their checkpoints; go on with\n" in printed
    assert f"  python -m search.run resume={tracker.parent}" in printed
    assert "0.2500" in printed
    assert "0.1000" not in printed, "on part of the rows it does not compare"
    runs = {name: tracker.client.get_run(run).info.status for name, run in tracker.children.items()}
    assert runs == {done[0].trial_id: "FINISHED", "9 1.0": "FINISHED", "10 1.0": "FAILED", "under way": "KILLED"}
    assert tracker.client.get_run(tracker.parent).info.status == "KILLED"


def test_where_nothing_came_to_a_result_nothing_is_ranked(tracker: Tracker) -> None:
    out = io.StringIO()
    watch = SimpleNamespace(results=[failed(8, "no memory")], progress=SimpleNamespace(done=2, unit="eV/atom"))
    cut_off(CutOffError("interrupted", 130), cast(Watch, watch), tracker, Console(file=out, width=140))
    assert out.getvalue().startswith("\nInterrupted. 2 trials are done and kept")


def under_way(stop: CutOffError | None = None) -> tuple[Watch, list[str]]:
    """What watches a search, as far as its training has to do with it; and what was asked of it."""
    asked: list[str] = []
    progress = SimpleNamespace(open=lambda: asked.append("open"), close=lambda: asked.append("close"))
    watch = SimpleNamespace(
        progress=progress, stop=stop, interrupt=lambda status: None, take_over=lambda: asked.append("take over")
    )
    return cast(Watch, watch), asked


STOP = CutOffError("MLflow's store takes no more")


@pytest.mark.parametrize(
    ("raised", "stop", "kind", "status", "said"),
    [
        (KeyboardInterrupt(), None, KeyboardInterrupt, None, ""),
        (OSError("no space left"), None, CutOffError, 3, "OSError: no space left"),
        (OSError("no space left"), STOP, CutOffError, 3, "MLflow's store takes no more"),
        (None, STOP, CutOffError, 3, "MLflow's store takes no more"),
        (UserError("no such GPU"), None, UserError, None, "no such GPU"),
    ],
)
def test_training_that_breaks_off_says_why(
    tracker: Tracker, mp_split: Split, monkeypatch: pytest.MonkeyPatch, raised: BaseException | None,
    stop: CutOffError | None, kind: type[BaseException], status: int | None, said: str,
) -> None:  # fmt: skip
    """And leaves the terminal as it was."""
    monkeypatch.setattr(session, "run_trials", raising(raised) if raised is not None else lambda *_: None)
    config, (watch, asked) = tracker.config, under_way(stop)
    with pytest.raises(kind, match=f"^{said}$") as caught:
        session.train(config, space_of(config, mp_split), mp_split, ALONE, watch)
    assert getattr(caught.value, "exit_status", None) == status
    assert asked == ["open", "take over", "close"]


def ended(tracker: Tracker, split: Split, monkeypatch: pytest.MonkeyPatch, status: int) -> tuple[int, str, str]:
    """A search whose conclusion had this exit status: its own, what it printed, and its run's status in MLflow."""
    monkeypatch.setattr(session, "train", lambda *_: None)
    monkeypatch.setattr(session, "conclude", lambda *_: status)
    return run(tracker, split)


def run(tracker: Tracker, split: Split) -> tuple[int, str, str]:
    """A search's exit status, what it printed, and its run's status in MLflow."""
    out = io.StringIO()
    config = tracker.config
    console = Console(file=out, width=140)
    found = session.run(config, space_of(config, split), split, ALONE, tracker, Path.cwd(), console, None)
    return found, out.getvalue(), str(tracker.client.get_run(tracker.parent).info.status)


@pytest.mark.parametrize(("status", "run_status"), [(0, "FINISHED"), (1, "FAILED")])
def test_the_exit_status_and_the_runs_are_those_of_the_conclusion(
    tracker: Tracker, mp_split: Split, monkeypatch: pytest.MonkeyPatch, status: int, run_status: str
) -> None:
    """And only of what has a ranking a page can be made."""
    found, printed, in_mlflow = ended(tracker, mp_split, monkeypatch, status)
    assert (found, in_mlflow) == (status, run_status)
    assert (f"`python -m search.report run={tracker.parent}" in printed) == (status == 0)
    assert tracker.parent in printed
    assert "full log in" in printed
    assert "refused" not in printed


def test_a_ranking_that_mlflow_has_not_taken_is_no_success(
    tracker: Tracker, mp_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker.writer, "close", lambda patience: False)
    found, printed, _ = ended(tracker, mp_split, monkeypatch, 0)
    assert found == 3
    assert "The search has stopped: MLflow has not taken all results" in printed
    assert "makes a page of it" not in printed


def test_writes_that_mlflow_refused_are_told(
    tracker: Tracker, mp_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker.writer.failures = 2
    assert "MLflow refused 2 writes, which it lacks: see" in ended(tracker, mp_split, monkeypatch, 0)[1]


@pytest.mark.parametrize("step", ["early_stopping.told", "run_trials", "conclude"])
def test_ctrl_c_leaves_no_run_that_looks_under_way(
    tracker: Tracker, mp_split: Split, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Wherever it comes."""
    monkeypatch.setattr(session, "run_trials", lambda *_: None)
    monkeypatch.setattr(f"search.session.{step}", raising(KeyboardInterrupt()))
    status, printed, in_mlflow = run(tracker, mp_split)
    assert (status, in_mlflow) == (130, "KILLED")
    assert "Interrupted. 0 trials are done and kept" in printed
    assert f"  python -m search.run resume={tracker.parent}" in printed


def test_a_mistake_that_shows_as_the_training_begins_leaves_none_either(
    tracker: Tracker, mp_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "run_trials", raising(UserError("the space of this version is another")))
    with pytest.raises(UserError, match="this version is another"):
        run(tracker, mp_split)
    assert tracker.client.get_run(tracker.parent).info.status == "KILLED"
