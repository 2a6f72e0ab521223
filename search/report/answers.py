"""What a search's winner answers on the parts of the table that it was not trained on: values, or classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax  # type: ignore[import-untyped]

from search.data import Part, Split
from search.judging import scores
from search.temperature import temperature_for


@dataclass(frozen=True, eq=False)
class Outputs:
    """What the winner's networks answer on both parts, each float64 (networks, rows, outputs)."""

    validation: NDArray[np.float64]
    test: NDArray[np.float64]
    missing_seeds: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Predicted:
    """One part of the table beside the winner's predictions, float64 (networks, rows) in the target's unit."""

    part: Part
    by_network: NDArray[np.float64]

    @property
    def values(self) -> NDArray[np.float64]:
        """The mean over the networks, (rows,)."""
        mean: NDArray[np.float64] = self.by_network.mean(axis=0)
        return mean

    @property
    def errors(self) -> NDArray[np.float64]:
        """Predicted less true, of the mean over the networks, (rows,)."""
        difference: NDArray[np.float64] = self.values - self.part.y
        return difference

    def share_of_worst(self, part: float) -> float:
        """What the rows furthest off, this part of all and one at least, have of all absolute error; 0 of none."""
        sizes = np.sort(np.abs(self.errors))[::-1]
        total = float(sizes.sum())
        return float(sizes[: max(1, round(part * len(sizes)))].sum()) / total if total > 0 else 0.0

    @property
    def network_maes(self) -> list[float]:
        """The mean absolute error of each network by itself."""
        return [float(mae) for mae in np.abs(self.by_network - self.part.y).mean(axis=1)]


@dataclass(frozen=True, eq=False)
class WinnerPredictions:
    """The winner on the parts that it was not trained on. But for it the search's ensemble alone meets the test set."""

    validation: Predicted
    test: Predicted
    missing_seeds: tuple[int, ...] = ()

    @classmethod
    def of(cls, split: Split, outputs: Outputs) -> Self:
        """From the networks' outputs."""
        parts = zip((split.validation, split.test), (outputs.validation, outputs.test), strict=True)
        validation, test = (Predicted(part, values[:, :, 0]) for part, values in parts)
        return cls(validation, test, outputs.missing_seeds)


@dataclass(frozen=True, eq=False)
class PredictedClasses:
    """One part of the table beside the winner's logits, float64 (networks, rows, classes), what divides their mean, and
    the classes' names."""

    part: Part
    logits: NDArray[np.float64]
    temperature: float
    classes: tuple[str, ...]

    @property
    def true(self) -> NDArray[np.int64]:
        """The class numbers of the table, (rows,)."""
        return self.part.y.astype(np.int64)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Those that the networks answer with once they are registered together, (rows, classes)."""
        together: NDArray[np.float64] = softmax(self.logits.mean(axis=0) / self.temperature, axis=1)
        return together

    @property
    def network_scores(self) -> list[dict[str, float]]:
        """The scores of each network by itself (`search.judging.scores`)."""
        return [scores(logits, self.part, self.classes) for logits in self.logits]


@dataclass(frozen=True, eq=False)
class WinnerClasses:
    """The winning classifier on the two parts that it was not trained on."""

    validation: PredictedClasses
    test: PredictedClasses
    missing_seeds: tuple[int, ...] = ()

    @classmethod
    def of(cls, split: Split, outputs: Outputs) -> Self:
        """From the networks' outputs."""
        temperature = temperature_for(outputs.validation.mean(axis=0), split.validation.y.astype(np.int64))
        parts = zip((split.validation, split.test), (outputs.validation, outputs.test), strict=True)
        validation, test = (PredictedClasses(part, logits, temperature, split.classes) for part, logits in parts)
        return cls(validation, test, outputs.missing_seeds)
