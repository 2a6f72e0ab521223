"""`scheduler=rows`: which candidate goes on to a larger part of the training rows, and when.

Successive halving (Jamieson and Talwalkar, 2016): every candidate is trained on the smallest part, the best one in
`factor` of those on the next, and so on up to all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from search.objectives import ranked


@dataclass
class Rung:
    """One part of the rows: the validation error of each candidate that was trained on it, None where that failed, the
    candidates that are being trained on it, and, where a search has several objectives, what each candidate costs.
    """

    errors: dict[str, float | None] = field(default_factory=dict)
    under_way: set[str] = field(default_factory=set)
    costs: dict[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def passed(self) -> dict[str, float]:
        """The candidates with an error."""
        return {candidate: error for candidate, error in self.errors.items() if error is not None}

    @property
    def standing(self) -> int:
        """Candidates that came this far and have not failed."""
        return len(self.passed) + len(self.under_way)

    def ranked(self) -> list[str]:
        """The candidates with an error, the best first: of several objectives by `search.objectives.ranked`."""
        passed = self.passed
        names = sorted(passed, key=lambda candidate: (passed[candidate], candidate))
        if not self.costs:
            return names
        return [names[place] for place in ranked([(passed[name], *self.costs[name]) for name in names])]

    def places_for_sure(self, places: int, to_come: int) -> int:
        """How many of the best, of those that passed, stay among so many whatever those to come add.

        None of them where there are several objectives: one more candidate may beat many.
        """
        return places if not to_come else 0 if self.costs else places - to_come


Promotion = tuple[int, str]
"""The number of the rung that a candidate goes on to, and the candidate."""


def next_promotion(rungs: Sequence[Rung], factor: int, is_drawn: bool, at_once: bool) -> Promotion | None:
    """The next candidate to go on; None where there is none, or none yet. `rungs` begin with the smallest part.

    `is_drawn` says that no new candidates will come. One in `factor` of those that passed a rung goes on, one at least
    where any did; one that fails above gives its place to the next. Before the results of a rung are all in, only those
    go on that will be among its best whatever the others come to, so that who goes on depends on no timing. With
    `at_once` the best of those there are goes on wherever fewer have than one in `factor`, from the largest part down
    (Li et al., A System for Massively Parallel Hyperparameter Tuning, 2020, but never more than one in `factor`).
    """
    if at_once:
        for lower in reversed(range(len(rungs) - 1)):
            left = _left(rungs, lower)
            if left and _gone_on(rungs, lower) < len(rungs[lower].passed) // factor:
                return lower + 1, left[0]
    return _sure_promotion(rungs, factor) if is_drawn else None


def _sure_promotion(rungs: Sequence[Rung], factor: int) -> Promotion | None:
    expected = rungs[0].standing  # at this rung, once all are in and none of those under way fails
    for lower in range(len(rungs) - 1):
        above, left = _gone_on(rungs, lower), _left(rungs, lower)
        to_come = max(0, expected - len(rungs[lower].passed))
        places = max(1, expected // factor) if expected else 0
        if left and above < rungs[lower].places_for_sure(places, to_come):
            return lower + 1, left[0]
        expected = max(above, min(places, above + len(left) + to_come))
    return None


def finalists(rungs: Sequence[Rung]) -> list[str]:
    """Who has not come to all rows, in the order in which to go there where time is short for anything else: those on
    larger parts first, and of each part the best first.
    """
    return [candidate for lower in reversed(range(len(rungs) - 1)) for candidate in _left(rungs, lower)]


def _gone_on(rungs: Sequence[Rung], lower: int) -> int:
    """How many went on from a rung and have not failed on the next; finalists have gone past it, and do not count."""
    upper = rungs[lower + 1]
    return sum(candidate in rungs[lower].errors for candidate in (*upper.passed, *upper.under_way))


def _left(rungs: Sequence[Rung], lower: int) -> list[str]:
    """Who passed a rung and has not been seen above it, the best first."""
    above = {candidate for rung in rungs[lower + 1 :] for candidate in (*rung.errors, *rung.under_way)}
    return [candidate for candidate in rungs[lower].ranked() if candidate not in above]


def candidates_by_rung(candidates: int, rungs: int, factor: int) -> list[int]:
    """How many candidates each rung sees, none of them failing."""
    found = [candidates]
    while len(found) < rungs:
        found.append(max(1, found[-1] // factor))
    return found
