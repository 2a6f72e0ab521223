"""The training engine on real compositions: it learns and goes on as it says; test_stopping.py ends it."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kinds import KINDS, QUICK, SMALL, curve

from models import training
from models.candidate import Candidate
from models.checkpoint import CheckpointError
from models.data import TrainingData
from models.network import build, predict
from models.recipe import FAST, PAPER, Recipe, Schedule
from models.stepping import batch_bounds
from models.training import TrainingRun


def test_learns_real_formation_energies(mp_data: TrainingData) -> None:
    run = TrainingRun(Candidate(SMALL, replace(QUICK, epochs=15)), mp_data)
    list(run)
    guess = float(np.abs(mp_data.y_validation - np.median(mp_data.y_train)).mean())
    assert run.state.best_error < 0.5 * guess
    assert run.state.stop_reason == "all epochs"
    assert run.state.epochs == 15


def test_equals_a_plain_pytorch_loop(mp_data: TrainingData) -> None:
    """Against torch's own unfused Adam and indexing, with the same first weights and order of rows."""
    epochs = list(TrainingRun(KINDS["branched"], mp_data, seed=7))
    network = build(SMALL, seed=7)
    order = torch.Generator().manual_seed(7)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3, eps=1e-7)
    x, y = torch.tensor(mp_data.x_train), torch.from_numpy(mp_data.y_train.copy())
    x_validation, y_validation = torch.tensor(mp_data.x_validation), torch.tensor(mp_data.y_validation)
    for epoch in epochs:
        total = 0.0
        for rows in torch.randperm(len(x), generator=order).split(32):
            adam.zero_grad()
            loss = (network(x[rows])[:, 0] - y[rows]).abs().mean()
            loss.backward()
            adam.step()
            total += loss.item() * len(rows)
        error = (predict(network, x_validation)[:, 0] - y_validation).abs().mean().item()
        assert epoch.train_error == pytest.approx(total / len(x), rel=1e-3)
        assert epoch.validation_error == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stop_after", [1, 2])
def test_a_resumed_run_goes_on_bit_for_bit(kind: str, stop_after: int, few_rows: TrainingData, tmp_path: Path) -> None:
    candidate = KINDS[kind]
    undisturbed = TrainingRun(candidate, few_rows, seed=3)
    whole = list(undisturbed)

    interrupted = TrainingRun(candidate, few_rows, seed=3)
    first = [next(iter(interrupted)) for _ in range(stop_after)]
    interrupted.save(tmp_path / "training.npz")
    next(iter(interrupted))  # what is done after the checkpoint is lost
    resumed = TrainingRun(candidate, few_rows, seed=3)
    resumed.restore(tmp_path / "training.npz")
    rest = list(resumed)

    assert curve(first + rest) == curve(whole)
    assert (resumed.state.best_error, resumed.state.best_epoch) == (
        undisturbed.state.best_error,
        undisturbed.state.best_epoch,
    )
    assert resumed.state.stop_reason == undisturbed.state.stop_reason
    ours, theirs = resumed.best_network().state_dict(), undisturbed.best_network().state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_resumed_run_keeps_the_precision_that_it_was_begun_in(
    few_rows: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the process that goes on with it would take the other."""
    candidate = KINDS["fast"]
    for begun, now in ((True, False), (False, True)):
        monkeypatch.setattr(training, "computes_in_bfloat16", lambda precision, device, answer=begun: answer)
        whole = list(TrainingRun(candidate, few_rows, 1))
        run = TrainingRun(candidate, few_rows, 1)
        run.epoch()
        run.save(tmp_path / "training.npz")
        monkeypatch.setattr(training, "computes_in_bfloat16", lambda precision, device, answer=now: answer)
        other = TrainingRun(candidate, few_rows, 1)
        other.restore(tmp_path / "training.npz")
        assert [epoch.validation_error for epoch in other] == [epoch.validation_error for epoch in whole[1:]]


@pytest.mark.parametrize("recipe", [replace(QUICK, standardise=True), replace(FAST, epochs=3)])
def test_errors_and_networks_are_in_the_targets_unit(recipe: Recipe, mp_data: TrainingData) -> None:
    """A target in meV trains as one in eV: a thousand times the error, a thousand times the prediction."""
    x = torch.tensor(mp_data.x_validation)
    in_ev = TrainingRun(Candidate(SMALL, recipe), mp_data)
    in_mev = TrainingRun(
        Candidate(SMALL, recipe),
        replace(mp_data, y_train=mp_data.y_train * 1000, y_validation=mp_data.y_validation * 1000),
    )
    list(in_ev)
    list(in_mev)
    assert in_mev.state.best_error == pytest.approx(1000 * in_ev.state.best_error, rel=0.02)
    outputs = predict(in_mev.best_network(), x)[:, 0]
    error = (outputs - 1000 * torch.tensor(mp_data.y_validation)).abs().mean().item()
    assert error == pytest.approx(in_mev.state.best_error, rel=1e-4)


def test_classifies(mp_data: TrainingData) -> None:
    """Stable by more than 1 eV/atom or not: cross-entropy falls well below a coin's, in nats."""
    train, validation = (mp_data.y_train < -1).astype(np.int64), (mp_data.y_validation < -1).astype(np.int64)
    architecture = SMALL.with_output(2, "classification")
    data = replace(mp_data, y_train=train, y_validation=validation)
    run = TrainingRun(Candidate(architecture, replace(QUICK, epochs=10)), data)
    list(run)
    assert run.state.best_error < 0.8 * math.log(2)
    logits = predict(run.best_network(), torch.tensor(mp_data.x_validation))
    assert (logits.argmax(1).numpy() == validation).mean() > 0.8


def test_several_outputs_are_each_learnt(mp_data: TrainingData) -> None:
    def two(y: np.ndarray) -> np.ndarray:
        return np.stack([y, 50 - 10 * y], axis=1)

    data = replace(mp_data, y_train=two(mp_data.y_train), y_validation=two(mp_data.y_validation))
    candidate = Candidate(SMALL.with_output(2, "regression"), replace(QUICK, epochs=15, standardise=True))
    run = TrainingRun(candidate, data)
    list(run)
    errors = (
        predict(run.best_network(), torch.tensor(data.x_validation)).numpy() - two(mp_data.y_validation)
    ).__abs__()
    guess = np.abs(data.y_validation - np.median(data.y_train, axis=0)).mean(axis=0)
    assert (errors.mean(axis=0) < 0.6 * guess).all()
    assert run.state.best_error == pytest.approx(errors.mean(), rel=1e-4)


def test_seeds_differ_and_repeat(few_rows: TrainingData) -> None:
    candidate = KINDS["dropout, short batches"]
    first, second, other = (curve(list(TrainingRun(candidate, few_rows, seed=seed))) for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_data_that_does_not_fit_is_refused(mp_data: TrainingData) -> None:
    with pytest.raises(ValueError, match="rows of 86 values do not fit an input width of 4"):
        TrainingRun(Candidate(replace(SMALL, input_width=4), QUICK), mp_data)
    with pytest.raises(ValueError, match="1 target values a row do not fit an output width of 2"):
        TrainingRun(Candidate(SMALL.with_output(2, "regression"), QUICK), mp_data)
    with pytest.raises(ValueError, match="classes must be whole numbers from 0 to 1"):
        TrainingRun(Candidate(SMALL.with_output(2, "classification"), QUICK), mp_data)
    with pytest.raises(ValueError, match="rows to train on"):
        TrainingRun(Candidate(SMALL, QUICK), replace(mp_data, x_validation=mp_data.x_validation[:0]))


def test_a_checkpoint_of_another_trial_is_refused(mp_data: TrainingData, tmp_path: Path) -> None:
    TrainingRun(KINDS["branched"], mp_data, seed=1).save(tmp_path / "training.npz")
    with pytest.raises(CheckpointError, match="another candidate or seed"):
        TrainingRun(KINDS["branched"], mp_data, seed=2).restore(tmp_path / "training.npz")
    with pytest.raises(CheckpointError, match="another candidate or seed"):
        TrainingRun(KINDS["dropout, short batches"], mp_data, seed=1).restore(tmp_path / "training.npz")


@pytest.mark.parametrize(
    ("rows", "batch_size", "batch_norm", "sizes"),
    [
        (10, 4, False, [4, 4, 2]),
        (9, 4, False, [4, 4, 1]),
        (9, 4, True, [4, 5]),
        (1, 4, True, [1]),
        (8, 4, True, [4, 4]),
    ],
)
def test_batches_cover_all_rows(rows: int, batch_size: int, batch_norm: bool, sizes: list[int]) -> None:
    bounds = batch_bounds(rows, batch_size, batch_norm)
    assert [last - first for first, last in bounds] == sizes
    assert [row for first, last in bounds for row in range(first, last)] == list(range(rows))


def test_a_part_of_the_training_rows_is_the_first_ones(mp_data: TrainingData) -> None:
    recipe = replace(QUICK, epochs=2, standardise=True)
    few = replace(mp_data, x_train=mp_data.x_train[:300], y_train=mp_data.y_train[:300])
    part = TrainingRun(Candidate(SMALL, replace(recipe, train_part=300 / len(mp_data.x_train))), mp_data, seed=1)
    assert curve(list(part)) == curve(list(TrainingRun(Candidate(SMALL, recipe), few, seed=1)))


def test_paper_recipe_is_the_papers() -> None:
    assert (PAPER.optimiser, PAPER.learning_rate, PAPER.batch_size, PAPER.loss) == ("adam", 1e-4, 32, "mae")
    assert (PAPER.epochs, PAPER.patience, PAPER.schedule, PAPER.averaging) == (3000, 100, "constant", 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_that_is_kept_has_the_error_that_was_validated(kind: str, few_rows: TrainingData) -> None:
    run = TrainingRun(KINDS[kind], few_rows, seed=3)
    list(run)
    outputs = predict(run.best_network(), torch.tensor(few_rows.x_validation))[:, 0]
    error = (outputs - torch.tensor(few_rows.y_validation)).abs().mean().item()
    assert run.state.best_error == pytest.approx(error, rel=1e-4)


def one_cycle(done: float) -> float:
    """To the peak in a tenth of the steps, from a twenty-fifth of it, then down half a cosine to 0."""
    return 0.04 + 0.96 * done / 0.1 if done < 0.1 else 0.5 * (1 + math.cos(math.pi * (done - 0.1) / 0.9))


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_fast_equals_a_plain_pytorch_loop(schedule: Schedule, few_rows: TrainingData) -> None:
    recipe = replace(FAST, epochs=3, batch_size=32, precision="float32", schedule=schedule)
    epochs = list(TrainingRun(Candidate(SMALL, recipe), few_rows, seed=7))
    network, average, order = build(SMALL, seed=7), build(SMALL, seed=7), torch.Generator().manual_seed(7)
    parameters = list(network.parameters())
    adamw = torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 0.05},
            {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
        ],
        eps=1e-7,
    )
    x, y = torch.tensor(few_rows.x_train), torch.tensor(few_rows.y_train, dtype=torch.float64)
    mean, deviation = y.mean(), y.std(correction=0)
    targets, step, steps = ((y - mean) / deviation).float(), 0, 3 * math.ceil(len(x) / 32)
    for epoch in epochs:
        for rows in torch.randperm(len(x), generator=order).split(32):
            done = step / steps
            rate = 1e-3 * (one_cycle(done) if schedule == "one_cycle" else 0.5 * (1 + math.cos(math.pi * done)))
            for group in adamw.param_groups:
                group["lr"] = rate
            adamw.zero_grad()
            torch.autograd.backward((network(x[rows])[:, 0] - targets[rows]).abs().mean())
            adamw.step()
            step += 1
            with torch.no_grad():
                for kept, now in zip(average.parameters(), network.parameters(), strict=True):
                    kept.lerp_(now, 1 - min(0.998, (1 + step) / (10 + step)))
        answers = predict(average, torch.tensor(few_rows.x_validation))[:, 0] * deviation + mean
        error = (answers - torch.tensor(few_rows.y_validation)).abs().mean().item()
        assert epoch.learning_rate == pytest.approx(rate)
        assert epoch.validation_error == pytest.approx(error, rel=1e-3)


def test_a_resumed_plateau_has_waited_as_long(few_rows: TrainingData, tmp_path: Path) -> None:
    candidate = Candidate(SMALL, Recipe(schedule="plateau", patience=20))
    run, again = (TrainingRun(candidate, few_rows) for _ in range(2))
    run._plateau.rate, run._plateau.epochs_waited = 1e-6, 7
    run.save(tmp_path / "t.npz")
    again.restore(tmp_path / "t.npz")
    assert (again._plateau.rate, again._plateau.epochs_waited) == (1e-6, 7)


@pytest.mark.parametrize("changes", [{"batch_size": 1}, {"train_part": 0.001}])
def test_batch_norm_of_a_single_row_is_refused(changes: dict[str, Any], few_rows: TrainingData) -> None:
    candidate = KINDS["batch norm, other rate"]
    with pytest.raises(ValueError, match="batch norm needs two rows in a batch"):
        TrainingRun(replace(candidate, recipe=replace(candidate.recipe, **changes)), few_rows)
