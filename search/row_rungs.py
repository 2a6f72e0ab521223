"""What the errors on part of the rows say of those on more: measured at the end of a search with `scheduler=rows`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from search.config import SearchConfig
from search.labels import part_in_words, with_unit
from search.rank_correlation import FEWEST_CANDIDATES, interval, rho_in_words, spearman
from search.report.wording import count, number
from search.results import TrialResult
from search.row_parts import on_part
from search.rungs import TOP

BY = "rows"
"""What tells this measurement from that of epochs, under `by`."""


@dataclass(frozen=True)
class Pair:
    """Two parts of the rows and the candidates that were trained on both, of those `there` on the smaller one.

    `rho` is Spearman's between their errors; NaN where they are too few or all the same. Where all were trained on
    both: how many would have gone on, how many of the best `TOP` on the larger part are among them, and by how much
    the best error of those exceeds the best of all; otherwise None.
    """

    part: float
    larger: float
    candidates: int
    there: int
    rho: float
    going_on: int | None = None
    top_going_on: int | None = None
    lost: float | None = None

    def in_words(self, unit: str) -> str:
        """`1/9 of the rows against all rows: rho 0.83 (95 % from 0.40 to 0.96, 11 candidates)` and what is lost."""
        what = f"{part_in_words(self.part)} against {part_in_words(self.larger)}: "
        of = f"{self.candidates} of {self.there} candidates" if self.lost is None else count(self.there, "candidate")
        if math.isnan(self.rho):
            why = "too few" if self.candidates < FEWEST_CANDIDATES else "all the same on one of them"
            return f"{what}rho not known ({of}: {why})"
        text = f"{what}{rho_in_words(self.rho, *interval(self.rho, self.candidates))}, {of})"
        if self.lost is None:
            return text
        return (
            f"{text}; {self.going_on} would go on, with {self.top_going_on} of the best {min(TOP, self.there)}; "
            f"{with_unit(number(self.lost), unit)} lost"
        )


@dataclass(frozen=True)
class RowMeasurement:
    """The pairs of parts of one search; errors in `unit`."""

    pairs: tuple[Pair, ...]
    space: str
    epochs: int
    reduction_factor: int
    keep_all: bool
    unit: str

    @property
    def is_known(self) -> bool:
        """Whether any pair has a correlation."""
        return any(not math.isnan(pair.rho) for pair in self.pairs)

    def to_dict(self) -> dict[str, Any]:
        """Values that JSON holds; a number that is not known is null."""
        pairs = [
            {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in pair.items()}
            for pair in map(asdict, self.pairs)
        ]
        return {"by": BY} | asdict(self) | {"pairs": pairs}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        pairs = [
            Pair(**({"rho": math.nan} | {name: value for name, value in pair.items() if value is not None}))
            for pair in values["pairs"]
        ]
        return cls(**{**{name: value for name, value in values.items() if name != "by"}, "pairs": tuple(pairs)})

    def in_words(self) -> list[str]:
        """What the smaller parts say of the larger ones, in lines."""
        return [
            "What part of the rows says of more (rho is Spearman's between validation errors, one seed a candidate):",
            *self.lines(),
        ]

    def lines(self) -> list[str]:
        """Each pair, and what the figures depend on."""
        return [*(f"  {pair.in_words(self.unit)}" for pair in self.pairs), self.reservation()]

    def reservation(self) -> str:
        """What the figures depend on."""
        if self.keep_all:
            epochs, factor = count(self.epochs, "epoch"), self.reduction_factor
            return f"This holds for {epochs} on each part, and one candidate in {factor} going on to the next."
        return (
            "Only candidates that went on are on both, chosen by the smaller part, so that rho is another than among "
            "all, and what was dropped is not seen. scheduler.keep_all=true measures it on all candidates."
        )


def measure(config: SearchConfig, results: Iterable[TrialResult], unit: str) -> RowMeasurement:
    """From the trials of the first seed that ended by themselves."""
    errors: dict[float, dict[str, float]] = {part: {} for part in config.parts}
    for result in results:
        if result.seed == config.seeds[0] and result.failure is None and result.ended_by_itself:
            name = on_part(result.candidate, config.parts[-1]).to_json()
            errors[result.candidate.recipe.train_part][name] = result.best_error
    factor, keep_all = config.scheduler.reduction_factor, config.scheduler.keep_all
    assert factor is not None
    pairs = tuple(_pairs(config.parts, errors, factor, keep_all))
    return RowMeasurement(pairs, config.space.name, config.recipe.epochs, factor, keep_all, unit)


def _pairs(
    parts: Sequence[float], errors: Mapping[float, Mapping[str, float]], factor: int, keep_all: bool
) -> Iterator[Pair]:
    for part, larger in itertools.combinations(parts, 2):
        both = [name for name in errors[part] if name in errors[larger]]
        small, large = (np.array([errors[p][name] for name in both]) for p in (part, larger))
        pair = Pair(part, larger, len(both), len(errors[part]), spearman(small, large))
        if keep_all and len(both) == len(errors[part]) >= FEWEST_CANDIDATES:
            steps = parts.index(larger) - parts.index(part)
            pair = Pair(**asdict(pair) | _lost(small, large, max(1, len(both) // factor**steps)))
        yield pair


def _lost(small: np.ndarray, large: np.ndarray, going_on: int) -> dict[str, Any]:
    """What would have been lost, had the best so many on the smaller part gone on."""
    chosen = np.argsort(small, kind="stable")[:going_on]
    best = set(np.argsort(large, kind="stable")[:TOP].tolist())
    return {
        "going_on": going_on,
        "top_going_on": len(best & set(chosen.tolist())),
        "lost": float(large[chosen].min() - large.min()),
    }
