"""The winner against the others: by hand-computed t tests, and honest where nothing can be told."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t  # type: ignore[import-untyped]

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.recipe import FAST
from search.comparison import compare, comparison_csv, holm, verdict
from search.results import Standing, TrialResult, rank


def results_of(errors: dict[int, dict[int, float]]) -> list[TrialResult]:
    """Trials from width of the network -> seed -> validation error."""
    results = []
    for width, by_seed in errors.items():
        candidate = Candidate(Architecture(groups=(Group(width, 1),)), FAST)
        results += [TrialResult(f"{width}-{s}", candidate, s, 5, 5, error) for s, error in by_seed.items()]
    return results


def standings_of(errors: dict[int, dict[int, float]]) -> list[Standing]:
    return rank(results_of(errors))


def name(standing: Standing) -> str:
    return f"w{standing.candidate.architecture.groups[0].width}"


def test_intervals_are_those_of_a_t_test_by_hand() -> None:
    winner, other = np.array([0.10, 0.12, 0.11, 0.13]), np.array([0.121, 0.139, 0.132, 0.149])
    found = compare(standings_of({8: dict(enumerate(winner)), 16: dict(enumerate(other))}))
    differences = other - winner
    half = t.ppf(0.975, 3) * differences.std(ddof=1) / 2
    assert len(found) == 1
    assert found[0].difference == pytest.approx(differences.mean())
    assert (found[0].low, found[0].high) == pytest.approx((differences.mean() - half, differences.mean() + half))
    assert found[0].is_shown, "paired, the differences stand out of a spread that would hide them"


def test_only_shared_seeds_count_and_one_is_too_few() -> None:
    found = compare(standings_of({8: {0: 0.1, 1: 0.11, 2: 0.12}, 16: {1: 0.2, 2: 0.25, 7: 0.2}, 32: {0: 0.2, 9: 0.3}}))
    assert [(name(comparison.other), comparison.seeds) for comparison in found] == [("w16", 2)]
    assert found[0].difference == pytest.approx((0.09 + 0.13) / 2)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_many_equals_are_seldom_told_apart() -> None:
    """Of equal candidates, the family-wise rate of false verdicts stays near 5 %, although the winner is selected."""
    generator = np.random.default_rng(0)
    wrong = 0
    for _ in range(60):
        errors = {8 + k: dict(enumerate(0.1 + 0.01 * generator.standard_normal(5))) for k in range(10)}
        wrong += any(comparison.is_shown for comparison in compare(standings_of(errors)))
    assert wrong <= 12  # unadjusted, about 29 of 60 would be


def test_the_verdict_says_who_beats_whom_and_where_no_difference_is_shown() -> None:
    noise = {0: 0.0, 1: 0.001, 2: -0.001, 3: 0.002, 4: -0.002}
    errors = {
        8: {seed: 0.1 + e for seed, e in noise.items()},
        16: {seed: 0.1005 - e for seed, e in noise.items()},
        32: {seed: 0.2 + 0.9 * e for seed, e in noise.items()},
        64: {seed: 0.3 + 0.9 * e for seed, e in noise.items()},
    }
    said = verdict(standings_of(errors), name, "eV/atom")
    assert said[0].startswith(
        "w8 beats 2 candidates, the nearest of them w32, by 0.1000 eV/atom (95 % 0.0998 to 0.1002)"
    )
    assert said[1] == "No difference shown between w8 and 1 other: w16."
    assert "adjusted for 3 comparisons (Holm)" in said[2]
    assert "chosen by these same errors" in said[2]
    with_one = verdict(standings_of({**errors, 128: {0: 0.9}}), name, "eV/atom")
    assert with_one[2] == "1 other with fewer than two seeds in common with w8: not compared."
    few = verdict(standings_of({w: {s: e for s, e in by.items() if s < 2} for w, by in errors.items()}), name, "eV")
    assert "With 2 seeds only" in few[-1]


def test_who_did_better_over_the_shared_seeds_is_told() -> None:
    many = dict(enumerate((0.20, 0.21, 0.05, 0.05, 0.05, 0.05)))
    said = verdict(standings_of({8: many, 9: {0: 0.15, 1: 0.16}}), name, "eV")
    assert "Over the seeds that they share, w9 did better than w8." in said


def test_one_stopped_trial_among_those_compared_is_told() -> None:
    whole = results_of({width: {0: 0.01 * width, 1: 0.01 * width + 0.01} for width in (8, 16)})
    stopped, ended = results_of({32: {0: 0.5, 1: 0.52}})
    caveat = "Trials that the scheduler stopped count with their best error so far"
    assert caveat in verdict(rank([*whole, replace(stopped, stop_reason="stopped by asha"), ended]), name, "eV")[-1]
    assert caveat not in verdict(rank([*whole, stopped, ended]), name, "eV")[-1]


def test_one_seed_tells_nothing_and_says_so() -> None:
    said = verdict(standings_of({8: {0: 0.1}, 16: {0: 0.15}}), name, "eV/atom")
    assert said == [
        "w8 leads the second, w16, by 0.0500 eV/atom; without two seeds or more of each it is not known how much of "
        "that is chance (seeds=5)."
    ]
    assert verdict(standings_of({8: {0: 0.1}}), name, "") == []
    assert compare([]) == []


def test_models_that_no_seed_changes_are_compared_too() -> None:
    found = compare(standings_of({8: {0: 0.1, 1: 0.1}, 16: {0: 0.1, 1: 0.1}, 32: {0: 0.15, 1: 0.15}}))
    assert [comparison.verdict for comparison in found] == ["no difference shown", "worse than the winner"]


def test_the_table_for_a_spreadsheet() -> None:
    standings = standings_of({8: {0: 0.1, 1: 0.2}, 16: {0: 0.3, 1: 0.5}})
    rows = list(csv.DictReader(io.StringIO(comparison_csv(compare(standings), name))))
    assert rows[0]["network"] == "w16"
    assert float(rows[0]["difference"]) == pytest.approx(0.25)
    assert float(rows[0]["low"]) == pytest.approx(0.25 - t.ppf(0.975, 1) * 0.05)
