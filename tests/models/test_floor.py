"""A target with a physical floor: what is validated, kept, loaded and combined never lies below it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.checkpoint import load_network, save_network
from models.data import TrainingData
from models.ensemble import Ensemble
from models.network import build, predict
from models.recipe import FAST
from models.training import TrainingRun

PLAIN = Architecture(groups=(Group(32, 1),))
RECIPE = replace(FAST, epochs=10, batch_size=32, learning_rate=1e-2, precision="float32", averaging=0.0)


@pytest.fixture(scope="module")
def trained(mp_data: TrainingData) -> TrainingRun:
    """Half of the values are cut off at a floor that an unbounded network goes through."""
    cut = replace(mp_data, y_train=np.maximum(mp_data.y_train, -1), y_validation=np.maximum(mp_data.y_validation, -1))
    run = TrainingRun(Candidate(replace(PLAIN, floor=-1.0), RECIPE), cut)
    list(run)
    return run


def test_network_as_kept_loaded_and_combined_stays_above(trained: TrainingRun, tmp_path: Path) -> None:
    x = torch.as_tensor(np.concatenate([trained._x.numpy(), np.eye(86, dtype=np.float32)]))
    network = trained.best_network()
    save_network(tmp_path / "network.npz", network)
    for answer in (
        predict(network, x),
        predict(load_network(tmp_path / "network.npz")[0], x),
        Ensemble([network]).predict(x)[0],
    ):
        assert answer.min() == -1
    network.floor = None
    assert predict(network, x).min() < -1


def test_validated_error_is_that_of_the_answers(trained: TrainingRun) -> None:
    y = trained.objective.location + trained._y_validation * trained.objective.scale
    error = (predict(trained.best_network(), trained._x_validation) - y).abs().mean().item()
    assert trained.state.best_error == pytest.approx(error, rel=1e-5)


def test_only_a_finite_floor_of_a_regression() -> None:
    with pytest.raises(ValueError, match="floor"):
        replace(PLAIN, floor=float("nan"))
    with pytest.raises(ValueError, match="floor"):
        replace(PLAIN, output_width=2, task="classification", floor=0.0)
    assert Architecture.from_json(replace(PLAIN, floor=0.0).to_json()).floor == 0.0


def test_no_answer_in_bfloat16_is_below_the_floor() -> None:
    """-0.3 is no number of bfloat16's: the nearest lies below."""
    network = build(PLAIN).eval()
    network.floor = -0.3
    with torch.no_grad():
        network.output.bias.fill_(-5.0)
        answers = Ensemble([network], bfloat16=True).predict(torch.rand(8, 86))
    assert answers[0].min() >= torch.tensor(-0.3)
