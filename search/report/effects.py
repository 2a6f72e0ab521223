"""Main effects of a finite grid's choices on the validation error, with intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.candidate import Candidate
from search.labels import parts_of
from search.results import Standing
from search.spread import pooled, quantile

NAMES = ("network", "published")
"""The parts that name a candidate and are no choice of their own."""
PLAIN_LEVELS = ("none", "no")
"""What other levels are compared with where it is one of them."""


@dataclass(frozen=True)
class Effect:
    """By how much the mean validation error (target's unit) of one level differs from the reference level's.

    `half_width` is that of the 95 % interval; None where nothing tells how far to trust the difference.
    """

    factor: str
    level: str
    reference: str
    difference: float
    half_width: float | None
    candidates: int

    @property
    def is_distinguishable(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.half_width is not None and abs(self.difference) > self.half_width


@dataclass(frozen=True)
class MainEffects:
    """The effects, the factors that could not be told apart from others, and what the intervals come from."""

    effects: tuple[Effect, ...]
    inseparable: tuple[str, ...]
    interval_source: str


def main_effects(trained: Sequence[Standing]) -> MainEffects:
    """Least squares of an additive model on the candidates' mean errors.

    On a balanced grid an effect is the plain difference between the means of two levels; on any other it is that
    with the other choices held equal. The interval comes from what the additive model leaves over (noise of the
    seeds and interactions of the choices); where nothing is left over, from the spread over seeds.
    """
    errors = np.array([standing.mean_error for standing in trained])
    design, kept, inseparable = _design(factors_of([standing.candidate for standing in trained]), len(trained))
    if not kept:
        return MainEffects((), tuple(inseparable), "")
    coefficients = np.linalg.lstsq(design, errors, rcond=None)[0]
    half_widths, source = _half_widths(design, errors - design @ coefficients, list(trained))
    effects = [
        Effect(factor, level, reference, float(coefficients[place]), half_width, members)
        for place, ((factor, level, reference, members), half_width) in enumerate(
            zip(kept, half_widths, strict=True), start=1
        )
    ]
    return MainEffects(tuple(effects), tuple(inseparable), source)


def factors_of(candidates: Sequence[Candidate]) -> dict[str, list[str]]:
    """The choices that differ among candidates: name -> each candidate's level.

    A choice with too many levels to have a mean for each is left out; of choices that always change together, one
    stays. Where nearly every candidate has a branching of its own, the place and the number of branches stand for it.
    """
    parts = [parts_of(candidate) for candidate in candidates]
    columns = {name: [_level(part[name]) for part in parts] for name in shared(parts) if name not in NAMES}
    if 2 * len(set(columns.get("branching", ()))) > len(candidates):
        columns["branched group"] = [_places(candidate) for candidate in candidates]
        columns["branches"] = [_branches(candidate) for candidate in candidates]
    found: dict[str, list[str]] = {}
    partitions: set[tuple[int, ...]] = set()
    for name, levels in columns.items():
        partition = tuple(levels.index(level) for level in levels)
        if 1 < len(set(levels)) <= len(candidates) / 2 and partition not in partitions:
            partitions.add(partition)
            found[name.replace("_", " ")] = levels
    return found


def shared(parts: Sequence[Mapping[str, object]]) -> list[str]:
    """The choices that every candidate has; a traditional model's own settings mean nothing for another family."""
    return [name for name in parts[0] if all(name in part for part in parts)]


def _level(value: str | float | bool) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _places(candidate: Candidate) -> str:
    architecture = candidate.architecture
    return " ".join(architecture.group_name(branching.group) for branching in architecture.branchings) or "none"


def _branches(candidate: Candidate) -> str:
    return " ".join(str(len(branching.distribution)) for branching in candidate.architecture.branchings) or "none"


def _reference(levels: Sequence[str]) -> str:
    plain = [level for level in PLAIN_LEVELS if level in levels]
    return plain[0] if plain else min(Counter(levels).items(), key=lambda item: (-item[1], item[0]))[0]


Column = tuple[str, str, str, int]
"""Factor, level, its reference level, and how many candidates have the level."""


def _design(factors: dict[str, list[str]], rows: int) -> tuple[NDArray[np.float64], list[Column], list[str]]:
    """The design matrix (intercept first), its columns, and the factors that the columns before them determine."""
    design, kept, inseparable = np.ones((rows, 1)), [], []
    for factor, levels in factors.items():
        reference = _reference(levels)
        others = sorted(set(levels) - {reference})
        columns = np.array([[float(level == other) for other in others] for level in levels])
        wider = np.hstack([design, columns])
        if np.linalg.matrix_rank(wider) < wider.shape[1]:
            inseparable.append(factor)
            continue
        design = wider
        kept += [(factor, other, reference, levels.count(other)) for other in others]
    return design, kept, inseparable


def _half_widths(
    design: NDArray[np.float64], residuals: NDArray[np.float64], trained: list[Standing]
) -> tuple[list[float | None], str]:
    """Half the interval of each effect (not of the intercept), and where it comes from."""
    rows, columns = design.shape
    freedom = rows - columns
    inverse = np.linalg.inv(design.T @ design)
    if freedom >= 1:
        variance = float(residuals @ residuals) / freedom * inverse.diagonal()
        source = f"what the choices together leave unexplained ({freedom} degrees of freedom)"
    else:
        deviation, freedom = pooled([[result.best_error for result in s.trained] for s in trained])
        if not freedom:
            return [None] * (columns - 1), "nothing: as many choices as candidates, and one seed"
        of_means = np.array([deviation**2 / len(standing.trained) for standing in trained])
        variance = (inverse @ (design.T * of_means) @ design @ inverse).diagonal()
        source = f"the spread over seeds ({freedom} degrees of freedom)"
    return [quantile(freedom) * math.sqrt(entry) for entry in variance[1:]], source
