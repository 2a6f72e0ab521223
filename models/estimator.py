"""`Estimator`: the one description of a traditional model, as `Architecture` is of a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, get_args

Value = bool | int | float | str | None
Preprocessing = Literal["none", "standard", "pca"]


@dataclass(frozen=True)
class Estimator:
    """A family of models, its settings as sorted pairs, and what is done to the input before.

    `preprocessing` standard scales every input to mean 0 and variance 1; pca turns them into whitened principal
    components that hold 95 % of the variance. `most_rows` bounds the training rows of a family whose cost grows faster
    than they do. Which class a family is, is known where it is fitted. Raises ValueError for parts that are none.
    """

    family: str
    settings: tuple[tuple[str, Value], ...] = ()
    preprocessing: Preprocessing = "none"
    most_rows: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", tuple(sorted((str(name), value) for name, value in self.settings)))
        if self.preprocessing not in get_args(Preprocessing):
            raise ValueError(f"preprocessing {self.preprocessing!r} is none of {', '.join(get_args(Preprocessing))}")
        if self.most_rows is not None and self.most_rows < 1:
            raise ValueError(f"most_rows={self.most_rows} leaves nothing to fit")

    @classmethod
    def of(
        cls,
        family: str,
        settings: Mapping[str, Value],
        preprocessing: Preprocessing = "none",
        most_rows: int | None = None,
    ) -> Self:
        """An estimator with its settings as a mapping."""
        return cls(family, tuple(settings.items()), preprocessing, most_rows)

    def to_json(self) -> str:
        fields = {
            "family": self.family,
            "settings": dict(self.settings),
            "preprocessing": self.preprocessing,
            "most_rows": self.most_rows,
        }
        return json.dumps(fields, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError on text that is not the JSON of an estimator."""
        try:
            fields = json.loads(text)
            return cls.of(fields["family"], fields["settings"], fields["preprocessing"], fields["most_rows"])
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise ValueError(f"not an estimator: {error}") from error

    def __str__(self) -> str:
        """Short and readable, the run's name in MLflow: `random forest max_features=0.33`."""
        words = [self.family.replace("_", " ")]
        words += [f"{name}={_short(value)}" for name, value in self.settings]
        words += [self.preprocessing] if self.preprocessing != "none" else []
        words += [f"({self.most_rows:,} rows)"] if self.most_rows is not None else []
        return " ".join(words)


def _short(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
