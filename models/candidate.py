"""`Candidate`: one point of a search space, an architecture and the recipe that trains it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self

from models.architecture import Architecture
from models.recipe import Recipe


@dataclass(frozen=True)
class Candidate:
    """What one trial trains, but for its seed."""

    architecture: Architecture
    recipe: Recipe

    def to_json(self) -> str:
        return f'{{"architecture":{self.architecture.to_json()},"recipe":{self.recipe.to_json()}}}'

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError on text that is not the JSON of a candidate."""
        try:
            parts = json.loads(text)
            architecture, recipe = parts["architecture"], parts["recipe"]
        except (TypeError, KeyError, json.JSONDecodeError) as error:
            raise ValueError(f"not a candidate: {error}") from error
        return cls(Architecture.from_json(json.dumps(architecture)), Recipe.from_json(json.dumps(recipe)))
