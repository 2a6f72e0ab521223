"""What every model in use does alike: any number of formulas in, a row for each out, whatever the rows hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from search.data import featurise
from search.inference.threads import side_by_side

ROWS_AT_ONCE = 16_384
"""Formulas that are in memory as fractions at a time, 86 numbers each."""

PART = 1024
"""Rows that one thread takes at a time."""


class Answers(ABC):
    """One row a formula; warning, a text a row, says why there is no answer, or why not to trust it."""

    warning: list[str]

    @abstractmethod
    def among(self, rows: NDArray[np.intp], warning: list[str]) -> Self:
        """These as the answers of some rows, by their numbers, of as many as there are warnings; none in the others."""


A = TypeVar("A", bound=Answers)


class Asked(ABC, Generic[A]):
    """A model that answers formulas and fractions."""

    @abstractmethod
    def answer(self, x: NDArray[np.float32]) -> A:
        """Of fractions (rows, 86), all at once on one thread."""

    @abstractmethod
    def joined(self, parts: Sequence[A]) -> A:
        """The rows of all parts, in their order."""

    def predict(self, formulas: Sequence[object], threads: int | None = None) -> A:
        """Any number of formulas, in memory that beyond input and output does not grow with them. Never raises for
        a bad formula."""
        starts = range(0, len(formulas), ROWS_AT_ONCE)
        return self.joined([self._predict(formulas[start : start + ROWS_AT_ONCE], threads) for start in starts])

    def _predict(self, formulas: Sequence[object], threads: int | None) -> A:
        read = featurise(formulas)
        rows = np.flatnonzero(read.ok)
        answers = self.predict_fractions(read.x[rows], threads)
        warning = [read.reasons.get(row, "") for row in range(len(formulas))]
        for row, text in zip(rows, answers.warning, strict=True):
            warning[row] = text
        return answers.among(rows, warning)

    def predict_fractions(self, x: NDArray[np.float32], threads: int | None = None) -> A:
        """Predictions of float32 (rows, 86) fractions in the order of ELEMENTS, on so many threads (torch's own
        number if None)."""
        return self.joined(side_by_side(lambda part: self.answer(x[part]), len(x), PART, threads))
