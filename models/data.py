"""`TrainingData`: the arrays that training runs share."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from models.recipe import rows_in
from models.transfer import StartWeights


@dataclass(frozen=True)
class TrainingData:
    """x float (rows, input_width); y float (rows,) or (rows, outputs), or class numbers (rows,); `start`, the weights
    that candidates with a start begin from.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    start: StartWeights | None = None

    def x_on(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """x_train and x_validation on the device; on a CPU the arrays themselves and no copies.

        Trials of one node so share what Ray holds once, read-only.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            train, validation = (
                torch.as_tensor(x, dtype=torch.float32, device=device) for x in (self.x_train, self.x_validation)
            )
        return train, validation

    def part(self, part: float) -> Self:
        """With the first `part` (above 0 to 1) of the training rows, one at least: a smaller part lies in a larger."""
        rows = rows_in(part, len(self.x_train))
        return replace(self, x_train=self.x_train[:rows], y_train=self.y_train[:rows])
