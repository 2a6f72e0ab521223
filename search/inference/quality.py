"""How a registered model does on compositions of known values or classes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Self

import numpy as np

from search.data import Part
from search.inference.classifier import Classifier
from search.inference.package import Model
from search.inference.predictor import Predictor
from search.judging import scores
from search.report.wording import number


@dataclass(frozen=True)
class Quality:
    """How a predictor does on compositions with known values: mean absolute error and mean width of the 90 %
    interval, in the target's unit, and the share of values inside it."""

    mae: float
    coverage: float
    width: float

    @classmethod
    def on(cls, predictor: Predictor, part: Part) -> Self:
        """Measured on one part of a split."""
        answers = predictor.predict_fractions(part.x)
        inside = (answers.lower <= part.y) & (part.y <= answers.upper)
        mae = float(np.mean(np.abs(answers.value - part.y)))
        return cls(mae, float(np.mean(inside)), float(np.mean(answers.upper - answers.lower)))

    @property
    def metrics(self) -> dict[str, float]:
        """By name."""
        return asdict(self)

    def in_words(self, unit: str) -> str:
        """For people."""
        with_unit = f" {unit}" if unit else ""
        return (
            f"test MAE {number(self.mae)}{with_unit}; {100 * self.coverage:.1f} % of the test set within 90 % "
            f"intervals, {number(self.width)}{with_unit} wide on average"
        )


@dataclass(frozen=True)
class ClassQuality:
    """How a classifier does on compositions of known classes: cross-entropy (nats a row), accuracy, F1 and ROC-AUC (see
    `search.judging.scores`; None where a class is missing), the share of true classes within the 90 % sets, and the
    mean number of classes in these."""

    cross_entropy: float
    accuracy: float
    f1: float
    roc_auc: float | None
    coverage: float
    set_size: float

    @classmethod
    def on(cls, classifier: Classifier, part: Part) -> Self:
        """Measured on one part of a split."""
        answers, y = classifier.predict_fractions(part.x), part.y.astype(np.int64)
        logs = np.log(np.maximum(answers.probabilities, np.finfo(np.float64).tiny))
        found = scores(logs, part, classifier.classes)
        return cls(
            found["cross_entropy"],
            found["accuracy"],
            found["f1"],
            found.get("roc_auc"),
            float(answers.within[np.arange(len(y)), y].mean()),
            float(answers.within.sum(axis=1).mean()),
        )

    @property
    def metrics(self) -> dict[str, float]:
        """By name, those that there are."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def in_words(self, unit: str) -> str:
        """For people."""
        area = "" if self.roc_auc is None else f", ROC-AUC {self.roc_auc:.3f}"
        return (
            f"test cross-entropy {self.cross_entropy:.4f}, accuracy {100 * self.accuracy:.1f} %{area}; "
            f"{100 * self.coverage:.1f} % of the test set's classes lie within the 90 % prediction sets, which hold "
            f"{self.set_size:.2f} classes on average"
        )


def quality_of(model: Model, part: Part) -> Quality | ClassQuality:
    """How a model does on a part of the data."""
    return ClassQuality.on(model, part) if isinstance(model, Classifier) else Quality.on(model, part)
