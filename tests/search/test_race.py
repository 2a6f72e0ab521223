"""The race over seeds: who is repeated, when it ends, and that it finds the best more often than equal shares do."""

from collections.abc import Callable

import numpy as np
import pytest

from search.race import cost, next_repeat
from search.spread import pooled

SEEDS = (0, 1, 2, 3, 4)


def race(candidates: list[str], error: Callable[[str, int], float | None], seeds: tuple[int, ...] = SEEDS,
         workers: int = 1) -> dict[str, dict[int, float | None]]:  # fmt: skip
    """Every candidate from the first seed, then repeats by `workers` at a time, the oldest done first."""
    known = {candidate: {seeds[0]: error(candidate, seeds[0])} for candidate in candidates}
    running: list[tuple[str, int]] = []
    while True:
        while len(running) < workers and (trial := next_repeat(known, running, seeds)) is not None:
            assert trial not in running
            assert trial[1] not in known[trial[0]]
            running.append(trial)
        if not running:
            return known
        candidate, seed = running.pop(0)
        known[candidate][seed] = error(candidate, seed)


def noisy(means: dict[str, float], deviation: float, state: int) -> Callable[[str, int], float]:
    names = list(means)

    def error(candidate: str, seed: int) -> float:
        generator = np.random.default_rng([state, names.index(candidate), seed])
        return means[candidate] + deviation * float(generator.standard_normal())

    return error


def test_the_best_and_its_equals_get_all_seeds_and_the_poor_one() -> None:
    means = {"a": 0.100, "b": 0.1001, **{f"poor {k}": 0.2 + 0.01 * k for k in range(20)}}
    known = race(list(means), noisy(means, 0.002, 0))
    seeds = {candidate: len(by_seed) for candidate, by_seed in known.items()}
    assert seeds["a"] == seeds["b"] == 5
    assert all(seeds[f"poor {k}"] == 1 for k in range(5, 20))
    assert cost(22, 5)[0] <= sum(seeds.values()) < 40 < cost(22, 5)[1]


@pytest.mark.parametrize("workers", [1, 3, 40])
def test_equals_all_get_all_seeds_with_any_number_of_workers(workers: int) -> None:
    means = {f"c{k}": 0.1 for k in range(8)}
    known = race(list(means), noisy(means, 0.01, 3), (7, 8, 9), workers)
    assert all(set(by_seed) == {7, 8, 9} for by_seed in known.values())


def test_it_finds_the_best_more_often_than_equal_shares_of_the_same_cost() -> None:
    """Twenty candidates a spread's quarter apart; equal shares get the race's cost, rounded up to whole seeds."""
    means = {f"c{k}": 0.1 + 0.0025 * k for k in range(20)}
    regret: dict[str, list[float]] = {"race": [], "equal": [], "one seed": []}
    for state in range(60):
        error = noisy(means, 0.01, state)
        known = race(list(means), error)
        trials = sum(len(by_seed) for by_seed in known.values())
        raced = {c: np.mean([e for e in by.values() if e is not None]) for c, by in known.items() if len(by) == 5}
        share = -(-trials // len(means))
        equal = {c: np.mean([error(c, 100 + seed) for seed in range(share)]) for c in means}
        single = {c: error(c, 0) for c in means}
        for name, found in (("race", raced), ("equal", equal), ("one seed", single)):
            regret[name].append(means[min(found, key=found.__getitem__)] - 0.1)
    assert np.mean(regret["race"]) < np.mean(regret["equal"])
    assert np.mean(regret["race"]) < 0.6 * np.mean(regret["one seed"])


def test_the_race_goes_on_with_who_may_be_the_best_and_not_with_who_is() -> None:
    errors = {"a": dict(enumerate((0.10, 0.11, 0.09, 0.10))), "b": dict(enumerate((0.103, 0.113, 0.093, 0.103)))}
    assert next_repeat({**errors, "c": {0: 0.104}}, [], range(6)) == ("c", 1)


def test_a_candidate_that_fails_is_out_of_the_race() -> None:
    means = {"a": 0.1, "b": 0.101, "c": 0.102}
    well = noisy(means, 0.01, 1)
    known = race(list(means), lambda c, seed: None if (c, seed) in (("a", 1), ("c", 0)) else well(c, seed))
    assert {c: len(by_seed) for c, by_seed in known.items()} == {"a": 2, "b": 5, "c": 1}
    assert race(["a"], lambda c, seed: None) == {"a": {0: None}}


def test_models_that_no_seed_changes_are_not_repeated_in_vain() -> None:
    known = race([f"c{k}" for k in range(10)], lambda c, seed: 0.1 + 0.01 * int(c[1:]))
    assert sum(len(by_seed) for by_seed in known.values()) == cost(10, 5)[0]


@pytest.mark.parametrize(("candidates", "seeds", "expected"), [(1, 5, (5, 5)), (2, 2, (4, 4)), (100, 5, (108, 500))])
def test_cost_at_least_and_at_most(candidates: int, seeds: int, expected: tuple[int, int]) -> None:
    assert cost(candidates, seeds) == expected


def test_spread_is_pooled_within_candidates() -> None:
    spread, freedom = pooled([[0.1, 0.3], [5.0], [1.0, 1.0, 1.0]])
    assert spread == pytest.approx(np.sqrt(0.02 / 3))
    assert freedom == 3
