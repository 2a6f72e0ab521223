"""The baseline: the training loop that a PyTorch tutorial would write, with nothing done for or against its speed."""

from __future__ import annotations

import itertools
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from models.architecture import Architecture
from models.data import TrainingData
from models.network import build
from models.recipe import Recipe


class PlainLoop:
    """Eager PyTorch: a DataLoader over a TensorDataset, the default Adam, `loss.item()` after every step."""

    def __init__(self, architecture: Architecture, recipe: Recipe, data: TrainingData, device: str) -> None:
        self.device = device
        self.model: nn.Module = build(architecture).to(device)
        rows = TensorDataset(torch.tensor(data.x_train), torch.tensor(data.y_train)[:, None])
        self.loader = DataLoader(rows, batch_size=recipe.batch_size, shuffle=True)
        self.validation = torch.tensor(data.x_validation).to(device), torch.tensor(data.y_validation).to(device)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=recipe.learning_rate)
        self.loss = nn.L1Loss()

    def train(self, steps: int | None = None) -> float:
        """Train for an epoch, or for so many steps; the seconds it took."""
        started = time.perf_counter()
        self.model.train()
        total = 0.0
        for batch in itertools.islice(self.loader, steps):
            x, y = (part.to(self.device) for part in batch)
            self.optimiser.zero_grad()
            loss = self.loss(self.model(x), y)
            loss.backward()
            self.optimiser.step()
            total += loss.item()
        return time.perf_counter() - started

    def epoch(self) -> float:
        """Train and validate for an epoch; the seconds it took."""
        started = time.perf_counter()
        self.train()
        self.model.eval()
        x, y = self.validation
        with torch.no_grad():
            (self.model(x)[:, 0] - y).abs().mean().item()
        return time.perf_counter() - started
