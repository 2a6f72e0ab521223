"""The searcher of a race: first all candidates, then repeats; the same after a cut."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from ray.tune.search import Searcher

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.recipe import FAST
from search.checkpoints import key_of
from search.journal import Journal
from search.racing import RacingSearcher
from search.results import TrialResult
from search.suggest import EverySearcher
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


def run(searcher: RacingSearcher, most: int = 1000) -> list[tuple[str, int]]:
    """Trains one trial after the other; what was trained."""
    trained: list[tuple[str, int]] = []
    while len(trained) < most and isinstance(config := searcher.suggest(f"t{len(trained)}"), dict):
        result = TrialResult(
            key_of(config), Candidate.from_json(config["candidate"]), config["seed"], 5, 5, error_of(config), 1.0, "ok"
        )
        searcher.on_trial_complete(f"t{len(trained)}", {METRIC: result.best_error, "stop_reason": "ok"})
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


def test_the_race_begins_when_it_is_time(tmp_path: Path) -> None:
    clock = iter([False] * 4 + [True] * 100)
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
