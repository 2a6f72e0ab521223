"""The winner against each other candidate, paired over the seeds that both were trained from."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.report.wording import count, number, with_unit
from search.results import Standing
from search.spread import CONFIDENCE

FEW_SEEDS = 4
"""So many seeds or fewer show only differences of several times their spread."""
NAMED = 6
"""Candidates of a list that are named; the others are counted."""

COLUMNS = ("rank", "network", "seeds", "difference", "low", "high", "p (Holm)", "verdict")

Name = Callable[[Standing], str]
"""A candidate's name for people."""


@dataclass(frozen=True)
class Comparison:
    """A candidate against the winner over the `seeds` that they share.

    `difference` is the candidate's mean validation error less the winner's, in the target's unit, with its 95 %
    interval from `low` to `high` by Student's t over the paired differences; `p_value` is two-sided and adjusted for
    all comparisons of the search (Holm, Scandinavian Journal of Statistics 6, 1979).
    """

    other: Standing
    seeds: int
    difference: float
    low: float
    high: float
    p_value: float

    @property
    def is_shown(self) -> bool:
        """Whether the two can be told apart."""
        return self.p_value < 1 - CONFIDENCE

    @property
    def verdict(self) -> str:
        if not self.is_shown:
            return "no difference shown"
        return "worse than the winner" if self.difference > 0 else "better than the winner on the shared seeds"

    def in_words(self, unit: str) -> str:
        """`0.0021 eV/atom (95 % 0.0008 to 0.0034), 5 seeds`."""
        interval = f"95 % {number(self.low)} to {number(self.high)}"
        return f"{with_unit(number(abs(self.difference)), unit)} ({interval}), {count(self.seeds, 'seed')}"


def compare(standings: Sequence[Standing]) -> list[Comparison]:
    """The first of a ranking against every other that shares two seeds or more with it, in the ranking's order."""
    if not standings:
        return []
    winner = {result.seed: result.best_error for result in standings[0].trained}
    found: list[Comparison] = []
    for other in standings[1:]:
        pairs = [(result.best_error, winner[result.seed]) for result in other.trained if result.seed in winner]
        if len(pairs) > 1:
            found.append(Comparison(other, len(pairs), *_paired(np.array(pairs))))
    adjusted = holm([comparison.p_value for comparison in found])
    return [Comparison(c.other, c.seeds, c.difference, c.low, c.high, p) for c, p in zip(found, adjusted, strict=True)]


def _paired(pairs: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Mean of column 0 less column 1, its interval's ends, and the p-value that it is 0, of (pairs, 2)."""
    differences = pairs[:, 0] - pairs[:, 1]
    mean = float(differences.mean())
    if np.ptp(differences) <= 1e-12 * np.abs(pairs).max():  # models that no seed changes: t would divide by 0
        return mean, mean, mean, float(np.allclose(pairs[:, 0], pairs[:, 1], rtol=1e-12, atol=0))
    from scipy.stats import ttest_rel  # type: ignore[import-untyped]  # noqa: PLC0415 - half a second of every start

    test = ttest_rel(pairs[:, 0], pairs[:, 1])
    interval = test.confidence_interval(CONFIDENCE)
    return mean, float(interval.low), float(interval.high), float(test.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: below 0.05 where the family-wise error rate of 5 % allows a rejection."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[int(index)] = largest
    return adjusted


def verdict(standings: Sequence[Standing], name: Name, unit: str) -> list[str]:
    """What may be said of the winner, in sentences; nothing where it has nobody to be compared with."""
    trained = [standing for standing in standings if standing.trained]
    if len(trained) < 2:
        return []
    comparisons, winner = compare(standings), name(trained[0])
    if not comparisons:
        lead = trained[1].mean_error - trained[0].mean_error
        leads = f"{winner} {'leads' if lead >= 0 else 'stands before'} the second, {name(trained[1])},"
        by = (
            f"by {with_unit(number(lead), unit)}"
            if lead >= 0
            else "which has a lower error, but fewer seeds or a failed trial"
        )
        return [
            f"{leads} {by}; without two seeds or more of each it is not known how much of that is chance (seeds=5)."
        ]
    worse = [c for c in comparisons if c.is_shown and c.difference > 0]
    better = [c for c in comparisons if c.is_shown and c.difference <= 0]
    equal = [c for c in comparisons if not c.is_shown]
    said: list[str] = []
    if worse:
        nearest = min(worse, key=lambda comparison: comparison.difference)
        whom = name(nearest.other)
        whom = f"{count(len(worse), 'candidate')}, the nearest of them {whom}," if len(worse) > 1 else whom
        said.append(f"{winner} beats {whom} by {nearest.in_words(unit)}.")
    if equal:
        whom = f"{winner} and {count(len(equal), 'other')}"
        said.append(f"No difference shown between {whom}: {named([name(c.other) for c in equal])}.")
    if better:
        names = named([name(c.other) for c in better])
        said.append(f"Over the seeds that they share, {names} did better than {winner}.")
    if left := len(trained) - 1 - len(comparisons):
        said.append(f"{count(left, 'other')} with fewer than two seeds in common with {winner}: not compared.")
    return [*said, caveat(comparisons)]


def named(names: Sequence[str]) -> str:
    """`A, B, C and 4 more`; semicolons where a name has a comma of its own."""
    between = "; " if any(", " in name for name in names) else ", "
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return between.join(names[:NAMED]) + rest


def caveat(comparisons: Sequence[Comparison]) -> str:
    """What the intervals are, and what they are not."""
    seeds = min(comparison.seeds for comparison in comparisons)
    many = len(comparisons)
    stopped = any(r.was_stopped for c in comparisons for r in c.other.trained)
    return (
        "Intervals are Student's t over validation errors paired by seed"
        + (f", each by itself; the verdicts are adjusted for {many} comparisons (Holm)" if many > 1 else "")
        + "; the winner was chosen by these same errors, which flatters it"
        + (". Trials that the scheduler stopped count with their best error so far" * stopped)
        + (f". With {seeds} seeds only differences of several times their spread can be shown" * (seeds <= FEW_SEEDS))
        + "."
    )


def comparison_rows(comparisons: Sequence[Comparison], name: Name) -> list[tuple[str, ...]]:
    """The comparisons as text, in `COLUMNS`."""
    return [
        (
            str(c.other.rank),
            name(c.other),
            str(c.seeds),
            *(f"{value:.6g}" for value in (c.difference, c.low, c.high)),
            f"{c.p_value:.3g}",
            c.verdict,
        )
        for c in comparisons
    ]


def comparison_csv(comparisons: Sequence[Comparison], name: Name) -> str:
    """For a spreadsheet: differences and intervals in the target's unit."""
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *comparison_rows(comparisons, name)])
    return text.getvalue()


def comparison_markdown(standings: Sequence[Standing], name: Name, unit: str) -> str:
    """The verdict, and a table of all comparisons."""
    heads = tuple(with_unit(head, f"({unit})" if unit else "") if head == "difference" else head for head in COLUMNS)
    rows = [heads, tuple("---" for _ in COLUMNS), *comparison_rows(compare(standings), name)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join(f"- {line}" for line in verdict(standings, name, unit)) + f"\n\n{table}\n"
