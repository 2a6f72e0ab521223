"""Ranking: by validation, over seeds, fairly to those with fewer results."""

import math
from dataclasses import replace

import pytest

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.published import BNET, BRNET, ELEMNET, IRNET
from models.recipe import FAST
from search.results import OUT_OF_TIME, TrialResult, has_lowest_error, rank
from spaces import build


def result(
    architecture: Architecture, seed: int, error: float, failure: str | None = None, reason: str = "all epochs"
) -> TrialResult:
    candidate = Candidate(architecture, FAST)
    return TrialResult(f"{architecture} {seed}", candidate, seed, 10, 8, error, 60.0, reason, failure)


def cut_off(architecture: Architecture, seed: int, error: float) -> TrialResult:
    return result(architecture, seed, error, reason=OUT_OF_TIME)


def order(results: list[TrialResult]) -> list[Architecture]:
    return [standing.candidate.architecture for standing in rank(results)]


def test_lowest_mean_over_seeds_is_first() -> None:
    standings = rank([result(BRNET, 0, 0.10), result(BNET, 0, 0.05), result(BRNET, 1, 0.08), result(BNET, 1, 0.15)])
    assert [s.candidate.architecture for s in standings] == [BRNET, BNET]
    assert [s.rank for s in standings] == [1, 2]
    assert standings[0].mean_error == pytest.approx(0.09)
    assert standings[0].spread == pytest.approx(math.sqrt(2) * 0.01)


def test_one_seed_has_no_spread() -> None:
    assert rank([result(BRNET, 0, 0.1)])[0].spread is None


def test_a_lucky_single_seed_does_not_beat_complete_ones() -> None:
    standings = rank([
        result(BRNET, 0, 0.10), result(BRNET, 1, 0.10),
        result(BNET, 0, 0.05), result(BNET, 1, math.inf, "loss not finite in epoch 3"),
        result(IRNET, 0, math.inf, "out of memory"), result(IRNET, 1, math.inf, "out of memory"),
    ])  # fmt: skip
    assert [s.candidate.architecture for s in standings] == [BRNET, BNET, IRNET]
    assert standings[1].mean_error == 0.05
    assert "loss not finite" in standings[1].stop_reasons
    assert standings[2].mean_error == math.inf


def test_a_repeat_that_the_time_budget_cut_off_does_not_demote_its_candidate() -> None:
    """Its error would not compare: it had two of sixty epochs."""
    one_each = [result(BRNET, 0, 0.10), result(BNET, 0, 0.11), result(IRNET, 0, 0.3)]
    assert order(one_each) == [BRNET, BNET, IRNET]
    for architecture, error in ((BRNET, 0.9), (IRNET, 0.9), (IRNET, 0.1)):
        standings = rank([*one_each, cut_off(architecture, 1, error)])
        assert [s.candidate.architecture for s in standings] == [BRNET, BNET, IRNET]
        assert {len(standing.results) for standing in standings} == {1}
    assert order([cut_off(BRNET, 0, 0.2), cut_off(BNET, 0, 0.1)]) == [BNET, BRNET]
    assert rank([cut_off(BRNET, 0, 0.2)])[0].is_cut_off
    assert not rank([result(BRNET, 0, 0.2), cut_off(BRNET, 1, 0.3)])[0].is_cut_off


def test_a_round_of_seeds_that_time_ended_puts_first_neither_who_has_most_nor_who_had_luck() -> None:
    first = [result(architecture, 0, error) for architecture, error in ((ELEMNET, 0.3), (BNET, 0.2), (BRNET, 0.21))]
    assert order([*first, result(ELEMNET, 1, 0.302)]) == [BNET, BRNET, ELEMNET]
    assert order([*first, result(ELEMNET, 1, 0.3), result(BNET, 1, 0.215), result(IRNET, 0, 0.206)])[0] == BNET


def test_a_poor_network_that_scatters_does_not_decide_the_order_of_good_ones() -> None:
    networks = [Architecture(groups=(Group(width, 1),)) for width in range(8, 16)]
    repeated = [result(network, seed, 0.079 + 0.001 * seed) for network in networks[:3] for seed in (0, 1)]
    once = [result(network, 0, 0.05) for network in networks[3:7]]
    poor = [result(networks[7], seed, 0.6 + 0.5 * seed) for seed in (0, 1)]
    assert order([*repeated, *once, *poor])[0] == networks[3]


def test_the_spread_of_two_seeds_alone_is_trusted_as_that_of_seven() -> None:
    """By it a second seed is worth 0.0051, so that 0.206 from one seed leads 0.215 from two, and 0.212 does not."""
    twice, once = (Architecture(groups=(Group(width, 1),)) for width in (8, 9))
    repeated = [result(twice, 0, 0.21), result(twice, 1, 0.22)]
    assert [order([*repeated, result(once, 0, error)])[0] for error in (0.206, 0.212)] == [once, twice]


def test_the_first_has_not_always_the_lowest_error() -> None:
    assert has_lowest_error(rank([result(BRNET, 0, 0.1), result(BNET, 0, 0.2)]))
    failed = [result(BNET, 0, 0.05), result(BNET, 1, math.inf, "loss not finite in epoch 3")]
    assert not has_lowest_error(rank([result(BRNET, 0, 0.1), result(BRNET, 1, 0.1), *failed]))


def test_in_a_race_few_seeds_are_a_verdict_and_a_failure_is_still_one() -> None:
    """The spread over seeds is 0.01: one lucky seed does not beat three, nor does one more seed make a winner."""
    standings = rank([
        *(result(BRNET, seed, 0.10 + 0.01 * (seed - 1)) for seed in (0, 1, 2)),
        *(result(BNET, seed, 0.07 + 0.01 * (seed - 1)) for seed in (0, 1)), result(IRNET, 0, 0.095),
        result(ELEMNET, 0, 0.01), result(ELEMNET, 1, math.inf, "loss not finite in epoch 3"),
    ])  # fmt: skip
    assert [s.candidate.architecture for s in standings] == [BNET, BRNET, IRNET, ELEMNET]
    assert rank([result(BRNET, 0, 0.2), result(BNET, 0, 0.1)])[0].candidate.architecture == BNET


def test_fewer_parameters_win_a_tie() -> None:
    assert rank([result(ELEMNET, 0, 0.1), result(BNET, 0, 0.1)])[0].candidate.architecture == BNET


def test_which_trial_ended_first_decides_no_tie() -> None:
    results = [result(network, 0, 0.1) for network in (BRNET, replace(BRNET, dropout=(0.1,) * 6))]
    assert order(results) == order(results[::-1])


def test_nothing_to_rank() -> None:
    assert rank([]) == []


def test_an_estimator_fitted_to_part_of_the_rows_stands_behind_those_of_all() -> None:
    """It would be tested, and registered, as another model: fitted again to all rows."""
    space = build("traditional", replace(FAST, epochs=3), BRNET)
    quick, slow = list(space.candidates())[:2]
    whole = TrialResult("a", quick, 0, 3, 3, 0.5, 1.0, "fitted")
    part = TrialResult("b", slow, 0, 2, 2, 0.4, 9.0, OUT_OF_TIME)
    assert [standing.candidate for standing in rank([part, whole])] == [quick, slow]
    assert (whole.has_model, part.has_model) == (True, False)
