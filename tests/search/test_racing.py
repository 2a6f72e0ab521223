"""The searcher of a race: first all candidates, then repeats; the same after a cut."""

from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ray.tune.search import Searcher

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.recipe import FAST
from search.checkpoints import key_of
from search.journal import Journal
from search.promoting import PromotingSearcher
from search.racing import RacingSearcher
from search.results import TrialResult
from search.row_parts import on_part
from search.suggest import EverySearcher, trial_config
from search.trial import METRIC

CANDIDATES = [Candidate(Architecture(groups=(Group(8 + k, 1),)), FAST) for k in range(9)]
SEEDS = (5, 6, 7, 8)


def error_of(config: Any) -> float:
    """Candidates 0 to 2 are nearly the same, the others far worse."""
    width = Candidate.from_json(config["candidate"]).architecture.groups[0].width - 8
    noise = np.random.default_rng([width, config["seed"]]).standard_normal()
    return 0.1 + (0.0001 * width if width < 3 else 0.05 * width) + 0.002 * float(noise)


def make(folder: Path, **options: Any) -> RacingSearcher:
    journal = Journal(folder)
    return RacingSearcher(EverySearcher(CANDIDATES, SEEDS[:1], journal), SEEDS, journal, **options)


def run(searcher: RacingSearcher, most: int = 1000, workers: int = 1) -> list[tuple[str, int]]:
    """Trains so many at a time, the oldest ending first; what was trained. Those under way at the end are lost."""
    trained: list[tuple[str, int]] = []
    running: deque[tuple[str, dict[str, Any]]] = deque()
    number = 0
    while len(trained) < most:
        while len(running) < workers and isinstance(config := searcher.suggest(f"t{number}"), dict):
            running.append((f"t{number}", config))
            number += 1
        if not running:
            break
        name, config = running.popleft()
        candidate = Candidate.from_json(config["candidate"])
        seconds = 9 * candidate.recipe.train_part
        result = TrialResult(key_of(config), candidate, config["seed"], 5, 5, error_of(config), seconds, "ok")
        report = {METRIC: result.best_error, "stop_reason": "ok", "training_seconds": seconds}
        searcher.on_trial_complete(name, report)
        searcher.journal.ended(result, again=False)
        trained.append((config["candidate"], config["seed"]))
    return trained


def test_all_candidates_come_first_and_only_the_promising_again(tmp_path: Path) -> None:
    searcher = make(tmp_path)
    trained = run(searcher)
    assert searcher.suggest("end") == Searcher.FINISHED
    assert trained[:9] == [(candidate.to_json(), 5) for candidate in CANDIDATES]
    counts = Counter(candidate for candidate, _ in trained)
    seeds = [counts[candidate.to_json()] for candidate in CANDIDATES]
    assert min(seeds[:3]) >= 3
    assert max(seeds[:3]) == 4
    assert seeds[3:] == [1] * 6
    assert len(set(trained)) == len(trained)


def test_a_race_cut_off_anywhere_goes_on_as_an_undisturbed_one(tmp_path: Path) -> None:
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole = run(make(tmp_path / "whole"))
    trained: list[tuple[str, int]] = []
    for part in (4, 7, 2, 1000):
        trained += run(make(tmp_path / "cut"), part)
    assert trained == whole


def test_repeats_under_way_at_a_cut_come_first(tmp_path: Path) -> None:
    searcher = make(tmp_path)
    run(searcher, 9)
    under_way = [searcher.suggest(name) for name in "abc"]
    resumed = make(tmp_path)
    assert [resumed.suggest(name) for name in "abc"] == under_way


def test_a_repeat_that_failed_is_out_of_the_race_of_a_resumed_search_too(tmp_path: Path) -> None:
    """Whatever the journal says of who stopped it: earlier versions named the scheduler."""
    searcher = make(tmp_path)
    run(searcher, 9)
    config = searcher.suggest("a")
    assert isinstance(config, dict)
    searcher.on_trial_complete("a", {"failure": "RuntimeError: broken"})
    candidate = Candidate.from_json(config["candidate"])
    failed = TrialResult(key_of(config), candidate, config["seed"], stop_reason="stopped by none", failure="broken")
    searcher.journal.ended(failed, again=False)
    resumed = make(tmp_path)
    assert resumed.errors == searcher.errors
    assert (config["candidate"], config["seed"]) not in run(resumed, 30)


def test_the_race_begins_when_it_is_time(tmp_path: Path) -> None:
    clock = iter([False] * 3 + [True] * 100)  # not asked for the first, without which there is nothing to race
    trained = run(make(tmp_path, is_time=lambda: next(clock)))
    assert len({candidate for candidate, _ in trained}) == 4
    assert trained[4][1] == 6


def test_trials_stopped_from_outside_do_not_race(tmp_path: Path) -> None:
    searcher = make(tmp_path)
    config = searcher.suggest("a")
    searcher.on_trial_complete("a", {METRIC: 0.0001, "stop_reason": None})
    assert isinstance(config, dict)
    counts = Counter(candidate for candidate, _ in run(searcher))
    assert config["candidate"] not in counts


@pytest.mark.parametrize("reason", ["stopped by asha", "time budget"])
def test_a_resumed_race_leaves_out_who_was_stopped(tmp_path: Path, reason: str) -> None:
    key = key_of(trial_config(CANDIDATES[0], SEEDS[0]))
    stopped = TrialResult(key, CANDIDATES[0], SEEDS[0], 2, 2, 0.0001, 1.0, reason)
    make(tmp_path).journal.ended(stopped, again=False)
    assert make(tmp_path).errors == {}


PARTS = (1 / 3, 1.0)


def by_rows(folder: Path, time_left: Callable[[], float] | None = None, **options: Any) -> RacingSearcher:
    """All nine on a third of the rows, three of them on all, and the race among these."""
    folder.mkdir(exist_ok=True)
    journal = Journal(folder)
    inner = EverySearcher([on_part(candidate, PARTS[0]) for candidate in CANDIDATES], SEEDS[:1], journal)
    promoting = PromotingSearcher(inner, PARTS, 3, SEEDS[:1], journal, time_left=time_left)
    return RacingSearcher(promoting, SEEDS, journal, compare=lambda c: c.recipe.train_part == PARTS[-1], **options)


def split_by_part(trained: list[tuple[str, int]]) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    on_all = [Candidate.from_json(candidate).recipe.train_part == PARTS[-1] for candidate, _ in trained]
    return (
        [trial for trial, is_all in zip(trained, on_all, strict=True) if not is_all],
        [trial for trial, is_all in zip(trained, on_all, strict=True) if is_all],
    )


@pytest.mark.parametrize("workers", [1, 3])
def test_by_rows_those_that_came_to_all_rows_race_and_no_others(tmp_path: Path, workers: int) -> None:
    searcher = by_rows(tmp_path)
    trained = run(searcher, workers=workers)
    assert searcher.suggest("end") == Searcher.FINISHED
    on_part_of_them, on_all = split_by_part(trained)
    assert [seed for _, seed in on_part_of_them] == [5] * 9
    best = sorted(CANDIDATES, key=lambda candidate: error_of(trial_config(candidate, 5)))[:3]
    assert {candidate for candidate, _ in on_all} == {candidate.to_json() for candidate in best}
    counts = Counter(candidate for candidate, _ in on_all)
    assert min(counts.values()) >= 3
    assert max(counts.values()) == len(SEEDS)
    assert len(set(trained)) == len(trained)


def test_by_rows_a_race_cut_off_anywhere_goes_on_as_an_undisturbed_one(tmp_path: Path) -> None:
    whole = run(by_rows(tmp_path / "whole"))
    trained: list[tuple[str, int]] = []
    for part in (4, 6, 1, 2, 3, 1000):
        trained += run(by_rows(tmp_path / "cut"), part)
    assert trained == whole


def test_by_rows_no_race_begins_before_one_has_come_to_all_rows_however_late_it_is(tmp_path: Path) -> None:
    """Three seconds a candidate on a third, and no time for more: the best of those there goes to all rows, then it
    is repeated, and no further candidate is drawn."""
    left = [100.0]
    searcher = by_rows(tmp_path, lambda: left[0], is_time=lambda: left[0] <= 0)
    assert len(run(searcher, 2)) == 2
    left[0] = -1.0
    later = run(searcher, 3)
    on_part_of_them, on_all = split_by_part(later)
    assert not on_part_of_them
    best = min(CANDIDATES[:2], key=lambda candidate: error_of(trial_config(candidate, 5)))
    assert on_all == [(best.to_json(), seed) for seed in SEEDS[:3]]


def test_by_rows_a_failure_is_no_result_to_begin_the_race_with(tmp_path: Path) -> None:
    """The best of two on a third fails on all rows, late: the other goes there in its place."""
    left = [100.0]
    searcher = by_rows(tmp_path, lambda: left[0], is_time=lambda: left[0] <= 0)
    first = run(searcher, 2)
    left[0] = -1.0
    config = searcher.suggest("a")
    assert isinstance(config, dict)
    searcher.on_trial_complete("a", {"failure": "loss not finite in epoch 1"})
    other = next(
        c for c in CANDIDATES if on_part(c, PARTS[0]).to_json() in dict(first) and c.to_json() != config["candidate"]
    )
    assert run(searcher, 1) == [(other.to_json(), SEEDS[0])]
