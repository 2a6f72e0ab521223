"""`Recipe`: how a network is trained; `PAPER` is the paper's recipe, `FAST` and `MUON` are ours."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal, Self, get_args

Optimiser = Literal["adam", "adamw", "sgd", "muon", "schedule_free"]
Schedule = Literal["constant", "cosine", "one_cycle", "plateau"]
Loss = Literal["mae", "mse", "huber"]
Precision = Literal["float32", "bfloat16", "auto"]


LATER_FIELDS = {"huber_delta": 1.0, "beta2": 0.999}
"""Fields that recipes once had not, and what they then did."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. The defaults are the paper's (SDM 2022, section 4.2).

    `optimiser` muon takes nearly orthogonal steps of the hidden layers' matrices and AdamW's of all else, at AdamW's
    learning rates. schedule_free is AdamW that averages the weights instead of lowering its rate: a warm-up, no
    schedule, and the average is what is validated and kept.
    `learning_rate` is the peak of its schedule. `beta2` is how much of Adam's mean of squared gradients (and of
    AdamW's, also beside Muon and schedule-free) is kept in each step; sgd has none.
    `patience` counts epochs without a better validation error; 0 turns early stopping off. `averaging` is the decay per
    step of an exponential moving average of the weights, which then are the ones validated and kept; 0 turns it off.
    `precision` bfloat16 computes the layers' products in bfloat16 and keeps weights, optimiser and validation in
    float32; auto takes bfloat16 where the hardware is faster in it.
    The Huber loss is square up to a residual of `huber_delta`, in the scale that is trained on, and absolute above: the
    smaller it is, the nearer to the absolute error.
    `standardise` trains on (y - mean) / std of the training targets; errors are reported in the target's unit.
    `train_part` of the training rows, the first of their random order, are trained on; it is above 0 and at most 1.
    The loss of a classification task is cross-entropy, whatever `loss` says.
    """

    optimiser: Optimiser = "adam"
    learning_rate: float = 1e-4
    schedule: Schedule = "constant"
    weight_decay: float = 0.0
    beta2: float = 0.999
    batch_size: int = 32
    loss: Loss = "mae"
    huber_delta: float = 1.0
    epochs: int = 3000
    patience: int = 100
    averaging: float = 0.0
    precision: Precision = "float32"
    standardise: bool = False
    train_part: float = 1.0

    def __post_init__(self) -> None:
        self._settle_types()
        for field, names in (
            ("optimiser", Optimiser),
            ("schedule", Schedule),
            ("loss", Loss),
            ("precision", Precision),
        ):
            if getattr(self, field) not in get_args(names):
                raise ValueError(f"recipe.{field}={getattr(self, field)!r} is none of {', '.join(get_args(names))}")
        for field, limit in (("learning_rate", math.inf), ("weight_decay", math.inf), ("averaging", 1), ("beta2", 1)):
            if not math.isfinite(getattr(self, field)) or getattr(self, field) < 0:
                raise ValueError(f"recipe.{field}={getattr(self, field)} must be a finite number, not below 0")
            if getattr(self, field) >= limit:
                raise ValueError(f"recipe.{field}={getattr(self, field)} must be below {limit}")
        if not math.isfinite(self.huber_delta) or self.huber_delta <= 0:
            raise ValueError(f"recipe.huber_delta={self.huber_delta} must be a finite number above 0")
        if self.learning_rate == 0:
            raise ValueError("recipe.learning_rate=0 would train nothing: it must be above 0")
        if not 0 < self.train_part <= 1:
            raise ValueError(f"recipe.train_part={self.train_part} must be above 0 and at most 1")
        for field, least in (("batch_size", 1), ("epochs", 1), ("patience", 0)):
            if type(getattr(self, field)) is not int or getattr(self, field) < least:
                raise ValueError(f"recipe.{field}={getattr(self, field)} must be at least {least}, and whole")
        self._check_together()

    def _settle_types(self) -> None:
        """Whole numbers become floats, so that equal recipes have equal JSON, by which trials are told apart.

        Raises ValueError on what should be true or false and is neither.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "float" and type(value) is int:
                object.__setattr__(self, field.name, float(value))
            if field.type == "bool" and not isinstance(value, bool):
                raise ValueError(f"recipe.{field.name}={value!r} is neither true nor false")

    def _check_together(self) -> None:
        """Raises ValueError on values that do not go with each other."""
        if self.huber_delta != 1 and self.loss != "huber":
            raise ValueError(
                f"recipe.huber_delta={self.huber_delta} means nothing to recipe.loss={self.loss}: add recipe.loss=huber"
            )
        if self.optimiser == "schedule_free" and (self.averaging or self.schedule != "constant"):
            raise ValueError(
                "recipe.optimiser=schedule_free averages the weights itself, in the place of a schedule: "
                "add recipe.averaging=0 recipe.schedule=constant"
            )

    def to_json(self) -> str:
        """All fields but those of `LATER_FIELDS` at their first values, so that recipes are written as before these."""
        values = {name: value for name, value in asdict(self).items() if value != LATER_FIELDS.get(name)}
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError on text that is not the JSON of a recipe."""
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise ValueError(f"not a recipe: {error}") from error


def rows_in(part: float, rows: int) -> int:
    """How many rows `part` (above 0 to 1) of so many is, rounded up, one at least. 0.07 of 100 is 7, though the product
    of these floats is above it.
    """
    return max(1, math.ceil(round(part * rows, 6)))


PAPER = Recipe()
FAST = Recipe(
    optimiser="adamw",
    learning_rate=1e-3,
    schedule="one_cycle",
    weight_decay=0.05,
    batch_size=128,
    epochs=72,
    patience=0,
    averaging=0.998,
    precision="auto",
    standardise=True,
)
MUON = replace(
    FAST,
    optimiser="muon",
    learning_rate=6e-3,
    schedule="cosine",
    weight_decay=0.1,
    batch_size=256,
    epochs=30,
    averaging=0.99,
)
RECIPES = {"paper": PAPER, "fast": FAST, "muon": MUON}
