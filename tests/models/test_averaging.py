"""Averaged weights: the average they claim to be, with batch norm's statistics of their own."""

import math
from dataclasses import replace

import pytest
import torch
from kinds import KINDS
from torch import nn

from models.architecture import Architecture, Group
from models.averaging import STATISTICS_BATCH, AveragedWeights, averaging_weight, copy_of, take_statistics
from models.candidate import Candidate
from models.data import TrainingData
from models.network import build
from models.recipe import Recipe
from models.training import TrainingRun

NORMED = Architecture(groups=(Group(16, 2),), normalisation="batch", input_width=5)


def test_the_average_is_exponential_with_a_short_memory_at_first() -> None:
    network = build(Architecture(groups=(Group(4, 1),)))
    averaged = AveragedWeights(network, decay=0.5)
    expected = network.output.weight.detach().clone()
    for step in (1, 2, 30):
        with torch.no_grad():
            network.output.weight.add_(step)
        averaged.update(averaging_weight(0.5, step))
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * network.output.weight.detach()
    torch.testing.assert_close(averaged.state["output.weight"], expected)


@pytest.mark.parametrize("rows", [700, STATISTICS_BATCH + 2, 2 * STATISTICS_BATCH + 2])
def test_statistics_are_of_the_averaged_weights_and_the_trained_ones_come_back(rows: int) -> None:
    """Whatever is left over of the batches that they are taken in."""
    network = build(NORMED)
    averaged = AveragedWeights(network, decay=0.9)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    averaged.update(averaging_weight(0.9, step=1))
    before = copy_of(network)
    x = torch.randn(rows, 5)
    with averaged.in_place_of(network, x):
        layer = next(module for module in network.modules() if hasattr(module, "batch_norm"))
        inputs = x @ averaged.state["groups.0.branches.0.0.linear.weight"].T
        inputs = inputs + averaged.state["groups.0.branches.0.0.linear.bias"]
        assert isinstance(layer.batch_norm, nn.BatchNorm1d)
        torch.testing.assert_close(layer.batch_norm.running_mean, inputs.mean(0), rtol=1e-4, atol=1e-5)
        means = torch.stack([part.mean(0) for part in inputs.split(STATISTICS_BATCH)])
        between = (means - inputs.mean(0)).square().max()  # what the variances of parts do not hold
        torch.testing.assert_close(layer.batch_norm.running_var, inputs.var(0), rtol=0.01, atol=float(between))
    after = network.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert layer.batch_norm.momentum == pytest.approx(0.01)


def test_batch_norm_validates_well_from_the_first_epochs(mp_data: TrainingData) -> None:
    """Running statistics averaged like weights lag behind them: validation then is several times worse."""
    architecture = Architecture(groups=(Group(32, 3),), normalisation="batch", skip="layer")
    recipe = Recipe(learning_rate=1e-3, batch_size=64, epochs=4, averaging=0.998)
    *_, last = TrainingRun(Candidate(architecture, recipe), mp_data)
    assert last.validation_error < 1.3 * last.train_error


def test_statistics_are_taken_without_dropout() -> None:
    network = build(replace(NORMED, groups=(Group(16, 1), Group(8, 1)), dropout=(0.5, 0)))
    x = torch.randn(400, 5, generator=torch.Generator().manual_seed(0))
    network.train()
    take_statistics(network, x)
    norm = network.get_submodule("groups.1.branches.0.0.batch_norm")
    network.eval()
    with torch.no_grad():
        fed = network.get_submodule("groups.1.branches.0.0.linear")(network.get_submodule("groups.0")(x))
    # the first group's own norm is of evaluation now, whose variance is the unbiased one
    torch.testing.assert_close(norm.running_mean, fed.mean(0), rtol=0.05, atol=0.02)


def test_a_single_row_left_over_gives_no_statistics() -> None:
    network = build(NORMED)
    x = torch.randn(STATISTICS_BATCH + 1, 5)
    take_statistics(network, x)
    norm = network.get_submodule("groups.0.branches.0.0.batch_norm")
    with torch.no_grad():
        fed = network.get_submodule("groups.0.branches.0.0.linear")(x[:-1])
    torch.testing.assert_close(norm.running_mean, fed.mean(0), rtol=1e-4, atol=1e-5)


def test_batch_norm_trains_where_one_row_is_left_over(few_rows: TrainingData) -> None:
    odd = replace(few_rows, x_train=few_rows.x_train[:65], y_train=few_rows.y_train[:65])
    assert math.isfinite(TrainingRun(KINDS["batch norm, other rate"], odd).epoch().train_error)
