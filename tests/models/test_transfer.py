"""Training that begins from another network's weights: what is taken over, what is trained, and what resumes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kinds import curve
from sklearn.linear_model import LinearRegression

from models.architecture import Architecture, Group
from models.branching import Branching
from models.candidate import Candidate
from models.data import TrainingData
from models.network import Network, build
from models.recipe import FAST, Optimiser, Recipe
from models.start import Start
from models.training import TrainingRun
from models.transfer import StartWeights

RECIPE = replace(FAST, epochs=3, precision="float32", learning_rate=3e-3)
PLAIN = Architecture(groups=(Group(32, 2), Group(16, 1)), branchings=(Branching(0, (1, 1)),), skip="layer")
NORMED = replace(PLAIN, skip="none", normalisation="batch")
DROPPED = replace(PLAIN, dropout=(0.3, 0.2))


def trained(architecture: Architecture, data: TrainingData) -> Network:
    run = TrainingRun(Candidate(architecture, RECIPE), data, seed=7)
    for _ in run:
        pass
    return run.best_network()


def finished(candidate: Candidate, data: TrainingData, seed: int = 0) -> TrainingRun:
    run = TrainingRun(candidate, data, seed)
    for _ in run:
        pass
    return run


def backbone(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value for name, value in network.state_dict().items() if not name.startswith("output.")}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("architecture", [PLAIN, NORMED, DROPPED], ids=["plain", "batch norm", "dropout"])
def test_a_frozen_backbone_stays_what_it_was_and_the_head_learns(
    architecture: Architecture, mp_data: TrainingData
) -> None:
    source = trained(architecture, mp_data)
    weights = StartWeights.of("m/1", source)
    # another property, in another unit: what was learnt of the first one helps with it
    y, held_out = (3 * part**2 + 100 for part in (mp_data.y_train, mp_data.y_validation))
    data = replace(mp_data, y_train=y, y_validation=held_out, start=weights)
    frozen = finished(Candidate(architecture, RECIPE, start=replace(weights.start(), frozen=True)), data)
    assert same(backbone(frozen.best_network()), backbone(source))
    assert frozen.state.best_error < np.abs(held_out - np.median(y)).mean()


def test_all_weights_begin_from_the_source(mp_data: TrainingData) -> None:
    weights = StartWeights.of("m/1", trained(PLAIN, mp_data))
    data = replace(mp_data, start=weights)
    candidate = Candidate(PLAIN, RECIPE, start=weights.start())
    run = TrainingRun(candidate, data)
    expected = {name: torch.tensor(array) for name, array in weights.arrays.items()}
    assert same(backbone(run.network), expected)
    run.epoch()
    assert not same(backbone(run.network), expected)


def test_the_output_layer_is_fitted_before_the_first_step(mp_data: TrainingData) -> None:
    """scikit-learn's least squares on the backbone's features, which a small penalty hardly changes."""
    source = trained(PLAIN, mp_data)
    weights = StartWeights.of("m/1", source)
    run = TrainingRun(Candidate(PLAIN, RECIPE, start=weights.start()), replace(mp_data, start=weights))
    x = torch.from_numpy(mp_data.x_train)
    with torch.no_grad():
        features = source.groups(x).numpy()
        found = run.network.eval()(x)[:, 0].numpy() * run.objective.scale.item() + run.objective.location.item()
    expected = LinearRegression().fit(features, mp_data.y_train).predict(features)
    assert np.abs(found - expected).mean() < 0.05 * mp_data.y_train.std()


def test_classes_begin_with_equal_chances(mp_data: TrainingData) -> None:
    weights = StartWeights.of("m/1", trained(PLAIN, mp_data))
    classes = [(y > -1).astype(np.int64) for y in (mp_data.y_train, mp_data.y_validation)]
    data = replace(mp_data, y_train=classes[0], y_validation=classes[1], start=weights)
    run = TrainingRun(Candidate(PLAIN.with_output(2, "classification"), RECIPE, start=weights.start()), data)
    assert not run.network.output.weight.any()
    assert [epoch.validation_error < np.log(2) for epoch in run] == [True] * 3


def test_it_begins_better_than_from_nothing(mp_data: TrainingData) -> None:
    source = StartWeights.of("m/1", finished(Candidate(PLAIN, replace(RECIPE, epochs=12)), mp_data).best_network())
    few = replace(mp_data, x_train=mp_data.x_train[:200], y_train=mp_data.y_train[:200], start=source)
    for seed in range(3):
        from_nothing, transferred = (
            finished(Candidate(PLAIN, RECIPE, start=start), few, seed).state.best_error
            for start in (None, source.start())
        )
        assert transferred < 0.8 * from_nothing


def test_pace_slows_every_step(mp_data: TrainingData) -> None:
    weights = StartWeights.of("m/1", trained(PLAIN, mp_data))
    data = replace(mp_data, start=weights)
    rates = [
        [epoch.learning_rate for epoch in TrainingRun(Candidate(PLAIN, RECIPE, start=start), data)]
        for start in (weights.start(), replace(weights.start(), pace=0.1))
    ]
    np.testing.assert_allclose(np.array(rates[1]), 0.1 * np.array(rates[0]))


@pytest.mark.parametrize("architecture", [NORMED, DROPPED], ids=["batch norm", "dropout"])
@pytest.mark.parametrize("frozen", [True, False])
def test_a_resumed_run_goes_on_bit_for_bit(
    architecture: Architecture, frozen: bool, mp_data: TrainingData, tmp_path: Path
) -> None:
    weights = StartWeights.of("m/1", trained(architecture, mp_data))
    data = replace(mp_data, start=weights)
    candidate = Candidate(architecture, RECIPE, start=replace(weights.start(), frozen=frozen, pace=0.5))
    whole, cut = finished(candidate, data), TrainingRun(candidate, data)
    cut.epoch()
    cut.save(tmp_path / "training.npz")
    again = TrainingRun(candidate, data)
    again.restore(tmp_path / "training.npz")
    for _ in again:
        pass
    assert again.state.best_error == whole.state.best_error
    assert same(again.best_network().state_dict(), whole.best_network().state_dict())


def test_other_weights_than_the_candidates_are_refused(mp_data: TrainingData) -> None:
    weights = StartWeights.of("m/1", trained(PLAIN, mp_data))
    other = replace(weights, arrays={name: array + 1 for name, array in weights.arrays.items()})
    candidate = Candidate(PLAIN, RECIPE, start=weights.start())
    for data in (mp_data, replace(mp_data, start=other)):
        with pytest.raises(ValueError, match=r"weights of m/1 .* not there"):
            TrainingRun(candidate, data)
    with pytest.raises(ValueError, match="layers of m/1 are not those"):
        TrainingRun(
            replace(candidate, architecture=replace(PLAIN, groups=(Group(33, 2), Group(16, 1)))),
            replace(mp_data, start=weights),
        )
    with pytest.raises(ValueError, match="pace"):
        Start("m/1", "0", pace=0)


def test_a_start_is_part_of_the_candidate() -> None:
    start = Start("m/1", "0123456789abcdef", frozen=True, pace=0.1)
    candidate = Candidate(PLAIN, RECIPE, start=start)
    assert Candidate.from_json(candidate.to_json()) == candidate
    assert str(candidate) == f"{PLAIN} from m/1, backbone frozen at 0.1 of the rate"
    assert "start" not in Candidate(PLAIN, RECIPE).to_json()
    with pytest.raises(ValueError, match="not a start"):
        Start.from_json('{"source": "m/1", "warm": true}')


def test_pace_slows_a_plateau_too(few_rows: TrainingData) -> None:
    weights = StartWeights.of("m/1", build(PLAIN))
    recipe = replace(RECIPE, schedule="plateau", epochs=1)
    candidate = Candidate(PLAIN, recipe, start=replace(weights.start(), pace=0.1))
    epoch = TrainingRun(candidate, replace(few_rows, start=weights)).epoch()
    assert epoch.learning_rate == pytest.approx(0.1 * RECIPE.learning_rate)


def test_a_frozen_backbone_trains_its_head_without_dropout(few_rows: TrainingData) -> None:
    weights = StartWeights.of("m/1", build(PLAIN, 5))  # which dropout has no part in
    data = replace(few_rows, start=weights)
    start = replace(weights.start(), frozen=True)
    plain, dropped = (
        curve(list(TrainingRun(Candidate(architecture, RECIPE, start=start), data)))
        for architecture in (PLAIN, DROPPED)
    )
    assert plain == dropped


def test_a_frozen_backbone_trains_its_head_on_the_statistics_that_it_has(few_rows: TrainingData) -> None:
    weights = StartWeights.of("m/1", build(NORMED, 5))
    candidate = Candidate(NORMED, RECIPE, start=replace(weights.start(), frozen=True))
    run = TrainingRun(candidate, replace(few_rows, start=weights))
    for _ in run.training_steps():
        pass
    assert same({name: torch.tensor(array) for name, array in weights.arrays.items()}, run.network.state_dict())


@pytest.mark.parametrize("optimiser", ["adam", "sgd", "muon", "schedule_free"])
def test_the_head_alone_is_trained_by_every_optimiser(optimiser: Optimiser, few_rows: TrainingData) -> None:
    weights = StartWeights.of("m/1", build(PLAIN, 5))
    recipe = Recipe(optimiser=optimiser, learning_rate=1e-3, epochs=2)
    start = replace(weights.start(), frozen=True)
    run = TrainingRun(Candidate(PLAIN, recipe, start=start), replace(few_rows, start=weights))
    head = run.network.output.weight.detach().clone()
    list(run)
    state = run.network.state_dict()
    assert same({name: torch.tensor(array) for name, array in weights.arrays.items()}, state)
    assert not torch.equal(state["output.weight"], head)


def test_weights_of_fewer_layers_are_refused(few_rows: TrainingData) -> None:
    weights = StartWeights.of("m/1", build(PLAIN))
    deeper = replace(PLAIN, groups=(Group(32, 2), Group(16, 2)))
    with pytest.raises(ValueError, match="layers of m/1 are not those"):
        TrainingRun(Candidate(deeper, RECIPE, start=weights.start()), replace(few_rows, start=weights))
