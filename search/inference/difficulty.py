"""Which signs of difficulty to expect errors by: chosen by cross-validation on the validation set alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls  # type: ignore[import-untyped]

CONFIDENCE = 0.9

SIGNS = ("floor", "spread", "distance", "neighbours")
"""The columns of what an error is expected by: 1, the ensemble's spread, the distance to the training compositions, and
the errors made on similar compositions of the validation set."""

MODELS: tuple[tuple[str, ...], ...] = (
    ("floor",),
    ("floor", "spread"),
    ("floor", "distance"),
    ("floor", "neighbours"),
    ("floor", "spread", "neighbours"),
    SIGNS,
)
"""The choices, those of fewer signs first: of equal ones the first is taken."""

FOLDS = 5
FEWEST_ROWS_TO_CHOOSE = 200
"""With fewer a fold of 40 rows holds 4 errors outside its interval, too few to choose by: all signs are taken then."""

LEAST_SHARE = 0.1
"""No composition is expected to have less than this share of the mean validation error, however alike the members."""


def conformal_quantile(scores: NDArray[np.float64]) -> float:
    """The score (rows,) that 90 % of new rows stay below: Lei et al., JASA 2018."""
    place = math.ceil((len(scores) + 1) * CONFIDENCE - 1e-9)
    return float(np.sort(scores)[min(place, len(scores)) - 1])


def fit(signs: NDArray[np.float64], errors: NDArray[np.float64], model: Sequence[str] = SIGNS) -> NDArray[np.float64]:
    """Weights (4,), none below 0, of signs (rows, 4) for errors (rows,), by least squares; 0 outside `model`."""
    columns = [SIGNS.index(name) for name in model]
    weights = np.zeros(len(SIGNS))
    weights[columns], _ = nnls(signs[:, columns], errors)
    return weights


def least_error(errors: NDArray[np.float64]) -> float:
    """What no composition is expected to stay below."""
    return max(LEAST_SHARE * float(np.mean(errors)), float(np.finfo(np.float32).tiny))


def interval_score(errors: NDArray[np.float64], half_widths: NDArray[np.float64]) -> float:
    """Mean width of 90 % intervals and, weighted with 20, how far errors lie outside; the lower the better.

    Proper: the true quantiles have the lowest score expected (Gneiting and Raftery, JASA 2007, section 6.2).
    """
    outside = np.maximum(errors - half_widths, 0)
    return float(np.mean(2 * half_widths + 2 / (1 - CONFIDENCE) * outside))


def cross_validated(signs: NDArray[np.float64], errors: NDArray[np.float64], model: Sequence[str]) -> float:
    """The interval score of a model on the rows left out, fold by fold; rows stand in random order."""
    scores = []
    for fold in range(FOLDS):
        out = np.arange(len(errors)) % FOLDS == fold
        weights, least = fit(signs[~out], errors[~out], model), least_error(errors[~out])
        expected = np.maximum(signs @ weights, least)
        quantile = conformal_quantile(errors[~out] / expected[~out])
        scores.append(interval_score(errors[out], quantile * expected[out]))
    return float(np.mean(scores))


def choose(signs: NDArray[np.float64], errors: NDArray[np.float64]) -> tuple[str, ...]:
    """The model of the lowest cross-validated interval score on validation rows."""
    if len(errors) < FEWEST_ROWS_TO_CHOOSE:
        return SIGNS
    return min(MODELS, key=lambda model: cross_validated(signs, errors, model))
