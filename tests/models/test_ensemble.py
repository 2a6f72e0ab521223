"""Ensembles answer with their members' mean and spread; greedy selection against all there is to choose."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn import functional

from models.architecture import Architecture, Group
from models.branching import Branching
from models.ensemble import ROUNDS_A_MEMBER, ROWS_AT_ONCE, Ensemble, select
from models.network import build, predict
from models.published import BNET, BRNET, ELEMNET, IRNET

Error = Callable[[np.ndarray], float]

WIDE = Architecture(groups=(Group(24, 2), Group(8, 1)), branchings=(Branching(0, (1, 1)),), skip="layer")
DEEP = Architecture(groups=(Group(16, 3),), activation="gelu", normalisation="batch", dropout=(0.5,))


def test_mean_and_spread_are_of_the_weighted_members() -> None:
    networks = [build(WIDE, 0), build(WIDE, 1), build(DEEP, 2)]
    x = torch.rand(2 * ROWS_AT_ONCE + 7, 86)
    mean, spread = Ensemble(networks, [2, 1, 1]).predict(x)
    outputs = np.stack([predict(network, x).numpy().astype(np.float64) for network in networks])
    expected = np.average(outputs, axis=0, weights=[2, 1, 1])
    assert mean.shape == spread.shape == (len(x), 1)
    np.testing.assert_allclose(mean, expected, atol=1e-5)
    deviation = np.sqrt(np.average((outputs - expected) ** 2, axis=0, weights=[2, 1, 1]))
    np.testing.assert_allclose(spread, deviation, atol=1e-5)
    assert spread.min() > 1e-4


@pytest.mark.parametrize("architecture", [ELEMNET, IRNET, BNET, BRNET])
def test_one_network_answers_as_alone_and_without_spread(architecture: Architecture) -> None:
    network, x = build(architecture, 3), torch.rand(50, 86)
    network.train()
    mean, spread = Ensemble([network]).predict(x)
    torch.testing.assert_close(mean, predict(network, x), atol=1e-4, rtol=1e-4)
    assert not spread.any()
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_bfloat16_is_near() -> None:
    network, x = build(BRNET, 0), torch.rand(64, 86)
    exact, rough = Ensemble([network]).predict(x)[0], Ensemble([network], bfloat16=True).predict(x)[0]
    assert 0 < (exact - rough).abs().max() < 0.05 * exact.abs().max()


def test_no_rows() -> None:
    mean, spread = Ensemble([build(WIDE)]).predict(torch.empty(0, 86))
    assert mean.shape == spread.shape == (0, 1)


def test_what_makes_no_ensemble() -> None:
    network = build(WIDE)
    with pytest.raises(ValueError, match="0 models"):
        Ensemble([])
    with pytest.raises(ValueError, match="1 models and 2 weights"):
        Ensemble([network], [1, 1])
    for weight in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            Ensemble([network, network], [1, weight])
    with pytest.raises(ValueError, match="different inputs"):
        Ensemble([network, build(WIDE.with_output(2, "regression"))])
    for other in (replace(WIDE, input_width=87), WIDE.with_output(2, "classification")):
        first = build(WIDE.with_output(other.output_width, "regression"))
        with pytest.raises(ValueError, match="different inputs, outputs or tasks"):
            Ensemble([first, build(other)])


def absolute(y: np.ndarray) -> Error:
    """Mean absolute error of values (rows,)."""
    return lambda values: float(np.abs(values - y).mean())


def cross_entropy(y: np.ndarray) -> Error:
    """Of logits (rows, classes), in nats a row."""
    return lambda logits: float(functional.cross_entropy(torch.tensor(logits), torch.tensor(y)))


def error_of(library: np.ndarray, error: Error, counts: np.ndarray) -> float:
    return error(np.average(library, axis=0, weights=counts))


def best_of_all(library: np.ndarray, error: Error, members: int) -> float:
    """The lowest error of any ensemble of up to the same number of copies."""
    copies = [
        np.bincount(chosen, minlength=len(library))
        for size in range(1, ROUNDS_A_MEMBER * members + 1)
        for chosen in combinations_with_replacement(range(len(library)), size)
        if len(set(chosen)) <= members
    ]
    return min(error_of(library, error, counts) for counts in copies)


VALUES = st.builds(
    lambda library, y: (library, absolute(y.astype(np.float64))),
    arrays(np.float32, (4, 12), elements=st.floats(-3, 3, width=16)),
    arrays(np.float32, 12, elements=st.floats(-3, 3, width=16)),
)
LOGITS = st.builds(
    lambda library, y: (library, cross_entropy(y)),
    arrays(np.float32, (4, 12, 3), elements=st.floats(-3, 3, width=16)),
    arrays(np.int64, 12, elements=st.integers(0, 2)),
)


@settings(max_examples=40, deadline=None)
@given(st.one_of(VALUES, LOGITS), st.integers(1, 2))
def test_greedy_lies_between_the_best_network_and_the_best_ensemble(
    library_and_error: tuple[np.ndarray, Error], members: int
) -> None:
    library, error = library_and_error
    counts = select(library, error, members)
    assert 1 <= np.count_nonzero(counts) <= members
    singles = [error_of(library, error, row) for row in np.eye(len(library))]
    assert error_of(library, error, counts) <= min(singles) + 1e-12
    assert error_of(library, error, counts) >= best_of_all(library, error, members) - 1e-12
    if members == 1:
        assert counts.argmax() == int(np.argmin(singles))


@pytest.mark.parametrize("kind", ["values", "logits"])
def test_greedy_is_near_the_best_ensemble_on_networks_that_are_alike(kind: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        if kind == "values":
            y = rng.normal(size=60)
            library, error = y + 0.3 * rng.normal(size=(4, 60)) * rng.uniform(0.5, 1.5, size=(4, 1)), absolute(y)
        else:
            classes = rng.integers(0, 3, 60)
            library, error = 2 * np.eye(3)[classes] + rng.normal(size=(4, 60, 3)), cross_entropy(classes)
        found, best = error_of(library, error, select(library, error, 3)), best_of_all(library, error, 3)
        assert found <= 1.02 * best
        assert found < 0.95 * min(error_of(library, error, row) for row in np.eye(4))


def test_opposite_errors_are_chosen_together() -> None:
    y, error = np.linspace(-1, 1, 20), np.linspace(0.1, 0.9, 20)
    library = np.stack([y + 3 * error, y + error, y - error])
    counts = select(library, absolute(y), 2)
    assert counts[0] == 0
    assert counts[1] == counts[2] > 0


def test_weights_differ_where_that_is_better() -> None:
    y, error = np.zeros(20), np.linspace(0.1, 0.9, 20)
    counts = select(np.stack([y + error, y - 3 * error]), absolute(y), 2)
    assert counts.tolist() == [3, 1]


def test_members_share_a_limit_of_parameters() -> None:
    """The two that belong together are too large together; a copy of a member costs nothing more."""
    y, error = np.linspace(-1, 1, 20), np.linspace(0.1, 0.9, 20)
    library = np.stack([y + error, y - error, y - 4 * error])
    assert np.count_nonzero(select(library, absolute(y), 3, [60, 60, 40], 120)[:2]) == 2
    assert select(library, absolute(y), 3, [60, 60, 40], 100).tolist() == [4, 0, 1]
    assert select(library, absolute(y), 3, [60, 60, 40], 50).tolist() == [0, 0, 1]
    assert select(library, absolute(y), 3, [60, 60, 40], 40).tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="no network has 30 parameters"):
        select(library, absolute(y), 3, [60, 60, 40], 30)


def test_nothing_to_choose_from() -> None:
    with pytest.raises(ValueError, match="nothing to choose"):
        select(np.zeros((0, 5)), absolute(np.zeros(5)), 2)
    with pytest.raises(ValueError, match="nothing to choose"):
        select(np.zeros((2, 5)), absolute(np.zeros(5)), 0)


def test_a_network_without_a_finite_error_is_no_member() -> None:
    truth = np.array([1.0, 2.0])
    outputs = np.array([[1.1, 2.1], [np.nan, 2.0], [0.9, 1.9]])

    def error(mean: np.ndarray) -> float:
        return float(np.abs(mean - truth).mean())

    assert select(outputs, error, 3)[1] == 0
    for nowhere in (outputs[1:2], np.full((1, 2), np.inf)):
        with pytest.raises(ValueError, match="no network has a finite error"):
            select(nowhere, error, 3)
