"""The model that users ask: formulas in; value, interval, uncertainty and warnings out. A folder, written and read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from search.data import Split
from search.inference.asking import Answers, Asked
from search.inference.domain import Domain
from search.inference.members import ABOUT_FILE, DOMAIN_FILE, FORMAT, Members, floor_of, load_members, save_members
from search.inference.uncertainty import Calibration, calibrate

CALIBRATION_FILE = "calibration.npz"

COLUMNS = ("value", "lower", "upper", "uncertainty", "warning")
"""What a prediction adds to a formula, in this order."""

MEANINGS = {
    "value": "the prediction",
    "lower": "lower end of the 90 % interval",
    "upper": "upper end of the 90 % interval",
    "uncertainty": "the absolute error to expect",
    "warning": "why not to trust the value, or why there is none; empty where nothing is known against it",
}


@dataclass(frozen=True, eq=False)
class Predictions(Answers):
    """One row a formula: value, lower, upper and uncertainty float64 (rows,) in the target's unit, NaN where the
    formula could not be read; warning, a text a row, says why then."""

    value: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    uncertainty: NDArray[np.float64]
    warning: list[str]

    def __len__(self) -> int:
        return len(self.value)

    @property
    def first(self) -> NDArray[np.float64]:
        """What a row that could be read has, (rows,), NaN in the others."""
        return self.value

    def columns(self) -> dict[str, Any]:
        """The fields by name, in the order of COLUMNS."""
        return {name: getattr(self, name) for name in COLUMNS}

    def among(self, rows: NDArray[np.intp], warning: list[str]) -> Self:
        values = np.full((4, len(warning)), np.nan)
        values[:, rows] = [self.value, self.lower, self.upper, self.uncertainty]
        return type(self)(values[0], values[1], values[2], values[3], warning)


@dataclass(frozen=True)
class Predictor(Asked[Predictions]):
    """Models that answer as one, the calibration of their uncertainty, and the range they were trained on. `about` is
    JSON-able: what a user should know of the model (see `search.register`)."""

    ensemble: Members
    calibration: Calibration
    domain: Domain
    about: Mapping[str, Any]

    @classmethod
    def of(cls, ensemble: Members, split: Split, about: Mapping[str, Any]) -> Self:
        """The ensemble calibrated on a split's validation rows. Raises ValueError where these are too few."""
        domain, validation = Domain.of(split), split.validation
        mean, spread = ensemble.predict(torch.from_numpy(validation.x))
        errors = np.abs(mean[:, 0].numpy() - validation.y)
        calibration = calibrate(validation.x, errors, spread[:, 0].numpy(), domain.distance(validation.x))
        return cls(ensemble, calibration, domain, about)

    @property
    def columns(self) -> dict[str, type]:
        """What a prediction adds to a formula: text or numbers by the column's name."""
        return {name: str if name == "warning" else float for name in COLUMNS}

    def answer(self, x: NDArray[np.float32]) -> Predictions:
        mean, spread = self.ensemble.predict(torch.from_numpy(x))
        distance = self.domain.distance(x)
        value = mean[:, 0].numpy().astype(np.float64)
        expected = self.calibration.expected_error(x, spread[:, 0].numpy(), distance)
        half = self.calibration.quantile * expected
        floor = floor_of(self.ensemble)
        lower = value - half if floor is None else np.maximum(value - half, floor)
        return Predictions(value, lower, value + half, expected, self.domain.warnings(x, distance))

    def joined(self, parts: Sequence[Predictions]) -> Predictions:
        empty = np.zeros(0)
        return Predictions(
            np.concatenate([empty, *(part.value for part in parts)]),
            np.concatenate([empty, *(part.lower for part in parts)]),
            np.concatenate([empty, *(part.upper for part in parts)]),
            np.concatenate([empty, *(part.uncertainty for part in parts)]),
            [text for part in parts for text in part.warning],
        )

    def save(self, folder: Path) -> None:
        """Write to `folder`, which must not be there yet: arrays without pickle, and JSON."""
        folder.mkdir(parents=True)
        members = save_members(self.ensemble, folder)
        self.domain.save(folder / DOMAIN_FILE)
        self.calibration.save(folder / CALIBRATION_FILE)
        facts = {"format": FORMAT, **members, "about": dict(self.about)}
        (folder / ABOUT_FILE).write_text(json.dumps(facts, indent=1))

    @classmethod
    def load(cls, folder: Path, facts: Mapping[str, Any], bfloat16: bool = False) -> Self:
        """What `save` wrote, its JSON read already; runs no code from the folder. `bfloat16` as for Ensemble. Raises
        CheckpointError, KeyError, TypeError, ValueError."""
        ensemble, domain = load_members(folder, facts, bfloat16), Domain.load(folder / DOMAIN_FILE)
        return cls(ensemble, Calibration.load(folder / CALIBRATION_FILE), domain, facts["about"])
