"""What parts of the rows say of each other, by hand; the candidates of a part; tables that are too small."""

import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr  # type: ignore[import-untyped]

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.published import BRNET
from models.recipe import FAST
from search.config import SearchConfig
from search.errors import UserError
from search.extent import least_by_part, seeds_in_words, trials_by_part
from search.labels import name_of
from search.parsing import parse
from search.rank_correlation import interval
from search.results import TrialResult
from search.row_parts import check_table, drawn_from, finals, on_part
from search.row_rungs import RowMeasurement, measure
from spaces import build

CONFIG = parse(["scheduler=rows"])
KEEPING = parse(["scheduler=rows", "scheduler.keep_all=true", "seeds=2"])
NETWORKS = [Candidate(Architecture(groups=(Group(8 + k, 1),)), FAST) for k in range(9)]
ON_A_NINTH = [0.9, 0.5, 0.6, 0.4, 0.7, 0.8, 0.95, 0.85, 0.99]
ON_ALL = [0.10, 0.15, 0.22, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55]


def results(errors: list[float], part: float, seed: int = 0) -> list[TrialResult]:
    found = [on_part(candidate, part) for candidate in NETWORKS[: len(errors)]]
    return [TrialResult(str(k), c, seed, 2, 2, errors[k], 1.0, "all epochs") for k, c in enumerate(found)]


def test_a_winner_that_needs_its_rows_is_lost() -> None:
    given = [*results(ON_A_NINTH, 1 / 9), *results(ON_ALL, 1.0), *results([0.01], 1 / 9, seed=1)]
    found = measure(KEEPING, given, "eV")
    ninth_third, ninth_all, third_all = found.pairs
    # ranks on a ninth: 7 2 3 1 4 5 8 6 9, on all rows 1 to 9
    assert ninth_all.rho == pytest.approx(1 - 6 * (36 + 0 + 0 + 9 + 1 + 1 + 1 + 4 + 0) / (9 * 80))
    assert (ninth_all.candidates, ninth_all.there) == (9, 9)
    assert (ninth_all.going_on, ninth_all.top_going_on) == (1, 0), "one in nine: the fourth"
    assert ninth_all.lost == pytest.approx(0.20)
    assert (ninth_third.candidates, third_all.there) == (0, 0)
    assert math.isnan(ninth_third.rho)
    assert RowMeasurement.from_dict(json.loads(json.dumps(found.to_dict()))).to_dict() == found.to_dict()
    assert found.is_known
    line = found.in_words()[2]
    assert line.startswith(
        "  1/9 of the rows against all rows: rho 0.57 (95 % from −0.22 to 0.91, 9 candidates); 1 would "
    )
    assert line.endswith("1 would go on, with 0 of the best 3; 0.2000 eV lost")


def test_those_that_went_on_alone_are_compared_and_that_is_said() -> None:
    given = [*results(ON_A_NINTH, 1 / 9), *results(ON_ALL[:5], 1 / 3)]
    stopped = TrialResult("x", on_part(NETWORKS[5], 1 / 3), 0, 1, 1, 0.0, 1.0, "time budget")
    found = measure(CONFIG, [*given, stopped], "eV")
    assert (found.pairs[0].candidates, found.pairs[0].there, found.pairs[0].lost) == (5, 9, None)
    assert "5 of 9 candidates)" in found.in_words()[1]
    assert "chosen by the smaller part, so that rho is another" in found.in_words()[-1]
    few = measure(CONFIG, [*results(ON_A_NINTH, 1 / 9), *results(ON_ALL[:4], 1 / 3)], "eV")
    assert not few.is_known
    assert "rho not known (4 of 9 candidates: too few)" in few.in_words()[1]


@pytest.mark.parametrize(("truth", "size"), [(0.0, 9), (0.7, 9), (0.7, 30), (0.9, 16)])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(truth: float, size: int) -> None:
    """Of normal pairs, whose Spearman's rho in the long run is known from Pearson's."""
    drawn = np.random.default_rng(size).multivariate_normal([0, 0], [[1, truth], [truth, 1]], (500, size))
    rank_truth = 6 / math.pi * math.asin(truth / 2)
    hits = 0
    for pairs in drawn:
        low, high = interval(float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic), size)
        hits += low <= rank_truth <= high
    assert 0.92 <= hits / 500 <= 0.99


def test_a_perfect_rho_has_an_interval_that_ends_there() -> None:
    low, high = interval(1.0, 5)
    assert high == 1.0
    assert -1 < low < 0.9
    assert interval(-1.0, 5) == (-high, -low)


def test_a_space_on_part_of_the_rows_is_the_same_but_for_them() -> None:
    whole = build("joint", FAST, BRNET)
    part = drawn_from(CONFIG, whole)
    assert drawn_from(parse(["scheduler=asha"]), whole) is whole
    assert part.first_points() == whole.first_points()
    grid = build("branching", FAST, BRNET)
    drawn = list(drawn_from(CONFIG, grid).candidates())
    assert [on_part(candidate, 1.0) for candidate in drawn] == list(grid.candidates())
    assert name_of(drawn[0], FAST) == f"{drawn[0]}, 1/9 of the rows"
    assert pickle.loads(pickle.dumps(part)) == part


def test_only_trials_on_all_rows_compare_in_the_end_also_where_the_recipe_takes_a_part() -> None:
    given = [*results(ON_A_NINTH, 1 / 9), *results(ON_ALL, 1.0)]
    assert finals(CONFIG, given) == given[9:]
    assert finals(parse([]), given[9:]) == given[9:]
    half = parse(["recipe.train_part=0.5"])
    assert finals(half, results(ON_ALL, 0.5)) == results(ON_ALL, 0.5)


def test_a_table_whose_smallest_part_fills_no_batch_is_refused() -> None:
    check_table(CONFIG, 9 * 128)
    check_table(parse(["scheduler=asha"]), 10)
    with pytest.raises(UserError, match=r"1/9 of the rows, here 100 of 900, which do not fill one batch .*=128"):
        check_table(CONFIG, 900)


@pytest.mark.parametrize(
    ("arguments", "trials", "words"),
    [
        ([], [9, 3, 1], "in 13 trials (9 on 1/9 of the rows, 3 on 1/3 of the rows, 1 on all rows)"),
        (["scheduler.rungs=2", "seeds=3"], [9, 9], "in 18 trials (9 on 1/3 of the rows, 9 on all rows from 3 seeds)"),
        (["scheduler.reduction_factor=4"], [9, 2, 1], "in 12 trials (9 on 1/16 of the rows, 2 on 1/4 of the rows, 1 "),
        (["scheduler.keep_all=true"], [9, 9, 9], "in 27 trials"),
        (
            ["scheduler.rungs=2", "seeds=adaptive:4"],
            [9, 12],
            "in 19 to 21 trials (9 on 1/3 of the rows, 3 on all rows from 1 seed and up to 4 for those that may be ",
        ),
    ],
)
def test_how_many_trials_nine_candidates_take(arguments: list[str], trials: list[int], words: str) -> None:
    config: SearchConfig = parse(["scheduler=rows", *arguments])
    assert [number for _, number in trials_by_part(config, 9)] == trials
    assert sum(part for part, _ in trials_by_part(config, 9)) > 1
    assert words in seeds_in_words(config, 9)
    assert SearchConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_recipe_that_takes_part_of_the_rows_counts_its_trials_whole() -> None:
    config: SearchConfig = parse(["recipe.train_part=0.1", "seeds=2"])
    assert trials_by_part(config, 11) == least_by_part(config, 11) == [(1.0, 22)]


def test_without_a_number_of_trials_the_parts_are_told() -> None:
    then = "the best one in 3 each time on 1/3 of the rows, all rows"
    assert seeds_in_words(CONFIG, None) == f"each on 1/9 of the rows, then {then}"
    assert seeds_in_words(parse(["scheduler=rows", "seeds=adaptive:4"]), None).endswith(
        f"{then} from 1 seed and up to 4 for those that may be the best"
    )
    assert replace(CONFIG, seeds=(0, 1)).parts == (1 / 9, 1 / 3, 1.0)
