"""What every search space keeps to, whatever it varies. A new space is tested by adding it to CASES."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from models.architecture import PAPER_GROUPS, Architecture, Group
from models.candidate import Candidate
from models.inputs import Inputs
from models.network import Network
from models.network import build as build_network
from models.objective import Objective
from models.optimiser import make_optimiser
from models.published import BRNET
from models.recipe import FAST, PAPER
from models.start import Start
from spaces import SPACES, Limits, Space, build

pytestmark = pytest.mark.usefixtures("quiet_optuna")

NARROW = replace(BRNET, groups=tuple(Group(group.width // 4, group.layers) for group in PAPER_GROUPS))
"""The paper's layers at a quarter of their widths: as many cases, a sixteenth of the time."""

START = Start("some-model/1", "0123456789abcdef")

SMALL = Limits(most=200_000)

DRAWN = 50
DRAWN_OF_MANY_PARAMETERS = 12
"""Optuna's sampler for conditional spaces takes a tenth of a second for a point of the joint one."""


@dataclass(frozen=True)
class Case:
    space: str
    base: Architecture = NARROW
    budget: int | None = None

    def build(self) -> Space:
        return build(self.space, FAST, self.base, self.budget, START, SMALL)

    def __str__(self) -> str:
        return " ".join([self.space, self.base.task, *([f"budget={self.budget}"] if self.budget else [])])


CLASSIFIER = NARROW.with_output(3, "classification")
TWO_TARGETS = NARROW.with_output(2, "regression")
CASES = [
    *(Case(name) for name in SPACES),
    *(Case(name, CLASSIFIER) for name, entry in SPACES.items() if not entry.fits_estimators),
    *(Case(name, TWO_TARGETS) for name, entry in SPACES.items() if not (entry.fits_estimators or entry.takes_limits)),
    *(Case(name, budget=300_000) for name, entry in SPACES.items() if entry.takes_budget),
    *(Case(name, CLASSIFIER, 500_000) for name, entry in SPACES.items() if entry.takes_budget),
]


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    parameter: Case = request.param
    return parameter


@pytest.fixture
def space(case: Case) -> Space:
    return case.build()


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """On narrow networks torch's threads cost more than they bring, a hundredfold where cores are shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def drawn(
    space: Space, sampler: optuna.samplers.BaseSampler, count: int | None = None
) -> list[tuple[Candidate, dict[str, Any]]]:
    """Candidates suggested to trials of one study, each with the parameters Optuna holds of it."""
    study = optuna.create_study(sampler=sampler)
    count = count or (DRAWN_OF_MANY_PARAMETERS if space.name == "joint" else DRAWN)
    pairs = []
    for number in range(count):
        trial = study.ask()
        candidate = space.suggest(trial)
        study.tell(trial, float(number % 7))
        pairs.append((candidate, trial.params))
    return pairs


def every_point(space: Space) -> list[Candidate]:
    """The candidates at all points of a finite space's tree of parameters, each point once."""
    candidates: list[Candidate] = []

    def objective(trial: optuna.Trial) -> float:
        candidates.append(space.suggest(trial))
        return 0.0

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.create_study(sampler=optuna.samplers.BruteForceSampler(seed=0)).optimize(objective, n_trials=1000)
    return candidates


def samplers() -> list[optuna.samplers.BaseSampler]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # of group=True
        return [
            optuna.samplers.RandomSampler(seed=1),
            optuna.samplers.TPESampler(seed=1, n_startup_trials=5),
            optuna.samplers.TPESampler(seed=1, n_startup_trials=5, multivariate=True, group=True),
        ]


def some_candidates(space: Space) -> list[Candidate]:
    if space.size is not None:
        return list(space.candidates())
    return [candidate for candidate, _ in drawn(space, optuna.samplers.RandomSampler(seed=0))]


def test_carries_the_name_it_is_built_by(case: Case, space: Space) -> None:
    assert space.name == case.space


def test_candidates_are_as_many_as_said_each_once_in_one_order(case: Case, space: Space) -> None:
    if space.size is None:
        with pytest.raises(TypeError, match="infinite"):
            next(iter(space.candidates()))
        return
    candidates = list(space.candidates())
    assert len(candidates) == space.size == len(set(candidates))
    assert len({str(candidate) for candidate in candidates}) == space.size, "two runs of one name"
    assert candidates == list(space.candidates()) == list(case.build().candidates())


def test_drawn_candidates_are_distinct(space: Space) -> None:
    """Equal candidates come from equal parameters only: no parameter is drawn that changes nothing."""
    for sampler in samplers():
        parameters_of: dict[Candidate, dict[str, Any]] = {}
        for candidate, parameters in drawn(space, sampler):
            assert parameters_of.setdefault(candidate, parameters) == parameters


def test_first_points_are_points_of_the_space_each_once(space: Space) -> None:
    candidates = [space.suggest(optuna.trial.FixedTrial(point)) for point in space.first_points()]
    assert len(set(candidates)) == len(candidates)


def test_suggest_gives_members_only_and_reaches_all(space: Space) -> None:
    if space.size is None:
        return
    members = set(space.candidates())
    for sampler in samplers():
        assert {candidate for candidate, _ in drawn(space, sampler)} <= members
    assert sorted(map(str, every_point(space))) == sorted(map(str, members))


def test_fixed_trial_gives_the_same_candidate(space: Space) -> None:
    for sampler in samplers():
        for candidate, parameters in drawn(space, sampler):
            assert space.suggest(optuna.trial.FixedTrial(parameters)) == candidate


def test_candidates_keep_the_head_and_input_of_the_base(case: Case, space: Space) -> None:
    for candidate in some_candidates(space):
        architecture = candidate.architecture
        assert architecture.task == case.base.task
        assert architecture.output_width == case.base.output_width
        assert architecture.input_width == case.base.input_width


def test_candidates_keep_the_recipe_where_the_space_does_not_vary_it(case: Case) -> None:
    recipe = replace(PAPER, epochs=7, patience=3, averaging=0.5)
    for candidate in some_candidates(build(case.space, recipe, case.base, case.budget, START)):
        averaging = candidate.recipe.averaging if case.space == "joint" else 0.5  # joint draws it
        assert (candidate.recipe.epochs, candidate.recipe.patience, averaging) == (7, 3, candidate.recipe.averaging)


def test_round_trips_through_json(space: Space) -> None:
    for candidate in some_candidates(space):
        again = Candidate.from_json(candidate.to_json())
        assert again == candidate
        assert hash(again) == hash(candidate)


def test_space_and_candidates_are_picklable(space: Space) -> None:
    assert pickle.loads(pickle.dumps(space)) == space
    candidates = some_candidates(space)
    assert pickle.loads(pickle.dumps(candidates)) == candidates
    suggest = pickle.loads(pickle.dumps(space.suggest))
    parameters = drawn(space, optuna.samplers.RandomSampler(seed=2), 1)[0][1]
    assert suggest(optuna.trial.FixedTrial(parameters)) == space.suggest(optuna.trial.FixedTrial(parameters))


def test_every_candidate_builds_counts_as_it_says_and_trains_a_step(space: Space) -> None:
    for candidate in some_candidates(space):
        if candidate.estimator is not None:
            continue  # tests/search/test_fitting.py fits them
        architecture = candidate.architecture
        network = build_network(architecture, seed=0)
        assert sum(parameter.numel() for parameter in network.parameters()) == architecture.parameter_count()
        before = [parameter.detach().clone() for parameter in network.parameters()]
        loss = train_one_step(candidate, network)
        assert np.isfinite(loss), str(architecture)
        after = list(network.parameters())
        assert all(bool(parameter.isfinite().all()) for parameter in after), str(architecture)
        assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True)), str(architecture)


def train_one_step(candidate: Candidate, network: Network) -> float:
    """One step of the candidate's optimiser on 16 made-up compositions; the loss before it."""
    architecture = candidate.architecture
    random = np.random.default_rng(0)
    x = torch.tensor(random.dirichlet(np.ones(architecture.input_width), 16), dtype=torch.float32)
    if architecture.task == "classification":
        y: np.ndarray = random.integers(0, architecture.output_width, 16)
    else:
        y = random.normal(size=(16, architecture.output_width))
    objective = Objective(architecture, candidate.recipe, y, torch.device("cpu"))
    optimiser = make_optimiser(network, candidate.recipe)
    loss = objective.loss(network(x), objective.targets(y, torch.device("cpu")))
    torch.autograd.backward(loss)
    optimiser.step()
    return loss.item()


@pytest.mark.parametrize("name", [name for name, entry in SPACES.items() if not entry.fits_estimators])
def test_published_widths_build_and_count_as_they_say(name: str) -> None:
    """The rest of the contract is shown on narrower networks; these are the ones that users train."""
    space = build(name, PAPER, BRNET, start=START)
    some = space.candidates() if space.size else (c for c, _ in drawn(space, optuna.samplers.RandomSampler(seed=0), 3))
    for candidate in islice(some, 24):
        network = build_network(candidate.architecture)
        assert sum(p.numel() for p in network.parameters()) == candidate.architecture.parameter_count()


@pytest.mark.parametrize("name", [name for name, entry in SPACES.items() if not entry.takes_budget])
def test_a_budget_is_refused_where_the_space_takes_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"takes no budget.*space=branching"):
        build(name, PAPER, BRNET, 4_548_385)


@pytest.mark.parametrize("name", [name for name, entry in SPACES.items() if entry.fits_estimators])
def test_regressors_are_no_classifiers(name: str) -> None:
    with pytest.raises(ValueError, match="holds regressors"):
        build(name, FAST, CLASSIFIER)


def test_an_unknown_space_is_refused() -> None:
    with pytest.raises(ValueError, match=r"brnching.*components, branching"):
        build("brnching", PAPER, BRNET)


@pytest.mark.parametrize("name", ["hyperparameters", "joint", "automl"])
def test_scales_are_drawn_in_the_logarithm(name: str) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found: dict[str, BaseDistribution] = {}
    for _ in range(60):
        trial = study.ask()
        build(name, FAST, BRNET).suggest(trial)
        found |= trial.distributions
    real = {key: d for key, d in found.items() if isinstance(d, FloatDistribution) and key != "size"}
    assert real
    assert all(d.log for d in real.values()), real
    if name == "automl":
        assert all(d.log for d in found.values() if isinstance(d, IntDistribution))


@pytest.mark.parametrize("name", ["components", "branching"])
def test_a_grid_takes_nothing_of_the_bases_join_and_input(name: str) -> None:
    inputs = Inputs(descriptors=True)
    other = replace(BRNET, join="gate", inputs=inputs, normalisation="layer", slope=0.1, dropout=(0.1,) * 6)
    assert list(build(name, PAPER, other).candidates()) == list(build(name, PAPER, BRNET).candidates())
