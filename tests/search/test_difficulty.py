"""What errors are expected by is chosen on validation, by intervals that are narrow where they may be."""

import numpy as np
import pytest
from numpy.typing import NDArray

from search.inference.difficulty import (
    FEWEST_ROWS_TO_CHOOSE,
    SIGNS,
    choose,
    conformal_quantile,
    cross_validated,
    fit,
    interval_score,
    least_error,
)

ROWS = 3000


def signs_of(random: np.random.Generator, rows: int = ROWS) -> NDArray[np.float64]:
    """A floor of 1 and three independent signs."""
    return np.column_stack([np.ones(rows), random.uniform(0.01, 1, (rows, 3))])


@pytest.mark.parametrize("tells", ["spread", "distance", "neighbours"])
def test_the_sign_that_tells_is_chosen(tells: str) -> None:
    random = np.random.default_rng(SIGNS.index(tells))
    signs = signs_of(random)
    errors = signs[:, SIGNS.index(tells)] * random.exponential(size=ROWS)
    chosen = choose(signs, errors)
    assert tells in chosen
    assert cross_validated(signs, errors, chosen) < 0.9 * cross_validated(signs, errors, ("floor",))
    weights = fit(signs, errors, chosen)
    assert all((weight > 0) <= (name in chosen) for name, weight in zip(SIGNS, weights, strict=True))


def test_signs_that_tell_nothing_do_not_widen_intervals() -> None:
    random = np.random.default_rng(5)
    signs, errors = signs_of(random), np.random.default_rng(6).exponential(size=ROWS)
    score = cross_validated(signs, errors, choose(signs, errors))
    assert score <= cross_validated(signs, errors, ("floor",))
    assert score == pytest.approx(cross_validated(signs, errors, ("floor",)), rel=0.01)


def test_few_rows_take_all_signs() -> None:
    random = np.random.default_rng(7)
    signs = signs_of(random, FEWEST_ROWS_TO_CHOOSE - 1)
    assert choose(signs, random.exponential(size=len(signs))) == SIGNS


def test_models_are_judged_on_rows_that_neither_fit_nor_quantile_has_seen() -> None:
    random = np.random.default_rng(9)
    signs = np.column_stack([np.ones(300), random.uniform(0.1, 1, 300), np.zeros((300, 2))])
    errors = signs[:, 1] * random.exponential(size=300) + 0.2
    errors[::5] *= 3  # the first fold is unlike the others
    scores = []
    for fold in range(5):
        out = np.arange(300) % 5 == fold
        weights = np.linalg.lstsq(signs[~out, :2], errors[~out], rcond=None)[0]
        assert (weights > 0).all()
        expected = np.maximum(signs[:, :2] @ weights, least_error(errors[~out]))
        width = conformal_quantile(errors[~out] / expected[~out]) * expected[out]
        scores.append(interval_score(errors[out], width))
    assert cross_validated(signs, errors, ("floor", "spread")) == pytest.approx(np.mean(scores))


def test_the_interval_score_is_lowest_at_the_true_quantile() -> None:
    errors = np.random.default_rng(8).exponential(size=200_000)
    scores = {half: interval_score(errors, np.full(len(errors), half)) for half in np.arange(1.5, 3.2, 0.1)}
    assert min(scores, key=lambda half: scores[half]) == pytest.approx(np.log(10), abs=0.1)


def test_conformal_quantile_of_few_scores() -> None:
    assert conformal_quantile(np.arange(1.0, 100.0)) == 90
    assert conformal_quantile(np.arange(1.0, 10.0)) == 9
