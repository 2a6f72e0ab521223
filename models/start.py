"""`Start`: how a candidate begins from the weights of another network instead of random ones."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True)
class Start:
    """Which weights a candidate's backbone begins from, and what training may do to them.

    source: the model's name and version. digest: of its weights. frozen: the output layer alone is trained, and the
    backbone is what it is in evaluation: no dropout, batch norm with the statistics that it has. pace: factor of the
    recipe's learning rates. Raises ValueError for a pace that is none.
    """

    source: str
    digest: str
    frozen: bool = False
    pace: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.pace <= 1:
            raise ValueError(f"a pace lies above 0 and up to 1, unlike {self.pace}")

    def __str__(self) -> str:
        slower = "" if self.pace == 1 else f" at {self.pace:g} of the rate"
        return f"from {self.source}{', backbone frozen' if self.frozen else ''}{slower}"

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError on text that is not the JSON of a start."""
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(f"not a start: {error}") from error
