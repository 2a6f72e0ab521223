"""What the terminal says of a search under way."""

import io
import time

import pytest
from rich.console import Console

from models.candidate import Candidate
from models.published import BRNET
from models.recipe import FAST
from search.data import Split
from search.parsing import parse
from search.progress import Progress, duration
from search.results import TrialResult
from search.session import progress_of
from search.targets import space_of


def progress(
    total: int | None = 4, deadline: float | None = None, terminal: bool = False
) -> tuple[Progress, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=terminal)
    return Progress("branching on mp", total, 10, "eV/atom", console, deadline, time.time() - 60), out


def ended(trial_id: str, failure: str | None = None) -> TrialResult:
    return TrialResult(trial_id, Candidate(BRNET, FAST), 0, 10, 9, 0.25, 90.0, "all epochs", failure)


def test_counts_best_and_time_left() -> None:
    view, out = progress()
    view.begin("a", "first")
    view.begin("b", "second")
    view.epoch("a", 10, 0.25)
    view.epoch("b", 5, 0.5)
    view.end(ended("a"), stopped_early=False)
    view.begin("c", "third")
    assert view.fraction() == pytest.approx((1 + 0.5) / 4)
    summary = view.summary()
    assert "1 of 4 trials done, 2 running" in summary
    assert "best 0.2500 eV/atom first" in summary
    assert view.time_left() == "at most about 100 s left" or "2 min" in view.time_left()
    assert "1/4  first  0.2500 eV/atom, 10 epochs in 90 s (all epochs)" in out.getvalue()


def test_trials_on_part_of_the_rows_are_no_results_and_count_as_that_part() -> None:
    view, out = progress(total=3)
    view.work, view.is_at_most = 1 / 3 + 1 / 3 + 1, True
    for name in "ab":
        view.begin(name, f"{name} on a third", 1 / 3)
        view.epoch(name, 10, 0.25)
    view.end(ended("a"), stopped_early=False)
    assert "1 of at most 3  a on a third  0.2500 eV/atom" in out.getvalue()
    assert "1 of at most 3 trials done, 1 running, none on all rows yet" in view.summary()
    assert view.fraction() == pytest.approx((1 / 3 + 1 / 3) / (5 / 3))
    view.end(ended("b"), stopped_early=False)
    view.begin("c", "a on all")
    view.epoch("c", 5, 0.3)
    assert "best 0.3000 eV/atom a on all" in view.summary()
    assert view.fraction() == pytest.approx((2 / 3 + 0.5) / (5 / 3))


def test_failed_and_stopped_are_counted() -> None:
    view, out = progress(total=2)
    view.begin("a", "first")
    view.end(ended("a", failure="loss not finite in epoch 2"), stopped_early=False)
    view.begin("b", "second")
    view.end(ended("b"), stopped_early=True)
    assert "1 stopped early, 1 failed" in view.summary()
    assert "failed: loss not finite in epoch 2" in out.getvalue()
    assert view.time_left() == "all done"


def test_a_time_budget_bounds_the_time_left() -> None:
    view, _ = progress(total=None, deadline=time.time() + 60)
    assert view.fraction() == pytest.approx(0.5, abs=0.02)


def test_the_live_view_shows_trials_under_way() -> None:
    view, out = progress(terminal=True)
    view.open()
    view.begin("a", "Top[2,2] skip leaky")
    view.epoch("a", 3, 0.125)
    view.close()
    assert "Top[2,2] skip leaky" in out.getvalue()
    assert "3/10" in out.getvalue()
    assert "0.1250" in out.getvalue()


def test_durations_read_well() -> None:
    assert [duration(seconds) for seconds in (0, 2.44, 9.97, 99, 100, 5400, 12000)] == [
        "0 s",
        "2.4 s",
        "10 s",
        "99 s",
        "2 min",
        "90 min",
        "3 h 20 min",
    ]


def test_a_resumed_search_has_what_is_left_of_its_time_budget(mp_split: Split) -> None:
    config = parse(["time_budget=100s"])
    progress = progress_of(config, space_of(config, mp_split), mp_split, Console(file=io.StringIO()), 60.0, 0)
    assert progress.deadline is not None
    assert progress.deadline - time.time() == pytest.approx(40, abs=1)
