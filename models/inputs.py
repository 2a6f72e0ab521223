"""`Inputs`: what a network makes of a row before its first layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Numeric = Literal["none", "piecewise", "periodic"]

ELEMENTS = 86
"""Values of a row that is a composition: the fractions of the paper's elements, in its order."""

DESCRIPTORS = 21
"""Properties of each element in the shipped table."""

DESCRIPTOR_FILE = "element_descriptors.csv"
"""Written by `search.data.descriptors`: a line for each of the paper's elements, in its order, standardised."""

POOLS = 4
"""Weighted mean, weighted standard deviation, maximum and minimum over the elements that are present."""


@dataclass(frozen=True)
class Inputs:
    """Which values the first layers get; several are put side by side. The default is the paper's: the row as it is.

    fractions: the row's own values. numeric: how each of them is embedded in `numeric_width` values: "piecewise" by
    its place among as many bins, "periodic" by as many learnt frequencies and a linear layer that all share
    (Gorishniy et al., NeurIPS 2022). embedding: width of a learnt vector for each element, pooled over a
    composition's elements; 0 for none. descriptors: physical properties of the elements, pooled alike. ranks: which
    element has the largest fraction, which the next, for so many; 0 for none. Compounds of one prototype, such as ABX3,
    so have their elements in the same places, whichever they are.
    Raises ValueError where nothing is left to train on, or a width is missing.
    """

    fractions: bool = True
    numeric: Numeric = "none"
    numeric_width: int = 0
    embedding: int = 0
    descriptors: bool = False
    ranks: int = 0

    def __post_init__(self) -> None:
        if self.numeric not in get_args(Numeric):
            raise ValueError(f"inputs.numeric={self.numeric!r} is none of {', '.join(get_args(Numeric))}")
        if self.numeric == "none" or not self.fractions:
            object.__setattr__(self, "numeric", "none")
            object.__setattr__(self, "numeric_width", 0)
        elif self.numeric_width < 1:
            raise ValueError(f"a {self.numeric} embedding needs a width of at least 1, not {self.numeric_width}")
        if self.embedding < 0:
            raise ValueError(f"an element embedding cannot be {self.embedding} wide")
        if not 0 <= self.ranks <= ELEMENTS:
            raise ValueError(f"an input has from 0 to {ELEMENTS} ranks of elements, not {self.ranks}")
        if not (self.fractions or self.is_composition):
            raise ValueError("an input needs the fractions, element embeddings, descriptors or ranks")

    @property
    def is_composition(self) -> bool:
        """Whether a row has to be the fractions of the 86 elements."""
        return bool(self.embedding or self.descriptors or self.ranks)

    def width(self, values: int) -> int:
        """Values that the first layers get of a row of `values`."""
        own = values * (self.numeric_width or 1) if self.fractions else 0
        pooled = POOLS * (self.embedding + DESCRIPTORS * self.descriptors)
        return own + pooled + self.ranks * (ELEMENTS + 1)

    def parameter_count(self, values: int) -> int:
        """Trainable parameters for rows of `values`: frequencies and their shared layer, element embeddings."""
        periodic = 0
        if self.numeric == "periodic":
            periodic = values * self.numeric_width + (2 * self.numeric_width + 1) * self.numeric_width
        return periodic + ELEMENTS * self.embedding

    def __str__(self) -> str:
        """`fractions:piecewise8+elements16+descriptors+ranks4`."""
        numeric = f":{self.numeric}{self.numeric_width}" if self.numeric != "none" else ""
        words = [f"fractions{numeric}"] if self.fractions else []
        words += [f"elements{self.embedding}"] if self.embedding else []
        words += ["descriptors"] if self.descriptors else []
        words += [f"ranks{self.ranks}"] if self.ranks else []
        return "+".join(words)


PLAIN_INPUTS = Inputs()
"""A row as it is."""
