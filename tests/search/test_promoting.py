"""The searcher of scheduler=rows: the same trials however it is cut, and what its sampler learns."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ray.tune.search import Searcher

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.published import BRNET
from models.recipe import FAST
from search.checkpoints import key_of
from search.journal import Journal
from search.promoting import PromotingSearcher
from search.results import TrialResult
from search.row_parts import PartSpace, on_part
from search.sampled import SampledSearcher
from search.suggest import CandidateSearcher, EverySearcher, trial_config
from search.trial import METRIC
from spaces import build

PARTS = (1 / 9, 1 / 3, 1.0)
SEEDS = (5, 6)
CANDIDATES = [Candidate(Architecture(groups=(Group(8 + k, 1),)), FAST) for k in range(9)]


def error_of(config: dict[str, Any]) -> float:
    """Falls with the rows; of the candidate it keeps less, the fewer rows there are."""
    candidate = Candidate.from_json(config["candidate"])
    part = candidate.recipe.train_part
    noise = np.random.default_rng([candidate.parameter_count() or 0, config["seed"], round(9 * part)]).random()
    return 0.1 / part + 0.01 * (candidate.parameter_count() or 0) / 100 + 0.05 * float(noise) / part


def every(journal: Journal) -> CandidateSearcher:
    return EverySearcher([on_part(candidate, PARTS[0]) for candidate in CANDIDATES], SEEDS[:1], journal)


def make(folder: Path, **options: Any) -> PromotingSearcher:
    folder.mkdir(exist_ok=True)
    journal = Journal(folder)
    inner = options.pop("inner", every)(journal)
    return PromotingSearcher(inner, PARTS, 3, options.pop("seeds", SEEDS), journal, **options)


def run(
    searcher: PromotingSearcher,
    most: int = 1000,
    workers: int = 1,
    error: Callable[[dict[str, Any]], float] = error_of,
) -> list[dict[str, Any]]:
    """Train with so many at a time, the oldest ending first; those under way when `most` have ended are lost."""
    trained: list[dict[str, Any]] = []
    running: list[tuple[str, dict[str, Any]]] = []
    number = 0
    while len(trained) < most:
        while len(running) < workers and isinstance(config := searcher.suggest(f"t{number}"), dict):
            running.append((f"t{number}", config))
            number += 1
        if not running:
            break
        name, config = running.pop(0)
        candidate, found = Candidate.from_json(config["candidate"]), error(config)
        result = TrialResult(key_of(config), candidate, config["seed"], 5, 5, found, 9 * candidate.recipe.train_part)
        searcher.journal.ended(result, again=False)
        searcher.on_trial_complete(name, {METRIC: found, "stop_reason": "ok", "training_seconds": result.seconds})
        trained.append(config)
    return trained


def parts_of(trained: list[dict[str, Any]]) -> list[int]:
    found = [Candidate.from_json(config["candidate"]).recipe.train_part for config in trained]
    return [found.count(part) for part in PARTS]


def test_nine_on_a_ninth_three_on_a_third_and_the_best_on_all_from_every_seed(tmp_path: Path) -> None:
    searcher = make(tmp_path)
    trained = run(searcher)
    assert searcher.suggest("end") == Searcher.FINISHED
    assert parts_of(trained) == [9, 3, 2]
    assert [config["seed"] for config in trained] == [5] * 13 + [6]
    on_a_third = {Candidate.from_json(config["candidate"]).architecture for config in trained[9:12]}
    best = sorted(trained[:9], key=error_of)[:3]
    assert on_a_third == {Candidate.from_json(config["candidate"]).architecture for config in best}
    final = Candidate.from_json(min(trained[9:12], key=error_of)["candidate"])
    assert [Candidate.from_json(config["candidate"]) for config in trained[12:]] == [on_part(final, 1.0)] * 2
    assert on_part(final, 1.0) in CANDIDATES
    assert len({key_of(config) for config in trained}) == 14


@pytest.mark.parametrize(("workers", "options"), [(1, {}), (4, {}), (1, {"time_left": lambda: 1000.0})])
def test_cut_off_anywhere_it_goes_on_and_trains_the_same_trials_once(
    tmp_path: Path, workers: int, options: dict[str, Any]
) -> None:
    whole = run(make(tmp_path / "whole", **options))
    cut: list[dict[str, Any]] = []
    for part in (4, 6, 1, 1, 1000):
        cut += run(make(tmp_path / "cut", **options), part, workers)
    assert sorted(map(key_of, cut)) == sorted(map(key_of, whole))


def test_those_that_went_on_and_were_under_way_at_a_cut_come_first(tmp_path: Path) -> None:
    searcher = make(tmp_path)
    run(searcher, 9)
    under_way = [searcher.suggest(name) for name in "ab"]
    resumed = make(tmp_path)
    assert [resumed.suggest(name) for name in "ab"] == under_way
    assert parts_of(run(resumed)) == [0, 1, 0], "no other can be sure to be the best of three before these end"
    assert resumed.suggest("end") is None


def test_one_that_failed_on_a_larger_part_gives_its_place_to_the_next_also_after_a_cut(tmp_path: Path) -> None:
    searcher = make(tmp_path)
    run(searcher, 9)
    config = searcher.suggest("a")
    assert isinstance(config, dict)
    searcher.on_trial_complete("a", {"failure": "RuntimeError: broken"})
    candidate = Candidate.from_json(config["candidate"])
    searcher.journal.ended(
        TrialResult(key_of(config), candidate, 5, stop_reason="stopped by rows", failure="broken"), again=False
    )
    resumed = make(tmp_path)
    assert [rung.errors for rung in resumed.rungs] == [rung.errors for rung in searcher.rungs]
    assert parts_of(run(resumed, 30)) == [0, 3, 2]


def test_the_sampler_learns_the_errors_on_the_smallest_part_alone_also_after_a_cut(tmp_path: Path) -> None:
    space = PartSpace(build("hyperparameters", FAST, BRNET), PARTS[0])

    def sampled(journal: Journal) -> CandidateSearcher:
        return SampledSearcher(space, 9, SEEDS[:1], journal)

    searcher = make(tmp_path, inner=sampled)
    trained = run(searcher)
    assert parts_of(trained) == [9, 3, 2]
    for each in (searcher, make(tmp_path, inner=sampled)):
        assert isinstance(each.inner, SampledSearcher)
        told = [trial.value for trial in each.inner.study.trials]
        assert told == pytest.approx([error_of(config) for config in trained[:9]])


def test_of_several_objectives_the_cheap_go_on_beside_the_best_also_after_a_cut(tmp_path: Path) -> None:
    """The larger a network the lower its error, so that none beats another."""

    def falling(config: dict[str, Any]) -> float:
        return 1.0 - (Candidate.from_json(config["candidate"]).parameter_count() or 0) / 1e4

    def trained_by(objectives: Sequence[str], folder: Path, cuts: Sequence[int] = (1000,)) -> list[dict[str, Any]]:
        return [
            config
            for part in cuts
            for config in run(make(folder, objectives=objectives), part, workers=3, error=falling)
        ]

    def on_a_third(trained: list[dict[str, Any]]) -> set[int]:
        found = [Candidate.from_json(config["candidate"]) for config in trained]
        return {c.architecture.groups[0].width for c in found if c.recipe.train_part == PARTS[1]}

    both = ("validation_mae", "parameters")
    whole = trained_by(both, tmp_path / "both")
    assert parts_of(whole) == [9, 3, 2]
    assert on_a_third(trained_by((), tmp_path / "error")) == {14, 15, 16}
    assert {8, 16} < on_a_third(whole)
    cut = trained_by(both, tmp_path / "cut", (4, 6, 1, 1, 1000))
    assert sorted(map(key_of, cut)) == sorted(map(key_of, whole))


def test_under_a_time_budget_good_ones_go_on_before_all_are_drawn(tmp_path: Path) -> None:
    trained = run(make(tmp_path, time_left=lambda: 1000.0))
    assert parts_of(trained) == [9, 3, 2]
    assert parts_of(trained[:4]) == [3, 1, 0]


def test_where_time_is_short_the_best_go_straight_to_all_rows_as_long_as_they_can_be_done(tmp_path: Path) -> None:
    """A trial takes nine seconds on all rows."""
    left = [100.0]
    searcher = make(tmp_path, time_left=lambda: left[0], seeds=SEEDS[:1])
    first = run(searcher, 2)
    assert parts_of(first) == [2, 0, 0]
    left[0] = 13.0
    finals = run(searcher, 2)
    assert parts_of(finals) == [0, 0, 2]
    best_first = [Candidate.from_json(config["candidate"]) for config in sorted(first, key=error_of)]
    assert [on_part(Candidate.from_json(config["candidate"]), PARTS[0]) for config in finals] == best_first
    left[0] = 8.0
    assert parts_of(run(searcher, 2)) == [1, 1, 0], "none can be done on all rows, and no slot waits"


def test_one_goes_to_all_rows_even_if_it_cannot_be_done_in_time(tmp_path: Path) -> None:
    searcher = make(tmp_path, time_left=lambda: 5.0, seeds=SEEDS[:1])
    assert parts_of(run(searcher, 4)) == [3, 0, 1]


def test_trials_ended_by_the_time_budget_do_not_compare(tmp_path: Path) -> None:
    searcher = make(tmp_path)
    config = searcher.suggest("a")
    assert isinstance(config, dict)
    searcher.on_trial_complete("a", {METRIC: 0.0001, "stop_reason": None})
    assert not searcher.rungs[0].errors
    assert not searcher.rungs[0].under_way


def test_nor_do_they_in_a_search_that_goes_on(tmp_path: Path) -> None:
    candidate = on_part(CANDIDATES[0], PARTS[0])
    key = key_of(trial_config(candidate, SEEDS[0]))
    cut_off = TrialResult(key, candidate, SEEDS[0], 2, 2, 0.0001, 1.0, "time budget")
    make(tmp_path).journal.ended(cut_off, again=False)
    assert not make(tmp_path).rungs[0].errors
