"""Muon and schedule-free AdamW against their definitions, the other optimisers against torch's."""

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor

from models.architecture import Architecture, Group
from models.branching import Branching
from models.candidate import Candidate
from models.data import TrainingData
from models.muon import Muon
from models.network import build
from models.optimiser import KERAS_ADAM_EPSILON, SCHEDULE_FREE_WARMUP, Plateau, learning_rate_at, make_optimiser
from models.orthogonal import CONSTANT, POLES, WEIGHTS, newton_schulz, orthogonalised
from models.recipe import FAST, Recipe
from models.recipe import Optimiser as Kind
from models.schedule_free import MOMENTUM, ScheduleFree
from models.training import TrainingRun

SMALL = Architecture(groups=(Group(24, 3), Group(12, 1)), branchings=(Branching(0, (2, 1)),), skip="layer")


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


def test_a_matrix_without_a_gradient_is_not_stepped() -> None:
    assert not orthogonalised(torch.zeros(2, 16, 24)).any()


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
    network = build(SMALL)
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


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("on_device", [False, True])
def test_steps_are_those_of_torch_to_the_bit_and_go_on_from_what_was_kept(kind: Kind, on_device: bool) -> None:
    recipe = Recipe(optimiser=kind, weight_decay=0.1, beta2=0.98)
    ours, theirs = build(SMALL, 3), build(SMALL, 3)
    parameters = list(theirs.parameters())
    groups = [
        {"params": [parameter for parameter in parameters if parameter.ndim > 1], "weight_decay": 0.1},
        {"params": [parameter for parameter in parameters if parameter.ndim == 1], "weight_decay": 0.0},
    ]
    made: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "adam": lambda: torch.optim.Adam(groups, betas=(0.9, 0.98), eps=KERAS_ADAM_EPSILON, fused=True),
        "adamw": lambda: torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=KERAS_ADAM_EPSILON, fused=True),
        "sgd": lambda: torch.optim.SGD(groups, momentum=0.9, nesterov=True, fused=True),
    }
    reference = made[kind]()
    optimiser = make_optimiser(ours, recipe)
    for number, rate in enumerate((1 / 64, 1 / 256, 1 / 1024, 1 / 512)):  # exact in float32 too
        if number == 2:  # another takes over
            kept = {name: value.clone() for name, value in optimiser.tensors().items()}
            optimiser = make_optimiser(ours, recipe)
            optimiser.restore(kept)
        optimiser.rate = torch.tensor(rate) if on_device else rate
        for group in reference.param_groups:
            group["lr"] = rate
        x = torch.rand(16, 86, generator=torch.Generator().manual_seed(number))
        for network, how in ((ours, optimiser), (theirs, reference)):
            torch.autograd.backward((network(x) - 1).square().mean())
            how.step()
            how.zero_grad()
        for mine, its in zip(ours.parameters(), parameters, strict=True):
            assert torch.equal(mine, its)


@pytest.mark.parametrize("kind", [kind for kind in get_args(Kind) if kind != "sgd"])
def test_beta2_reaches_every_optimiser_that_has_one(kind: Kind) -> None:
    moved = []
    for beta2 in (0.9, 0.999):
        network = build(SMALL, 3)
        optimiser = make_optimiser(network, Recipe(optimiser=kind, beta2=beta2))
        for number in range(2):  # the first step is the same whatever is kept
            optimiser.rate = 0.01
            x = torch.rand(16, 86, generator=torch.Generator().manual_seed(number))
            torch.autograd.backward((network(x) - 1).square().mean())
            optimiser.step()
            optimiser.zero_grad()
        moved.append(torch.cat([parameter.detach().flatten() for parameter in network.parameters()]))
    assert torch.equal(*moved) == (kind == "sgd")


def test_another_optimisers_state_is_refused() -> None:
    adam, sgd = (make_optimiser(build(SMALL), Recipe(optimiser=kind)) for kind in ("adam", "sgd"))
    with pytest.raises(ValueError, match="not that of this recipe"):
        adam.restore(sgd.tensors())


TRAIN_AND_LIST = """
import sys
import numpy as np
from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.data import TrainingData
from models.recipe import Recipe
from models.training import TrainingRun
x, y = np.random.default_rng(0).random((64, 86), dtype=np.float32), np.arange(64, dtype=np.float32)
candidate = Candidate(Architecture((Group(8, 2),)), Recipe(optimiser=sys.argv[1], epochs=1))
run = TrainingRun(candidate, TrainingData(x, y, x, y))
list(run)
run.best_network()
print(sorted({"sympy", "torch._dynamo"} & set(sys.modules)))
"""


@pytest.mark.parametrize("kind", ["adam", "muon"])
def test_a_process_trains_without_torchs_compiler(kind: str) -> None:
    """To import it takes longer than many a trial."""
    listed = subprocess.run([sys.executable, "-c", TRAIN_AND_LIST, kind], capture_output=True, text=True, check=True)
    assert listed.stdout.strip() == "[]"


def test_schedule_free_is_its_three_sequences() -> None:
    """z, x and y of Defazio et al. (2024) in plain tensors, for one matrix, beside ours."""
    network = build(Architecture(groups=(Group(1, 1),), input_width=3))
    optimiser = make_optimiser(network, Recipe(optimiser="schedule_free", learning_rate=0.01, weight_decay=0.1))
    assert isinstance(optimiser, ScheduleFree)
    weight = network.get_parameter("groups.0.branches.0.0.linear.weight")
    z, x, v, total = weight.detach().clone(), weight.detach().clone(), torch.zeros(1, 3), 0.0
    for number, rate in enumerate((0.003, 0.007, 0.01, 0.01), start=1):
        optimiser.rate = rate
        torch.autograd.backward((network(torch.rand(8, 3)) - 1).square().mean())
        assert weight.grad is not None
        g = weight.grad.clone()
        optimiser.step()
        optimiser.zero_grad()
        v = 0.999 * v + 0.001 * g**2
        z = z * (1 - rate * 0.1) - rate * g / ((v / (1 - 0.999**number)).sqrt() + 1e-7)
        total += rate**2
        x = x + rate**2 / total * (z - x)
        torch.testing.assert_close(weight.detach(), (1 - MOMENTUM) * z + MOMENTUM * x)
        place = next(n for n, parameter in enumerate(optimiser.trained) if parameter is weight)
        torch.testing.assert_close(optimiser.averages[place], x)


def test_schedule_free_climbs_and_stays() -> None:
    recipe = Recipe(optimiser="schedule_free", learning_rate=0.5)
    rates = [learning_rate_at(recipe, step, 1000) for step in range(1000)]
    warm = int(1000 * SCHEDULE_FREE_WARMUP)
    assert rates == sorted(rates)
    assert rates[0] == pytest.approx(0.5 / warm)
    assert set(rates[warm:]) == {0.5}


@pytest.mark.parametrize("optimiser", ["muon", "schedule_free"])
def test_learns_as_adamw_does_and_keeps_what_was_validated(optimiser: str, mp_data: TrainingData) -> None:
    adamw = replace(FAST, epochs=6, precision="float32")
    recipe = replace(adamw, optimiser="muon")
    if optimiser == "schedule_free":
        recipe = replace(adamw, optimiser="schedule_free", learning_rate=3e-3, schedule="constant", averaging=0.0)
    run, rival = (TrainingRun(Candidate(SMALL, how), mp_data, seed=1) for how in (recipe, adamw))
    list(run)
    list(rival)
    assert run.state.best_error < 1.15 * rival.state.best_error
    outputs = run.best_network()(torch.tensor(mp_data.x_validation))[:, 0]
    error = (outputs - torch.tensor(mp_data.y_validation)).abs().mean().item()
    assert error == pytest.approx(run.state.best_error, rel=1e-4)


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


def test_a_plateau_lowers_the_rate_after_half_its_patience() -> None:
    plateau = Plateau(Recipe(schedule="plateau", patience=6, learning_rate=1e-3))
    rates = []
    for improved in (True, False, False, True, *[False] * 6):
        plateau.after_epoch(improved)
        rates.append(plateau.rate)
    assert rates == pytest.approx([1e-3] * 6 + [1e-4] * 3 + [1e-5])
