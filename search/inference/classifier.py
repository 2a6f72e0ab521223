"""The model that users ask for classes: a class with its probability, and a set that holds the true one in 90 %.

The networks' logits are averaged and divided by one temperature, the one of the lowest cross-entropy on validation
(`search.temperature`). The set is split conformal prediction's (Sadinle et al., JASA 2019): all classes whose
probability is no lower than what 90 % of the validation set's true classes reach, and the likeliest in any case.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax  # type: ignore[import-untyped]

from models.checkpoint import CheckpointError
from models.ensemble import Ensemble
from search.data import Split
from search.inference.asking import Answers, Asked
from search.inference.difficulty import conformal_quantile
from search.inference.domain import Domain
from search.inference.members import ABOUT_FILE, DOMAIN_FILE, FORMAT, load_networks, save_networks
from search.inference.uncertainty import FEWEST_ROWS
from search.temperature import temperature_for

CLASSIFICATION = "classification"
BETWEEN = "; "
"""Between the classes of a set."""


MEANINGS = {
    "class": "the likeliest class",
    "probability": "its probability, calibrated on validation",
    "prediction_set": "the classes among which the true one is in 90 % of cases, the likeliest first",
    "p(<class>)": "the probability of each class",
    "warning": "why not to trust the answer, or why there is none; empty where nothing is known against it",
}


def probability_column(name: str) -> str:
    """The column of a class's probability."""
    return f"p({name})"


@dataclass(frozen=True, eq=False)
class ClassPredictions(Answers):
    """One row a formula: probabilities float64 (rows, classes), NaN where the formula could not be read; within, bool
    (rows, classes), the classes of the set; warning, a text a row."""

    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]
    within: NDArray[np.bool_]
    warning: list[str]

    def __len__(self) -> int:
        return len(self.warning)

    @property
    def probability(self) -> NDArray[np.float64]:
        """Of the likeliest class, (rows,)."""
        highest: NDArray[np.float64] = self.probabilities.max(axis=1)
        return highest

    @property
    def first(self) -> NDArray[np.float64]:
        """What a row that could be read has, (rows,), NaN in the others."""
        return self.probability

    @property
    def chosen(self) -> list[str]:
        """The likeliest class of each row; no text where there is no answer."""
        read = ~np.isnan(self.probability)
        numbers = np.where(read, np.nan_to_num(self.probabilities).argmax(axis=1), 0)
        return [self.classes[number] if ok else "" for number, ok in zip(numbers, read, strict=True)]

    @property
    def sets(self) -> list[str]:
        """The classes of each row's set, the likeliest first."""
        order = np.argsort(-np.nan_to_num(self.probabilities), axis=1, kind="stable")
        return [
            BETWEEN.join(self.classes[number] for number in row if inside[number])
            for row, inside in zip(order, self.within, strict=True)
        ]

    def columns(self) -> dict[str, Any]:
        """The columns by name, those of `columns_of`."""
        each = {probability_column(name): self.probabilities[:, n] for n, name in enumerate(self.classes)}
        return {
            "class": self.chosen,
            "probability": self.probability,
            "prediction_set": self.sets,
            **each,
            "warning": self.warning,
        }

    def among(self, rows: NDArray[np.intp], warning: list[str]) -> Self:
        probabilities = np.full((len(warning), len(self.classes)), np.nan)
        within = np.zeros(probabilities.shape, dtype=bool)
        probabilities[rows], within[rows] = self.probabilities, self.within
        return type(self)(self.classes, probabilities, within, warning)


def columns_of(classes: Sequence[str]) -> dict[str, type]:
    """What a prediction adds to a formula: text or numbers by the column's name."""
    numbers: dict[str, type] = {probability_column(name): float for name in classes}
    return {"class": str, "probability": float, "prediction_set": str, **numbers, "warning": str}


@dataclass(frozen=True)
class Classifier(Asked[ClassPredictions]):
    """An ensemble of networks, the classes' names, what divides the logits, the least probability in a set, and the
    range it was trained on. `about` is JSON-able: what a user should know of the model."""

    ensemble: Ensemble
    classes: tuple[str, ...]
    temperature: float
    least: float
    domain: Domain
    about: Mapping[str, Any]

    @classmethod
    def of(cls, ensemble: Ensemble, split: Split, about: Mapping[str, Any]) -> Self:
        """The ensemble calibrated on a split's validation rows. Raises ValueError where these are too few."""
        validation = split.validation
        if len(validation) < FEWEST_ROWS:
            raise ValueError(f"{len(validation)} validation rows cannot calibrate a set: it takes {FEWEST_ROWS}")
        logits, y = logits_of(ensemble, validation.x), validation.y.astype(np.int64)
        temperature = temperature_for(logits, y)
        true = softmax(logits / temperature, axis=1)[np.arange(len(y)), y]
        return cls(ensemble, split.classes, temperature, 1 - conformal_quantile(1 - true), Domain.of(split), about)

    @property
    def columns(self) -> dict[str, type]:
        """What a prediction adds to a formula."""
        return columns_of(self.classes)

    def answer(self, x: NDArray[np.float32]) -> ClassPredictions:
        probabilities = softmax(logits_of(self.ensemble, x) / self.temperature, axis=1)
        within = probabilities >= self.least
        within[np.arange(len(x)), probabilities.argmax(axis=1)] = True
        return ClassPredictions(self.classes, probabilities, within, self.domain.warnings(x, self.domain.distance(x)))

    def joined(self, parts: Sequence[ClassPredictions]) -> ClassPredictions:
        none = np.zeros((0, len(self.classes)))
        return ClassPredictions(
            self.classes,
            np.concatenate([none, *(part.probabilities for part in parts)]),
            np.concatenate([none.astype(bool), *(part.within for part in parts)]),
            [text for part in parts for text in part.warning],
        )

    def save(self, folder: Path) -> None:
        """Write to `folder`, which must not be there yet: arrays without pickle, and JSON."""
        folder.mkdir(parents=True)
        save_networks(self.ensemble, folder)
        self.domain.save(folder / DOMAIN_FILE)
        facts = {
            "format": FORMAT,
            "task": CLASSIFICATION,
            "weights": self.ensemble.weights,
            "classes": self.classes,
            "temperature": self.temperature,
            "least": self.least,
            "about": dict(self.about),
        }
        (folder / ABOUT_FILE).write_text(json.dumps(facts, indent=1))

    @classmethod
    def load(cls, folder: Path, facts: Mapping[str, Any], bfloat16: bool = False) -> Self:
        """What `save` wrote; runs no code from the folder. Raises CheckpointError, KeyError, TypeError, ValueError."""
        ensemble, classes = load_networks(folder, facts["weights"], bfloat16), tuple(map(str, facts["classes"]))
        temperature, least = float(facts["temperature"]), float(facts["least"])
        if ensemble.networks[0].architecture.output_width != len(classes):
            raise CheckpointError(f"{folder} names {len(classes)} classes, and its networks have another number")
        if not (math.isfinite(temperature) and temperature > 0 and math.isfinite(least)):
            raise CheckpointError(f"{folder} holds no calibration of probabilities")
        return cls(ensemble, classes, temperature, least, Domain.load(folder / DOMAIN_FILE), facts["about"])


def logits_of(ensemble: Ensemble, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean logits, float64 (rows, classes), of fractions x (rows, 86)."""
    logits: NDArray[np.float64] = ensemble.predict(torch.from_numpy(x))[0].numpy().astype(np.float64)
    return logits
