"""Optimisers and learning rate schedules of a recipe."""

from __future__ import annotations

import math

from models.fused import Adam, Decayed, Optimiser, Sgd
from models.muon import Muon
from models.network import Network
from models.recipe import Recipe
from models.schedule_free import ScheduleFree

KERAS_ADAM_EPSILON = 1e-7
BETA1 = 0.9
"""How much of Adam's mean of gradients is kept in each step."""

SCHEDULE_FREE_WARMUP = 0.05
"""Part of all steps in which schedule-free training climbs to its learning rate."""

ONE_CYCLE_WARMUP = 0.1
"""Part of all steps in which one cycle climbs to its peak."""
ONE_CYCLE_START = 0.04
"""First learning rate of one cycle, as a part of its peak."""

PLATEAU_FACTOR = 0.1
PLATEAU_FLOOR = 1e-8
"""Factor and least learning rate of a plateau, as in the journal version's released code."""


def make_optimiser(network: Network, recipe: Recipe) -> Optimiser:
    """The recipe's optimiser of what is not frozen; weight decay acts on matrices only, not on biases or batch norm."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    by_muon = network.hidden_matrices() if recipe.optimiser == "muon" else []
    hidden = [matrix for matrix in by_muon if matrix.requires_grad]
    apart = {id(matrix) for matrix in hidden}
    matrices = [parameter for parameter in trained if parameter.ndim > 1 and id(parameter) not in apart]
    vectors = [parameter for parameter in trained if parameter.ndim <= 1]
    groups = [Decayed(matrices, recipe.weight_decay), Decayed(vectors, 0.0)]
    rate, betas = recipe.learning_rate, (BETA1, recipe.beta2)
    if recipe.optimiser == "sgd":
        return Sgd(groups, rate)
    if recipe.optimiser == "muon":
        return Muon(Decayed(hidden, recipe.weight_decay), groups, rate, KERAS_ADAM_EPSILON, betas)
    if recipe.optimiser == "schedule_free":
        return ScheduleFree(groups, rate, KERAS_ADAM_EPSILON, recipe.beta2)
    return Adam(groups, rate, recipe.optimiser == "adamw", KERAS_ADAM_EPSILON, betas)


def learning_rate_at(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate of one step (0 to steps - 1) of a schedule that is a function of the step alone."""
    peak, done = recipe.learning_rate, step / max(1, steps)
    if recipe.optimiser == "schedule_free":
        return peak * min(1.0, (step + 1) / max(1.0, SCHEDULE_FREE_WARMUP * steps))
    if recipe.schedule == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * done))
    if recipe.schedule == "one_cycle":
        if done < ONE_CYCLE_WARMUP:
            return peak * (ONE_CYCLE_START + (1 - ONE_CYCLE_START) * done / ONE_CYCLE_WARMUP)
        return peak * 0.5 * (1 + math.cos(math.pi * (done - ONE_CYCLE_WARMUP) / (1 - ONE_CYCLE_WARMUP)))
    return peak


class Plateau:
    """Lowers the learning rate tenfold when the validation error has not fallen for half the patience."""

    def __init__(self, recipe: Recipe) -> None:
        self.patience = max(1, (recipe.patience or recipe.epochs // 5) // 2)
        self.rate = recipe.learning_rate
        self.epochs_waited = 0

    def after_epoch(self, improved: bool) -> None:
        self.epochs_waited = 0 if improved else self.epochs_waited + 1
        if self.epochs_waited >= self.patience:
            self.rate = max(PLATEAU_FLOOR, self.rate * PLATEAU_FACTOR)
            self.epochs_waited = 0
