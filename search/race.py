"""`seeds=adaptive`: which candidate is repeated with another seed, so that doubt about the best is paid for alone.

A race in the sense of Maron and Moore (Artificial Intelligence Review 11, 1997): candidates that are shown to be worse
than the best so far get no more seeds, for now; of the others, the one that may be the best of all is next.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from search.spread import pooled, quantile

OPENING_SEEDS = 3
OPENING_FREEDOM = 6
"""The best few candidates get so many seeds, until the spread over seeds has so many degrees of freedom."""

RACE_SHARE = 0.3
"""Part of a time budget that is kept for the race where new candidates would never end."""

Errors = Mapping[str, Mapping[int, float | None]]
"""Candidate -> seed -> validation error, None where the trial failed."""
Trial = tuple[str, int]


def next_repeat(errors: Errors, running: Collection[Trial], seeds: Sequence[int]) -> Trial | None:
    """The candidate and the seed to train next, given what is known and what is under way; None where nothing is left.

    The spread over seeds is taken to be the same for all candidates. Candidates with a failed seed are out. While
    trials are under way, None may change with their results.
    """
    known = {c: [e for e in by.values() if e is not None] for c, by in errors.items() if by and None not in by.values()}
    if not known:
        return None
    taken = {c: len(known[c]) + sum(candidate == c for candidate, _ in running) for c in known}
    spread, freedom = pooled(list(known.values()))
    chosen = _opening(known, taken, len(seeds)) if freedom < OPENING_FREEDOM else None
    if chosen is None and freedom:
        chosen = _most_promising(known, taken, len(seeds), quantile(freedom) * spread)
    if chosen is None:
        return None
    used = {*errors[chosen], *(seed for candidate, seed in running if candidate == chosen)}
    return chosen, next(seed for seed in seeds if seed not in used)


def _opening(known: Mapping[str, Sequence[float]], taken: Mapping[str, int], most: int) -> str | None:
    """Of the best by their mean, the first that is short of the opening's seeds."""
    promised = sum(count - 1 for count in taken.values())
    if promised >= OPENING_FREEDOM:
        return None
    ranked = sorted(known, key=lambda c: float(np.mean(known[c])))
    return next((c for c in ranked if taken[c] < min(OPENING_SEEDS, most)), None)


def _most_promising(
    known: Mapping[str, Sequence[float]], taken: Mapping[str, int], most: int, width: float
) -> str | None:
    """The lowest lower confidence bound among those that cannot be told apart from the best and are short of seeds.

    `width` is half the interval of a single error.
    """
    means = {c: float(np.mean(values)) for c, values in known.items()}
    best = min(means, key=means.__getitem__)
    short = [
        c
        for c in known
        if taken[c] < most
        and means[c] - means[best] <= width * math.sqrt(1 / len(known[c]) + 1 / len(known[best])) * (c != best)
    ]
    return min(short, key=lambda c: means[c] - width / math.sqrt(taken[c]), default=None)


def cost(candidates: int, seeds: int) -> tuple[int, int]:
    """Trials that a race over candidates takes at least and at most, none of them failing."""
    opening = min(OPENING_FREEDOM, candidates * (min(OPENING_SEEDS, seeds) - 1))
    of_the_best = max(0, seeds - OPENING_SEEDS)
    return candidates + opening + of_the_best, candidates * seeds
