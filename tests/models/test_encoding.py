"""What becomes of a row before the first layer, against formulas written out by hand."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kinds import QUICK, SMALL

from models.architecture import Architecture, Group
from models.branching import Branching
from models.candidate import Candidate
from models.checkpoint import load_network, save_network
from models.data import TrainingData
from models.encoding import (
    DESCRIPTOR_SCALE,
    RANK_SCALE,
    SMALLEST_VARIANCE,
    Periodic,
    PiecewiseLinear,
    element_descriptors,
)
from models.ensemble import Ensemble
from models.inputs import DESCRIPTORS, ELEMENTS, Inputs
from models.network import build
from models.training import TrainingRun
from search.data.composition import ELEMENTS as SYMBOLS

GATED = (Branching(0, (1, 1)),)
EVERY = Inputs(True, "piecewise", 5, embedding=3, descriptors=True, ranks=2)


@pytest.mark.parametrize(
    "inputs",
    [EVERY, Inputs(True, "periodic", 4), Inputs(fractions=False, embedding=2), Inputs(descriptors=True)],
    ids=str,
)
def test_is_as_wide_as_it_says_and_the_same_under_bfloat16(inputs: Inputs, mp_data: TrainingData) -> None:
    network = build(Architecture(groups=(Group(4, 1),), inputs=inputs))
    network.fit_encoding(mp_data.x_train)
    x = torch.tensor(mp_data.x_validation)
    assert network.encoding is not None
    values = network.encoding(x)
    assert values.shape == (len(x), inputs.width(ELEMENTS))
    assert values.isfinite().all()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(network.encoding(x), values)


@pytest.mark.parametrize("inputs", [EVERY, Inputs(True, "periodic", 4)], ids=str)
def test_ensembles_answer_as_their_networks_do(inputs: Inputs, mp_data: TrainingData) -> None:
    """They put layers of their own in the place of torch's, the input's among them."""
    network = build(Architecture(groups=(Group(8, 2),), branchings=GATED, join="gate", inputs=inputs), seed=1).eval()
    x = torch.tensor(mp_data.x_validation)
    mean, _ = Ensemble([network]).predict(x)
    torch.testing.assert_close(mean, network(x).detach(), rtol=1e-4, atol=1e-5)


def test_pools_over_the_elements_of_a_composition() -> None:
    """Al2O3 from the shipped table: mean, deviation, largest and least, each weighted or over Al and O alone."""
    table = DESCRIPTOR_SCALE * element_descriptors()
    assert table.shape == (ELEMENTS, DESCRIPTORS)
    x = torch.zeros(1, ELEMENTS)
    oxygen, aluminium = 6, 10
    x[0, oxygen], x[0, aluminium] = 0.6, 0.4
    network = build(Architecture(groups=(Group(4, 1),), inputs=Inputs(fractions=False, descriptors=True)))
    assert network.encoding is not None
    mean, deviation, largest, least = network.encoding(x)[0].numpy().reshape(4, DESCRIPTORS)
    both = table[[oxygen, aluminium]]
    weighted = np.average(both, axis=0, weights=[0.6, 0.4])
    np.testing.assert_allclose(mean, weighted, atol=1e-5)
    variance = np.average((both - weighted) ** 2, axis=0, weights=[0.6, 0.4])
    np.testing.assert_allclose(deviation**2, variance + SMALLEST_VARIANCE, rtol=1e-3)
    np.testing.assert_allclose(largest, both.max(0), rtol=1e-6)
    np.testing.assert_allclose(least, both.min(0), rtol=1e-6)


def test_ranks_put_the_elements_of_a_prototype_in_the_same_places() -> None:
    """CaTiO3 and NaCl: the largest fraction first, of equal ones the element that comes first in Mendeleev's order."""
    table = element_descriptors()
    network = build(Architecture(groups=(Group(4, 1),), inputs=Inputs(fractions=False, ranks=4)))
    assert network.encoding is not None
    of = {symbol: SYMBOLS.index(symbol) for symbol in ("O", "Ca", "Ti", "Na", "Cl", "Fe")}
    x = torch.zeros(3, ELEMENTS)
    x[0, of["O"]], x[0, of["Ca"]], x[0, of["Ti"]] = 0.6, 0.2, 0.2
    x[1, of["Na"]], x[1, of["Cl"]] = 0.5, 0.5
    x[2, of["Fe"]] = 1.0
    values = network.encoding(x)
    places, fractions = values[:, : 4 * ELEMENTS].reshape(3, 4, ELEMENTS), values[:, 4 * ELEMENTS :]
    assert table[of["Ca"], 0] < table[of["Ti"], 0]
    assert table[of["Na"], 0] < table[of["Cl"], 0]
    for row, ranked in enumerate((("O", "Ca", "Ti"), ("Na", "Cl"), ("Fe",))):
        marked = torch.zeros(4, ELEMENTS)
        marked[range(len(ranked)), [of[symbol] for symbol in ranked]] = RANK_SCALE
        assert torch.equal(places[row], marked)
        own = [x[row, of[symbol]] for symbol in ranked] + [torch.tensor(0.0)] * (4 - len(ranked))
        torch.testing.assert_close(fractions[row], RANK_SCALE * torch.stack(own))


def test_ranks_do_not_see_how_fractions_were_rounded() -> None:
    """A third from 1/3, 3/9 and 1e9/3e9 is one and the same."""
    network = build(Architecture(groups=(Group(4, 1),), inputs=Inputs(fractions=False, ranks=3)))
    assert network.encoding is not None
    x = torch.zeros(2, ELEMENTS)
    x[0, [10, 20, 30]] = 1 / 3
    x[1, [10, 20, 30]] = torch.tensor([0.3333333, 0.33333334, 0.3333334])
    first, second = network.encoding(x)[:, : 3 * ELEMENTS]
    assert torch.equal(first, second)


def test_a_single_element_has_a_gradient() -> None:
    """Its deviation is 0, where a root's slope has no end."""
    network = build(Architecture(groups=(Group(4, 1),), inputs=Inputs(fractions=False, embedding=4)))
    torch.autograd.backward(network(torch.eye(ELEMENTS)).sum())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_bins_hold_equally_many_of_the_values_that_are_not_zero(mp_data: TrainingData) -> None:
    oxygen = 6
    encoding = PiecewiseLinear(ELEMENTS, 4)
    encoding.fit(mp_data.x_train)
    fractions = mp_data.x_train[:, oxygen]
    inner = np.quantile(fractions[fractions > 0], [0.25, 0.5, 0.75])
    np.testing.assert_allclose(encoding.lows[oxygen, 1:], inner, rtol=1e-5)
    x = torch.zeros(1, ELEMENTS)
    x[0, oxygen] = float((inner[0] + inner[1]) / 2)
    values = encoding(x).reshape(ELEMENTS, 4)
    np.testing.assert_allclose(values[oxygen], [1, 0.5, 0, 0], atol=1e-4)
    assert not values[torch.arange(ELEMENTS) != oxygen].any()


def test_bins_and_descriptors_go_with_the_weights(mp_data: TrainingData, tmp_path: Path) -> None:
    network = build(Architecture(groups=(Group(4, 1),), inputs=EVERY), seed=2).eval()
    network.fit_encoding(mp_data.x_train)
    save_network(tmp_path / "network.npz", network)
    loaded, _ = load_network(tmp_path / "network.npz")
    x = torch.tensor(mp_data.x_validation)
    assert torch.equal(loaded(x), network(x))


def test_the_bins_of_a_run_are_those_of_its_training_rows(few_rows: TrainingData) -> None:
    inputs = Inputs(numeric="piecewise", numeric_width=4)
    run = TrainingRun(Candidate(replace(SMALL, inputs=inputs), replace(QUICK, train_part=0.5)), few_rows)
    expected = PiecewiseLinear(ELEMENTS, 4)
    expected.fit(few_rows.x_train[:200])
    assert torch.equal(run.network.get_buffer("encoding.parts.0.lows"), expected.lows)
    assert torch.equal(run.best_network().get_buffer("encoding.parts.0.pace"), expected.pace)


def test_the_last_bin_ends_at_the_whole_and_the_first_begins_at_nothing() -> None:
    encoding = PiecewiseLinear(2, 2)
    encoding.fit(np.array([[0.2, 0.0], [0.4, 0.0], [0.6, 0.0]]))
    values = encoding(torch.tensor([[0.1, 0.25], [0.7, 0.75], [1.0, 1.0]])).reshape(3, 2, 2)
    expected = [[[0.25, 0], [0.5, 0]], [[1, 0.5], [1, 0.5]], [[1, 1], [1, 1]]]
    torch.testing.assert_close(values, torch.tensor(expected))


def test_waves_are_of_their_frequencies() -> None:
    periodic = Periodic(2, 3)
    with torch.no_grad():
        periodic.begin(torch.Generator().manual_seed(0))
        torch.nn.init.normal_(periodic.linear.weight)
        x = torch.rand(4, 2)
        expected = torch.empty(4, 2, 3)
        for column in range(2):
            phases = 2 * math.pi * x[:, column, None] * periodic.frequencies[column]
            waves = torch.cat([phases.sin(), phases.cos()], 1)
            expected[:, column] = (waves @ periodic.linear.weight.T + periodic.linear.bias).relu()
        torch.testing.assert_close(periodic(x), expected.flatten(1))


def test_a_row_without_elements_has_no_ends() -> None:
    network = build(Architecture(groups=(Group(4, 1),), inputs=Inputs(embedding=3, descriptors=True, ranks=2)))
    assert network.encoding is not None
    assert network.encoding(torch.zeros(2, ELEMENTS)).abs().max() < 0.01
