"""How much of the difference between sampled candidates each choice accounts for, by Optuna's fANOVA."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from search.labels import parts_of
from search.report.effects import NAMES, shared
from search.results import Standing

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FEWEST_CANDIDATES = 8
"""With fewer the trees of fANOVA fit noise."""

Value = str | float | bool


def varied_parts(trained: Sequence[Standing]) -> dict[str, list[Value]]:
    """The choices that differ among candidates: name -> each candidate's value."""
    parts = [parts_of(standing.candidate) for standing in trained]
    columns = {name: [part[name] for part in parts] for name in shared(parts) if name not in NAMES}
    # Text that is another for each candidate names the candidate: it would explain everything and nothing.
    return {
        name: values
        for name, values in columns.items()
        if len(set(values)) > 1 and (is_numeric(values) or len(set(values)) <= len(values) / 2)
    }


def importances(trained: Sequence[Standing]) -> dict[str, float]:
    """Choice -> its share (they add up to 1) in the variance of the logarithm of the validation error, largest first.

    Empty where there are too few candidates or nothing differs.
    """
    parts = varied_parts(trained)
    if len(trained) < FEWEST_CANDIDATES or not parts or len({s.mean_error for s in trained}) == 1:
        return {}
    # Here and not at the top: they import scikit-learn, for a second, and most pages have no importances.
    import optuna  # noqa: PLC0415
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize")
    distributions = {name: _distribution(values) for name, values in parts.items()}
    columns = {name: ranks(values) if is_numeric(values) else values for name, values in parts.items()}
    for place, standing in enumerate(trained):
        # The logarithm, because one diverged candidate would otherwise be all the variance there is.
        study.add_trial(
            optuna.trial.create_trial(
                params={name: values[place] for name, values in columns.items()},
                distributions=distributions,
                value=math.log(max(standing.mean_error, 1e-12)),
            )
        )
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def is_numeric(values: Sequence[Value]) -> bool:
    """Whether the values have an order and a distance: numbers, but not truth values."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def ranks(values: Sequence[Value]) -> list[float]:
    """The place of each number among the distinct ones, from 0 to 1.

    fANOVA averages over a parameter's range evenly; by rank it averages over what was tried, whatever the scale, and
    a value such as 0 that stands for "none" is one step from the smallest.
    """
    distinct = sorted({float(value) for value in values})
    place = {value: number / max(1, len(distinct) - 1) for number, value in enumerate(distinct)}
    return [place[float(value)] for value in values]


def _distribution(values: Sequence[Value]) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution  # noqa: PLC0415

    if is_numeric(values):
        return FloatDistribution(0.0, 1.0)
    return CategoricalDistribution(sorted(set(values), key=str))
