"""`Candidate`: one point of a search space, an architecture and the recipe that trains it, or an estimator."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self

from models.architecture import Architecture, Task
from models.estimator import Estimator
from models.recipe import Recipe
from models.start import Start


@dataclass(frozen=True)
class Candidate:
    """What one trial trains, but for its seed.

    Where there is an `estimator`, it is fitted in the network's place: of the architecture only input, output, task
    and floor then count, and of the recipe only `epochs`, the number of parts that the training rows are taken in.
    Where there is a `start`, the network begins from another's weights.
    """

    architecture: Architecture
    recipe: Recipe
    estimator: Estimator | None = None
    start: Start | None = None

    @property
    def task(self) -> Task:
        return self.architecture.task

    def parameter_count(self) -> int | None:
        """Trainable parameters; None for an estimator, which has as many as its rows make."""
        return None if self.estimator is not None else self.architecture.parameter_count()

    def __str__(self) -> str:
        return str(self.estimator or self.architecture) + (f" {self.start}" if self.start else "")

    def to_json(self) -> str:
        parts = [f'"architecture":{self.architecture.to_json()}', f'"recipe":{self.recipe.to_json()}']
        parts += [f'"estimator":{self.estimator.to_json()}'] if self.estimator is not None else []
        parts += [f'"start":{self.start.to_json()}'] if self.start is not None else []
        return "{" + ",".join(parts) + "}"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError on text that is not the JSON of a candidate."""
        try:
            parts = json.loads(text)
            architecture, recipe = parts["architecture"], parts["recipe"]
            estimator, start = parts.get("estimator"), parts.get("start")
        except (TypeError, KeyError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"not a candidate: {error}") from error
        return cls(
            Architecture.from_json(json.dumps(architecture)),
            Recipe.from_json(json.dumps(recipe)),
            None if estimator is None else Estimator.from_json(json.dumps(estimator)),
            None if start is None else Start.from_json(json.dumps(start)),
        )
