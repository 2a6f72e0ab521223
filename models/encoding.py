"""What a network makes of its rows before the first layer, as `Inputs` describes it.

All of it is computed in float32, also where the layers compute in bfloat16: differences of nearly equal numbers and
phases of waves would be lost. Nothing in it waits for the device.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.inputs import DESCRIPTOR_FILE, DESCRIPTORS, ELEMENTS, Inputs

SMALLEST_VARIANCE = 1e-6
"""Under the root of a pooled deviation, whose slope has no end at the 0 of a single element."""

FREQUENCY_SPREAD = 1.0
"""Standard deviation of the first frequencies: one period over the fractions' whole range."""

DESCRIPTOR_SCALE = 0.1
"""Of the shipped table's columns, so that pooled descriptors are about as large as fractions. At their own deviation of
1 they drive the first layers' steps: on JARVIS' band gaps such networks need twice the epochs for the same error."""

RANK_SCALE = 0.2
"""Of a ranked element's mark: about a fraction's own size, so that the first layer's steps are no larger for it."""

EQUAL_FRACTIONS = 10_000.0
"""Fractions are equal that differ by less than about one part in so many."""


@cache
def element_descriptors() -> np.ndarray:
    """float32 (86, DESCRIPTORS): the shipped table, each column of mean 0 and standard deviation 1."""
    text = files("models").joinpath(DESCRIPTOR_FILE).read_text().splitlines()
    return np.array([[float(value) for value in line.split(",")[1:]] for line in text[1:]], dtype=np.float32)


class PiecewiseLinear(nn.Module):
    """x (rows, values) -> (rows, values x bins): how far a value has come through each bin, 0 before and 1 after it."""

    lows: Tensor
    pace: Tensor

    def __init__(self, values: int, bins: int) -> None:
        super().__init__()
        self.bins = bins
        self.register_buffer("lows", torch.empty(values, bins))
        self.register_buffer("pace", torch.empty(values, bins))

    def fit(self, x: np.ndarray) -> None:
        """Take the bins' edges at quantiles of each column's values that are not 0; x is (rows, values)."""
        steps = np.linspace(0, 1, self.bins + 1)
        edges = np.empty((x.shape[1], self.bins + 1))
        for column, values in enumerate(x.T.astype(np.float64)):
            present = values[values != 0]
            low, high = min(0.0, present.min(initial=0.0)), max(1.0, present.max(initial=1.0))
            edges[column] = np.quantile(present, steps) if len(present) else low + steps * (high - low)
            edges[column, [0, -1]] = low, high
        self._set(edges)

    def _set(self, edges: np.ndarray) -> None:
        widths = np.diff(edges)
        # a bin that many equal values have left without width tells nothing, and stays at 0
        pace = np.divide(1, widths, out=np.zeros_like(widths), where=widths > np.finfo(np.float32).eps)
        self.lows.copy_(torch.as_tensor(edges[:, :-1]))
        self.pace.copy_(torch.as_tensor(pace))

    def begin(self, generator: torch.Generator) -> None:
        """Bins of equal width from 0 to 1, until there are rows to fit them to."""
        self._set(np.tile(np.linspace(0, 1, self.bins + 1), (len(self.lows), 1)))

    def forward(self, x: Tensor) -> Tensor:
        return ((x[:, :, None] - self.lows) * self.pace).clamp(0, 1).flatten(1)


class Periodic(nn.Module):
    """x (rows, values) -> (rows, values x width): sines and cosines of learnt frequencies, and a layer all share."""

    def __init__(self, values: int, width: int) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.empty(values, width))
        self.linear = nn.Linear(2 * width, width)

    def begin(self, generator: torch.Generator) -> None:
        """Draw the first frequencies."""
        self.frequencies.normal_(0, FREQUENCY_SPREAD, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        phases = 2 * math.pi * self.frequencies * x[:, :, None]
        waves: Tensor = self.linear(torch.cat([phases.sin(), phases.cos()], dim=-1))
        return F.relu(waves).flatten(1)


class Pooled(nn.Module):
    """Fractions (rows, 86) -> (rows, 4 x width): a table's rows over the elements of each composition.

    Weighted mean and standard deviation, and the largest and least of the elements that are present: the mean alone
    would be a linear layer of the fractions.
    """

    table: Tensor

    def forward(self, x: Tensor) -> Tensor:
        table, present = self.table, (x > 0)[:, :, None]
        mean = x @ table
        variance = (x @ table**2 - mean**2).clamp(min=0)
        lacking = torch.finfo(table.dtype).max
        largest = torch.where(present, table, -lacking).amax(1)
        least = torch.where(present, table, lacking).amin(1)
        some = present.any(1)  # a row without elements has neither
        ends = [torch.where(some, end, torch.zeros_like(end)) for end in (largest, least)]
        return torch.cat([mean, (variance + SMALLEST_VARIANCE).sqrt(), *ends], dim=1)


class ElementEmbeddings(Pooled):
    """A learnt vector for each element."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(ELEMENTS, width))

    def begin(self, generator: torch.Generator) -> None:
        """Draw the first vectors, each value of deviation 1, as descriptors have it."""
        self.table.normal_(generator=generator)


class Descriptors(Pooled):
    """The shipped table, kept beside the weights so that a model goes on with what it was trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.empty(ELEMENTS, DESCRIPTORS))

    def begin(self, generator: torch.Generator) -> None:
        """Read the table."""
        self.table.copy_(DESCRIPTOR_SCALE * torch.as_tensor(element_descriptors()))


class RankedElements(nn.Module):
    """Fractions (rows, 86) -> (rows, ranks x 87): the elements in the order of their fractions, the largest first.

    For each rank 86 places, of which that of its element is `RANK_SCALE` and the others 0, and its fraction times
    `RANK_SCALE`; all 0 where a composition has fewer elements. Of elements with equal fractions the lower Mendeleev
    number comes first, so that like elements come to like ranks.
    """

    order: Tensor

    def __init__(self, ranks: int) -> None:
        super().__init__()
        self.ranks = ranks
        self.register_buffer("order", torch.empty(ELEMENTS))

    def begin(self, generator: torch.Generator) -> None:
        """Take the elements' order from the shipped table."""
        mendeleev_numbers = element_descriptors()[:, 0]
        self.order.copy_(torch.as_tensor(mendeleev_numbers.argsort().argsort()))

    def forward(self, x: Tensor) -> Tensor:
        # whole numbers, exact in float32
        keys = torch.where(x > 0, (x * EQUAL_FRACTIONS).round() * ELEMENTS + ELEMENTS - self.order, 0.0)
        found, elements = keys.topk(self.ranks, dim=1)
        scale = RANK_SCALE * (found > 0).to(x.dtype)
        places = torch.zeros(len(x), self.ranks, ELEMENTS, dtype=x.dtype, device=x.device)
        places = places.scatter(2, elements[:, :, None], scale[:, :, None])
        return torch.cat([places.flatten(1), scale * x.gather(1, elements)], dim=1)


class Encoding(nn.Module):
    """x (rows, values) -> (rows, `Inputs.width(values)`), float32: the parts of the input side by side."""

    def __init__(self, inputs: Inputs, values: int) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        if inputs.fractions:
            kinds = {"piecewise": PiecewiseLinear, "periodic": Periodic}
            kind = kinds.get(inputs.numeric)
            parts.append(nn.Identity() if kind is None else kind(values, inputs.numeric_width))
        parts += [ElementEmbeddings(inputs.embedding)] if inputs.embedding else []
        parts += [Descriptors()] if inputs.descriptors else []
        parts += [RankedElements(inputs.ranks)] if inputs.ranks else []
        self.parts = nn.ModuleList(parts)

    def fit(self, x: np.ndarray) -> None:
        """Take from the training rows (rows, values) what the parts need of them."""
        for part in self.parts:
            if isinstance(part, PiecewiseLinear):
                part.fit(x)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return torch.cat([part(x) for part in self.parts], dim=1)
