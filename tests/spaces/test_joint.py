"""The joint space: nothing outside its limits, and the published networks among its points."""

from dataclasses import replace
from typing import get_args

import optuna
import pytest

from models.architecture import Activation, Architecture, Join, Normalisation, Skip
from models.branching import parts_of
from models.candidate import Candidate
from models.cost import StepCost
from models.inputs import Inputs
from models.published import BRNET, PUBLISHED
from models.recipe import FAST, MUON, PAPER, Recipe
from spaces.found import EQUAL_LAYERS
from spaces.joint import FOUR_BRANCHES, Joint
from spaces.limits import Limits

pytestmark = pytest.mark.usefixtures("quiet_optuna")

COST = StepCost(fixed=1e-3, per_operation=3e-11)
ROWS = (40_000, 5_000)


def drawn(space: Joint, count: int) -> list[Candidate]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    return [space.suggest(study.ask()) for _ in range(count)]


@pytest.mark.parametrize(
    "limits",
    [
        Limits(),
        Limits(4_300_000, 4_548_385),
        Limits(60_000, 130_000),
        Limits(None, 10_000_000, 600.0, COST, ROWS),
        Limits(1_000_000, 100_000_000),
    ],
    ids=["default", "BRNet's size", "small", "ten minutes", "large"],
)
def test_nothing_outside_the_limits_is_drawn(limits: Limits) -> None:
    candidates = drawn(Joint(FAST, BRNET, limits), 400)
    counts = [candidate.architecture.parameter_count() for candidate in candidates]
    assert limits.low <= min(counts)
    assert max(counts) <= limits.most
    assert len(set(candidates)) == len(candidates)
    assert min(counts) < 1.1 * limits.low
    if limits.seconds is None:
        assert max(counts) > 0.95 * limits.most
        return
    seconds = [COST.seconds(count, c.recipe, ROWS) for count, c in zip(counts, candidates, strict=True)]
    assert 0.9 * limits.seconds < max(seconds) <= limits.seconds


def test_draws_are_of_every_kind() -> None:
    candidates = drawn(Joint(FAST, BRNET), 300)
    networks = [candidate.architecture for candidate in candidates]
    branches = {branch for network in networks for b in network.branchings for branch in b.distribution}
    assert any(parts_of(branch)[1] for branch in branches), "nested"
    assert {len(network.groups) for network in networks} == set(range(1, 7))
    assert max(len(network.branchings) for network in networks) >= 4
    for field, names in (
        ("join", get_args(Join)),
        ("skip", get_args(Skip)),
        ("activation", get_args(Activation)),
        ("normalisation", get_args(Normalisation)),
    ):
        assert {getattr(network, field) for network in networks} == set(names)
    assert {network.inputs.numeric for network in networks} == {"none", "piecewise", "periodic"}
    assert {(n.inputs.fractions, bool(n.inputs.embedding), n.inputs.descriptors) for n in networks} == {
        (f, e, d) for f in (True, False) for e in (True, False) for d in (True, False) if f or e or d
    }
    assert {network.inputs.ranks for network in networks} == {0, 3, 4, 5}
    assert {candidate.recipe.optimiser for candidate in candidates} == {"adamw", "muon", "schedule_free"}
    assert FAST in {candidate.recipe for candidate in candidates}


@pytest.mark.parametrize("recipe", [FAST, PAPER, MUON], ids=["fast", "paper", "muon"])
def test_the_first_points_are_the_best_found_by_muon_and_the_published_by_the_recipe_given(recipe: Recipe) -> None:
    base = BRNET.with_output(1, "regression", floor=0.0)
    space = Joint(recipe, base, Limits(most=6_000_000))
    firsts = [space.suggest(optuna.trial.FixedTrial(point)) for point in space.first_points()]
    kept = ("epochs", "patience", "loss", "precision", "standardise", "train_part")
    by_muon = replace(MUON, **{name: getattr(recipe, name) for name in kept})
    expected = [(network, by_muon) for network in EQUAL_LAYERS]
    expected += [(network, recipe) for network in (*PUBLISHED.values(), FOUR_BRANCHES)]
    assert firsts == [Candidate(replace(network, floor=0.0), way) for network, way in expected]


@pytest.mark.parametrize(
    "limits",
    [Limits(), Limits(most=200_000), Limits(5_000_000, 20_000_000), Limits(None, 10**7, 150.0, COST, ROWS)],
    ids=["BRNet's size", "small", "large", "time"],
)
@pytest.mark.parametrize("classes", [1, 10])
def test_first_points_outside_the_limits_are_scaled_into_them(classes: int, limits: Limits) -> None:
    space = Joint(FAST, BRNET.with_output(classes, "regression" if classes == 1 else "classification"), limits)
    firsts = [space.suggest(optuna.trial.FixedTrial(point)) for point in space.first_points()]
    ours, published = list(EQUAL_LAYERS), [*PUBLISHED.values(), FOUR_BRANCHES]
    by_muon = sum(candidate.recipe.optimiser == "muon" for candidate in firsts)
    expected = (ours if by_muon else []) + (published if len(firsts) > by_muon else [])
    assert len(firsts) == len(expected) > 0
    for (network, recipe), like in zip(((c.architecture, c.recipe) for c in firsts), expected, strict=True):
        assert limits.low <= network.parameter_count() <= limits.high(recipe)
        assert [group.layers for group in network.groups] == [group.layers for group in like.groups]
        assert (network.branchings, network.skip, network.inputs) == (like.branchings, like.skip, like.inputs)
        if limits.low <= like.parameter_count() <= limits.high(recipe) and classes == 1:
            assert network == like
    assert len(set(firsts)) == len(firsts)


def test_optimisers_and_batch_sizes_that_are_too_slow_are_not_offered() -> None:
    """A large batch spends its time on rows; a small one on steps, where Muon's products come on top."""
    space = Joint(FAST, BRNET, Limits(None, 10_000_000, 600.0, COST, ROWS))
    sizes: dict[str, set[int]] = {"adamw": set(), "muon": set()}
    for candidate in drawn(space, 300):
        if candidate.recipe != FAST and candidate.recipe.optimiser in sizes:
            sizes[candidate.recipe.optimiser].add(candidate.recipe.batch_size)
    assert min(sizes["muon"]) > min(sizes["adamw"])


def test_rows_that_are_no_compositions_are_taken_as_they_are() -> None:
    base = Architecture(input_width=20)
    candidates = drawn(Joint(FAST, base), 30)
    assert all(not candidate.architecture.inputs.is_composition for candidate in candidates)
    assert Inputs() in {candidate.architecture.inputs for candidate in candidates}
    assert Joint(FAST, base).first_points() == ()


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"most": 100}, "max_parameters=100 is too few for space=joint"),
        ({"least": 4_500_000}, "too narrow a band"),
        ({"seconds": 1e-3, "cost": COST, "rows": ROWS}, r"max_seconds=0\.001 is too short for 72 epochs"),
    ],
)
def test_limits_that_leave_no_room_are_refused(limits: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Joint(FAST, BRNET, Limits(**limits))  # type: ignore[arg-type]


def test_a_band_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="is no band"):
        Limits(5_000_000, 4_000_000)


def test_the_largest_network_of_a_recipe_is_within_its_own_limit() -> None:
    limits = Limits(None, 10_000_000, 600.0, COST, ROWS)
    space = Joint(FAST, BRNET, limits)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(60):
        study.enqueue_trial({"size": 1.0})
        candidate = space.suggest(study.ask())
        assert candidate.architecture.parameter_count() <= limits.high(candidate.recipe)
