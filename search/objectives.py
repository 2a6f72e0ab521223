"""What a search lowers: the validation error, and beside it what a candidate costs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np

from search.errors import UserError
from search.results import Standing
from search.settings import ERRORS, PARAMETERS, SECONDS_OF_TRAINING
from spaces import SPACES

Values = tuple[float, ...]


def checked(names: Sequence[str] | None, space: str, scheduler: str) -> tuple[str, ...]:
    """The names of several objectives, () for the error alone. Raises UserError where the search has no such thing."""
    if names is None or len(names) < 2:
        return ()
    if PARAMETERS in names and SPACES[space].fits_estimators:
        raise UserError(f"space={space} fits traditional models, whose parameters cannot be counted as an objective.")
    if SECONDS_OF_TRAINING in names and scheduler not in ("none", "rows"):
        raise UserError(
            f"scheduler={scheduler} would make the trials that it stops look quick: leave training_seconds out of "
            "objectives=, or take scheduler=none or rows."
        )
    return tuple(names)


def check_task(objectives: Sequence[str], error_name: str) -> None:
    """Raises UserError where the objectives name another error than the data are judged by."""
    right = f"validation_{error_name}"
    if objectives and objectives[0] != right:
        others = ",".join([right, *objectives[1:]])
        raise UserError(
            f"objectives=[{','.join(objectives)}] lower {objectives[0]}, and this target is judged by {right}: "
            f"write objectives=[{others}]"
        )


def values_of(objectives: Sequence[str], error: float, parameters: int | None, seconds: float) -> Values:
    """A candidate's values, the error alone where no objectives are given."""
    known = {PARAMETERS: float(parameters or 0), SECONDS_OF_TRAINING: seconds} | dict.fromkeys(ERRORS, error)
    return tuple(known[name] for name in objectives or ERRORS[:1])


def parameters_of(standing: Standing) -> float:
    """Trainable parameters; 0 for a traditional model."""
    return float(standing.candidate.parameter_count() or 0)


def seconds_of(standing: Standing) -> float:
    """Mean training seconds of the seeds that came to a result, of which there is one at least."""
    return statistics.fmean(result.seconds for result in standing.trained)


def mean_values(objectives: Sequence[str], standing: Standing) -> Values:
    """A candidate's means over the seeds that came to a result, of which there is one at least."""
    return values_of(objectives, standing.mean_error, standing.candidate.parameter_count(), seconds_of(standing))


def dominated_by(points: Sequence[Values]) -> np.ndarray:
    """Whether the point of a row is at least as good (low) as that of a column in all and better in one: (n, n)."""
    values = np.asarray(points, dtype=float).reshape(len(points), -1)
    no_worse = (values[:, None, :] <= values[None, :, :]).all(axis=2)
    better = (values[:, None, :] < values[None, :, :]).any(axis=2)
    return np.asarray(no_worse & better)


def front(points: Sequence[Values]) -> list[int]:
    """The places of the points that no other dominates, the cheapest first, by the costs in their order.

    Points that are equal in all stand on it together.
    """
    if not points:
        return []
    on_it = np.flatnonzero(~dominated_by(points).any(axis=0))
    return sorted(on_it.tolist(), key=lambda place: (*points[place][1:], points[place][0]))


def ranked(points: Sequence[Values]) -> list[int]:
    """The places of all points, front after front: what no other dominates, what only those do, and so on.

    In each front the lowest error comes first, and then always the point furthest from all before it, so that the first
    few are spread over the whole of it (an epsilon-net; Schmucker et al., Multi-objective Asynchronous Successive
    Halving, 2021). Errors are compared by their difference, costs by their ratio.
    """
    beats, order = dominated_by(points) if points else np.zeros((0, 0), dtype=bool), list[int]()
    by, left = beats.sum(axis=0), np.arange(len(points))
    while len(left):
        members = left[by[left] == 0]
        order += members[_spread_out([points[member] for member in members])].tolist()
        by, left = by - beats[members].sum(axis=0), left[by[left] != 0]
    return order


def _spread_out(points: Sequence[Values]) -> list[int]:
    values = np.array(points, dtype=float).reshape(len(points), -1)
    values[:, 1:] = np.log(np.maximum(values[:, 1:], np.finfo(float).tiny))
    values = (values - values.min(axis=0)) / np.maximum(np.ptp(values, axis=0), np.finfo(float).tiny)
    chosen = [int(np.lexsort(values.T[::-1])[0])]
    distances = np.full(len(points), np.inf)
    while len(chosen) < len(points):
        distances = np.minimum(distances, np.linalg.norm(values - values[chosen[-1]], axis=1))
        distances[chosen] = -1.0
        chosen.append(int(distances.argmax()))
    return chosen
