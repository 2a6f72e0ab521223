"""What is measured before a search: time grows with work, and the choice follows the measurement."""

from dataclasses import replace

import pytest
import torch

from models import timing, training
from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.data import TrainingData
from models.recipe import FAST, PAPER
from models.stepping import EagerSteps
from models.timing import measured_cost, members_that_pay, seconds_per_step, threads_that_pay

SMALL = Candidate(Architecture(groups=(Group(16, 1),)), PAPER)


def test_more_work_takes_longer(mp_data: TrainingData) -> None:
    """A thousand times the parameters, and eight members for one: both by far more than a busy machine's noise."""
    large = Candidate(Architecture(groups=(Group(1024, 4),)), PAPER)
    one, eight, much = (
        min(seconds_per_step(candidates, mp_data) for _ in range(3)) for candidates in ([SMALL], [SMALL] * 8, [large])
    )  # others on the machine only add
    assert much > 5 * one
    assert eight > 2 * one


@pytest.mark.parametrize(
    ("gain_of_two", "trials", "expected"),
    [(1.5, None, 1), (1.5, 1, 2), (0.8, 1, 1), (2.5, None, 2)],
    ids=["two trials beat two threads", "one trial has both cores", "threads that slow", "threads that more than pay"],
)
def test_threads_follow_the_measured_rates(
    gain_of_two: float, trials: int | None, expected: int, mp_data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(candidates: list[Candidate], data: TrainingData, device: str = "cpu") -> float:
        return 1.0 if torch.get_num_threads() == 1 else 1 / gain_of_two

    monkeypatch.setattr(timing, "seconds_per_step", measured)
    before = torch.get_num_threads()
    assert threads_that_pay(SMALL, mp_data, cpus=2, trials=trials) == expected
    assert torch.get_num_threads() == before


def test_a_pack_grows_while_it_pays(mp_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of a pack that take as long as one member's up to eight members, and from there in proportion."""
    monkeypatch.setattr(timing, "seconds_per_step", lambda candidates, data, device: max(8, len(candidates)) / 8)
    assert members_that_pay(SMALL, mp_data, "cpu") == 8
    assert members_that_pay(SMALL, mp_data, "cpu", most=4) == 4


def a_second_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that each step of any run moves on by a second, and nothing else."""
    taken = [0]

    class Steps(EagerSteps):
        def take(self, number: int) -> None:
            taken[0] += 1
            super().take(number)

    monkeypatch.setattr(training, "EagerSteps", Steps)
    monkeypatch.setattr("models.timing.time.perf_counter", lambda: taken[0])


@pytest.mark.parametrize("rows", [20, 64, 600])
def test_a_step_is_timed_however_few_an_epoch_has(
    rows: int, mp_data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that each step of one of two members moves on by a second."""
    a_second_a_step(monkeypatch)
    part = TrainingData(mp_data.x_train[:rows], mp_data.y_train[:rows], mp_data.x_validation, mp_data.y_validation)
    assert seconds_per_step([SMALL, SMALL], part) == 2


def test_waiting_for_a_gpu_is_no_step(mp_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs of two steps, after each of which a GPU is waited for: it is asked a thousand times."""
    monkeypatch.setattr(training.TrainingRun, "_until_done", lambda run: iter([None] * 1000))
    a_second_a_step(monkeypatch)
    batch = SMALL.recipe.batch_size
    part = TrainingData(
        mp_data.x_train[: 2 * batch], mp_data.y_train[: 2 * batch], mp_data.x_validation, mp_data.y_validation
    )
    assert seconds_per_step([SMALL], part) == 1


def test_runs_that_diverge_or_end_at_once_are_timed_too(mp_data: TrainingData) -> None:
    diverging = replace(PAPER, optimiser="sgd", loss="mse", learning_rate=1e6)
    few = TrainingData(mp_data.x_train[:64], mp_data.y_train[:64], mp_data.x_validation, mp_data.y_validation)
    for recipe in (diverging, replace(PAPER, epochs=1)):
        assert seconds_per_step([Candidate(SMALL.architecture, recipe)], few) > 0


def test_a_network_that_fails_is_not_timed_for_ever(mp_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(EagerSteps, "take", fail)
    assert seconds_per_step([SMALL], mp_data) > 0


def test_rows_fewer_than_a_batch_are_timed_too(mp_data: TrainingData) -> None:
    few = TrainingData(mp_data.x_train[:20], mp_data.y_train[:20], mp_data.x_validation, mp_data.y_validation)
    assert seconds_per_step([Candidate(SMALL.architecture, replace(PAPER, batch_size=512))], few) > 0


def test_a_steps_cost_foretells_that_of_a_network_between(mp_data: TrainingData) -> None:
    """Within what a busy machine leaves of it; the less of two, because other work only adds time."""
    wide = Candidate(Architecture(groups=(Group(384, 4),)), replace(FAST, batch_size=256))
    cost = measured_cost(SMALL.architecture, mp_data)
    measured = min(seconds_per_step([wide], mp_data) for _ in range(2))
    steps = cost.seconds(wide.architecture.parameter_count(), replace(wide.recipe, epochs=1), (256, 0))
    assert 0.2 < steps / measured < 5
