"""Schedule-free AdamW against its definition, the other optimisers against torch's; Muon has test_muon.py."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
import torch

from models.architecture import Architecture, Group
from models.branching import Branching
from models.candidate import Candidate
from models.data import TrainingData
from models.network import build
from models.optimiser import (
    KERAS_ADAM_EPSILON,
    PLATEAU_FLOOR,
    SCHEDULE_FREE_WARMUP,
    Plateau,
    learning_rate_at,
    make_optimiser,
)
from models.recipe import FAST, Recipe
from models.recipe import Optimiser as Kind
from models.schedule_free import MOMENTUM, ScheduleFree
from models.training import TrainingRun

SMALL = Architecture(groups=(Group(24, 3), Group(12, 1)), branchings=(Branching(0, (2, 1)),), skip="layer")


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


def test_a_plateau_lowers_the_rate_after_half_its_patience() -> None:
    plateau = Plateau(Recipe(schedule="plateau", patience=6, learning_rate=1e-3))
    rates = []
    for improved in (True, False, False, True, *[False] * 6):
        plateau.after_epoch(improved)
        rates.append(plateau.rate)
    assert rates == pytest.approx([1e-3] * 6 + [1e-4] * 3 + [1e-5])


def test_a_plateau_without_patience_waits_a_tenth_of_the_epochs_and_ends_at_its_floor() -> None:
    plateau = Plateau(Recipe(schedule="plateau", patience=0, epochs=60))
    assert plateau.patience == 6
    for _ in range(1000):
        plateau.after_epoch(improved=False)
    assert plateau.rate == PLATEAU_FLOOR
