"""Muon's steps, and the nearly orthogonal matrices that they are made of, against their definitions."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from kinds import NESTED
from torch import Tensor

from models.architecture import Architecture, Group
from models.muon import Muon
from models.network import build
from models.optimiser import make_optimiser
from models.orthogonal import CONSTANT, POLES, WEIGHTS, newton_schulz, orthogonalised, zolotarev
from models.recipe import FAST


@pytest.mark.parametrize("method", [orthogonalised, newton_schulz])
@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 8, 32), (2, 150, 201)])
def test_orthogonalised_matrices_have_singular_values_near_one(
    shape: tuple[int, int, int], method: Callable[[Tensor], Tensor]
) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, sizes, right = torch.linalg.svd(matrices, full_matrices=False)
    values = left.mT @ method(matrices) @ right.mT  # the directions stay, so that this is diagonal
    diagonal = values.diagonal(dim1=1, dim2=2)
    exact = method is orthogonalised  # the other may compute in bfloat16
    assert (values - torch.diag_embed(diagonal)).abs().max() < (1e-3 if exact else 0.05)
    assert diagonal[sizes > 0.05 * sizes[:, :1]].min() > (0.84 if exact else 0.3)
    assert diagonal.max() < 1.3
    torch.testing.assert_close(orthogonalised(matrices.mT).mT, orthogonalised(matrices), rtol=0, atol=1e-3)


def test_the_rational_function_is_the_best_of_its_degree() -> None:
    values = torch.logspace(math.log10(0.002), 0, 100_001, dtype=torch.float64)
    terms = [weight / (values**2 + pole) for weight, pole in zip(WEIGHTS, POLES, strict=True)]
    error = values * (CONSTANT + sum(terms)) - 1
    # as Chebyshev asks of the best one: equal errors of alternating sign, one more of them than there are coefficients
    turns = (error[1:-1] - error[:-2]) * (error[2:] - error[1:-1]) < 0
    extremes = torch.cat([error[:1], error[1:-1][turns], error[-1:]])
    assert len(extremes) == len(POLES) + len(WEIGHTS) + 2
    signs = (-1.0) ** torch.arange(len(extremes))
    torch.testing.assert_close(extremes * signs, extremes[0].expand(len(extremes)), rtol=1e-4, atol=0)


@pytest.mark.parametrize("method", [zolotarev, newton_schulz])
def test_neither_method_steps_a_matrix_without_a_gradient(method: Callable[[Tensor], Tensor]) -> None:
    assert not method(torch.zeros(2, 16, 24)).any()


def test_matrices_of_low_rank_are_orthogonalised_in_their_own_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    left = torch.linalg.qr(torch.randn(200, 8, generator=generator))[0]
    right = torch.linalg.qr(torch.randn(240, 8, generator=generator))[0]
    steps = orthogonalised((1e-6 * left * torch.logspace(0, -2, 8) @ right.mT)[None])[0]
    values = torch.linalg.svdvals(steps)
    assert values[7] > 0.84
    assert values[0] < 1.17
    assert values[8] < 0.1


def test_muon_steps_hidden_matrices_as_far_as_adamw_does_and_leaves_the_rest_to_it() -> None:
    network = build(NESTED)
    recipe = replace(FAST, optimiser="muon", weight_decay=0.0)
    optimiser = make_optimiser(network, recipe)
    assert isinstance(optimiser, Muon)
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    x = torch.rand(64, 86, generator=torch.Generator().manual_seed(1))
    torch.autograd.backward((network(x) - 1).abs().mean())
    gradients = {name: value.grad for name, value in network.named_parameters()}
    optimiser.step()
    hidden = {id(matrix) for matrix in network.hidden_matrices()}
    for name, parameter in network.named_parameters():
        step, gradient = parameter.detach() - before[name], gradients[name]
        assert gradient is not None
        if id(parameter) in hidden:
            assert 0.1 < step.square().mean().sqrt().item() / (0.2 * recipe.learning_rate) < 1.3
        else:  # AdamW's first step is the gradient's sign
            moved = gradient.abs() > 1e-4
            torch.testing.assert_close(step[moved], -recipe.learning_rate * gradient[moved].sign(), rtol=0.01, atol=0)


def test_muon_is_momentum_orthogonalised_and_decay_over_several_steps() -> None:
    network = build(Architecture(groups=(Group(16, 3),)))
    optimiser = make_optimiser(network, replace(FAST, optimiser="muon", weight_decay=0.1))
    matrix = network.hidden_matrices()[0]
    expected, momentum = matrix.detach().clone(), torch.zeros(16, 16)
    for number, rate in enumerate((0.01, 0.004, 0.007)):
        optimiser.rate = rate
        x = torch.rand(32, 86, generator=torch.Generator().manual_seed(number))
        torch.autograd.backward((network(x) - 1).square().mean())
        assert matrix.grad is not None
        g = matrix.grad.clone()
        optimiser.step()
        optimiser.zero_grad()
        momentum = 0.95 * momentum + 0.05 * g
        step = orthogonalised((0.05 * g + 0.95 * momentum)[None])[0]
        expected = (1 - rate * 0.1) * expected - rate * 0.2 * 16**0.5 * step
        torch.testing.assert_close(matrix.detach(), expected)


@pytest.mark.parametrize(("before", "width"), [(16, 16), (24, 12), (12, 24)])
def test_muons_steps_have_one_size_whatever_a_matrixs_shape(before: int, width: int) -> None:
    network = build(Architecture(groups=(Group(before, 1), Group(width, 1)), activation="gelu"))
    optimiser = make_optimiser(network, replace(FAST, optimiser="muon", weight_decay=0.0))
    (matrix,) = network.hidden_matrices()
    was = matrix.detach().clone()
    x, slopes = (torch.Generator().manual_seed(seed) for seed in (1, 2))
    outputs = network(torch.rand(64, 86, generator=x))
    torch.autograd.backward((outputs * torch.randn(64, 1, generator=slopes)).sum())
    optimiser.rate = 0.01
    optimiser.step()
    assert matrix.grad is not None
    rms = torch.linalg.matrix_norm(matrix.detach() - was) / 0.01 / 0.2 / math.sqrt(before * width)
    rank = int(torch.linalg.matrix_rank(matrix.grad))
    expected = math.sqrt(rank * max(before, width) / (before * width))
    assert rms.item() == pytest.approx(expected, rel=0.17)


def test_muons_rate_is_that_of_every_parameter() -> None:
    network = build(Architecture(groups=(Group(16, 3),)))
    optimiser = make_optimiser(network, replace(FAST, optimiser="muon", weight_decay=0.0))
    before = network.output.weight.detach().clone()
    optimiser.rate = 1e-5  # not the recipe's
    x = torch.rand(32, 86, generator=torch.Generator().manual_seed(1))
    torch.autograd.backward((network(x) - 1).square().mean())
    optimiser.step()
    moved = network.output.weight.detach() - before  # AdamW's first step is as long as the rate
    torch.testing.assert_close(moved.abs(), torch.full_like(moved, 1e-5), rtol=0.02, atol=0)


def test_the_projection_around_the_first_group_reads_the_input() -> None:
    network = build(Architecture(groups=(Group(8, 2), Group(4, 2)), skip="group"))
    hidden = {id(matrix) for matrix in network.hidden_matrices()}
    names = [name for name, parameter in network.named_parameters() if id(parameter) in hidden]
    assert names == [
        "groups.0.branches.0.1.linear.weight",
        "groups.1.branches.0.0.linear.weight",
        "groups.1.branches.0.1.linear.weight",
        "groups.1.projection.weight",
    ]
