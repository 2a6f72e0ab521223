"""One training run: a generator of epochs that can be stopped anywhere and goes on bit for bit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models import checkpoint
from models.averaging import AveragedWeights, copy_into, copy_of
from models.candidate import Candidate
from models.data import TrainingData
from models.memory import keep_freed_memory
from models.network import Network, build, predict
from models.objective import Objective
from models.optimiser import Plateau, learning_rate_at, make_optimiser
from models.precision import computes_in_bfloat16
from models.recipe import rows_in
from models.run import Epoch, NonFiniteLossError, Run, RunState
from models.schedule_free import ScheduleFree, ScheduleFreeWeights
from models.stepping import EagerSteps, GraphedSteps, Parts, Steps, batch_bounds
from models.transfer import begin, fit_output


class TrainingRun(Run):
    """Trains one candidate from one seed; iterate over it for its epochs. `state` says how it stands.

    The seed sets first weights, order of rows and dropout, each by a generator of its own. `clock` counts seconds;
    `x` is `data.x_on(device)` where several runs share it.
    Raises ValueError where data and architecture do not fit, NonFiniteLossError from the iteration.
    """

    def __init__(
        self,
        candidate: Candidate,
        data: TrainingData,
        seed: int = 0,
        device: str = "cpu",
        clock: Callable[[], float] = time.perf_counter,
        x: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        self.candidate, self.seed, self.device = candidate, seed, torch.device(device)
        self.recipe, self.clock = candidate.recipe, clock
        self._check(candidate, data)
        x_train, self._x_validation = x or data.x_on(self.device)
        data = data.part(self.recipe.train_part)
        self._x = x_train[: len(data.x_train)]
        keep_freed_memory()
        self._shuffling = torch.Generator().manual_seed(seed)
        self._dropping = torch.Generator(self.device).manual_seed(seed)
        network = build(candidate.architecture, seed)
        network.fit_encoding(data.x_train)
        self.network = begin(network, candidate.start, data.start).to(self.device)
        self.network.draw_dropout_from(self._dropping)
        self.objective = Objective(candidate.architecture, self.recipe, data.y_train, self.device)
        self._y = self.objective.targets(data.y_train, self.device)
        self._y_validation = self.objective.targets(data.y_validation, self.device)
        if candidate.start is not None:
            fit_output(self.network, self._x, self._y)
        self._optimiser = make_optimiser(self.network, self.recipe)
        self._plateau = Plateau(self.recipe)
        self._averaged = self._make_average()
        self._best = copy_of(self.network)
        batch_norm = candidate.architecture.normalisation == "batch"
        self.batches = batch_bounds(len(self._x), self.recipe.batch_size, batch_norm)
        self._bfloat16 = computes_in_bfloat16(self.recipe.precision, self.device)
        self._steps = self._make_steps()
        self.steps_taken = 0
        self.state = RunState()

    def _make_average(self) -> AveragedWeights | None:
        """The average of the weights that is validated in their place, where the recipe has one."""
        if isinstance(self._optimiser, ScheduleFree):
            return ScheduleFreeWeights(self.network, self._optimiser)
        return AveragedWeights(self.network, self.recipe.averaging) if self.recipe.averaging else None

    def _make_steps(self) -> Steps:
        parts = Parts(
            self.network,
            self.objective,
            self._optimiser,
            self._averaged,
            self._x,
            self._y,
            self.batches,
            self._bfloat16,
        )
        return GraphedSteps(parts, [self._dropping]) if self.device.type == "cuda" else EagerSteps(parts)

    @staticmethod
    def _check(candidate: Candidate, data: TrainingData) -> None:
        if not len(data.x_train) or not len(data.x_validation):
            raise ValueError("training needs rows to train on and rows to validate on")
        if data.x_train.shape[1] != candidate.architecture.input_width:
            raise ValueError(
                f"rows of {data.x_train.shape[1]} values do not fit an input width of "
                f"{candidate.architecture.input_width}"
            )
        rows = rows_in(candidate.recipe.train_part, len(data.x_train))
        if candidate.architecture.normalisation == "batch" and min(rows, candidate.recipe.batch_size) < 2:
            raise ValueError(
                f"batch norm needs two rows in a batch, not batches of {candidate.recipe.batch_size} of {rows} rows"
            )

    def epoch(self) -> Epoch:
        """Train and validate for one epoch. Raises NonFiniteLossError."""
        steps = self.steps_of_epoch()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]

    def steps_of_epoch(self) -> Generator[None, None, Epoch]:
        """An epoch step by step, so that a pack can train others in between; returns what `epoch` does."""
        started = self.clock()
        rate = yield from self.training_steps()
        validation_error = self._validate()
        yield from self._until_done()
        train_error = self._steps.error.item() / len(self._x)
        return self._end_epoch(train_error, validation_error.item(), rate, started)

    def training_steps(self) -> Generator[None, None, float]:
        """Train on every row once; returns the last learning rate."""
        rates = self._rates()
        self._steps.begin_epoch(
            torch.randperm(len(self._x), generator=self._shuffling), rates, self.state.epochs * len(self.batches)
        )
        self.network.train()
        if self.candidate.start is not None and self.candidate.start.frozen:
            self.network.groups.eval()
        for number in range(len(self.batches)):
            self._steps.take(number)
            self.steps_taken += 1
            yield
        return rates[-1]

    def _rates(self) -> list[float]:
        """The learning rate of each step of this epoch."""
        count = len(self.batches)
        pace = self.candidate.start.pace if self.candidate.start is not None else 1.0
        if self.recipe.schedule == "plateau":
            return [pace * self._plateau.rate] * count
        first, steps = self.state.epochs * count, self.recipe.epochs * count
        return [pace * learning_rate_at(self.recipe, first + number, steps) for number in range(count)]

    def _until_done(self) -> Iterator[None]:
        """Yield until a GPU has done what it was given, so that waiting for it keeps nobody else waiting."""
        if self.device.type == "cuda":
            done = torch.cuda.Event()
            done.record()
            while not done.query():
                yield

    def _end_epoch(self, train_error: float, validation_error: float, rate: float, started: float) -> Epoch:
        state = self.state
        if not math.isfinite(train_error) or not math.isfinite(validation_error):
            self.state = state.stopped(f"loss not finite in epoch {state.epochs + 1}")
            raise NonFiniteLossError(self.state.stop_reason)
        epochs, seconds = state.epochs + 1, self.clock() - started
        improved = validation_error < state.best_error
        best_error, best_epoch = (validation_error, epochs) if improved else (state.best_error, state.best_epoch)
        if improved:
            copy_into(self._best, self._validated_state())
        self._plateau.after_epoch(improved)
        reason = "all epochs" if epochs >= self.recipe.epochs else None
        if self.recipe.patience and epochs - best_epoch >= self.recipe.patience:
            reason = "early stopping"
        self.state = RunState(epochs, best_error, best_epoch, state.seconds + seconds, reason)
        return Epoch(epochs, train_error, validation_error, rate, seconds)

    def _validate(self) -> Tensor:
        if self._averaged is None:
            return self._error_on_validation()
        with self._averaged.in_place_of(self.network, self._x):
            return self._error_on_validation()

    def _error_on_validation(self) -> Tensor:
        return self.objective.error(predict(self.network, self._x_validation), self._y_validation)

    def _validated_state(self) -> dict[str, Tensor]:
        return self.network.state_dict() if self._averaged is None else self._averaged.state

    def best_network(self) -> Network:
        """A network on the CPU with the weights of the best epoch; its outputs are in the target's unit."""
        self._settle()
        network = build(self.candidate.architecture)
        network.load_state_dict(self._best)
        self.objective.fold_into(network)
        return network.eval()

    def save(self, path: Path) -> None:
        """Write all that the rest of the run depends on, but for the data."""
        self._settle()
        tensors = {f"network/{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in self._best.items()}
        if self._averaged is not None:
            tensors |= {f"averaged/{name}": value for name, value in self._averaged.state.items()}
        tensors |= {f"optimiser/{name}": value for name, value in self._optimiser.tensors().items()}
        tensors |= {"random/shuffling": self._shuffling.get_state(), "random/dropping": self._dropping.get_state()}
        checkpoint.write(path, tensors, self._facts())

    def _facts(self) -> dict[str, Any]:
        return {
            "candidate": self.candidate.to_json(),
            "seed": self.seed,
            "bfloat16": self._bfloat16,
            "progress": self.state.to_facts(),
            "plateau": {"rate": self._plateau.rate, "epochs_waited": self._plateau.epochs_waited},
        }

    def restore(self, path: Path) -> None:
        """Go on from where `save` was. Raises CheckpointError where the file is broken or another trial's."""
        tensors, facts = checkpoint.read(path)
        if facts.get("candidate") != self.candidate.to_json() or facts.get("seed") != self.seed:
            raise checkpoint.CheckpointError(f"{path} is of another candidate or seed")
        self._settle()
        try:
            self.network.load_state_dict(checkpoint.under("network/", tensors))
            copy_into(self._best, checkpoint.under("best/", tensors))
            if self._averaged is not None:
                copy_into(self._averaged.state, checkpoint.under("averaged/", tensors))
            self._optimiser.restore(checkpoint.under("optimiser/", tensors))
            self._shuffling.set_state(tensors["random/shuffling"])
            self._dropping.set_state(tensors["random/dropping"])
            self.state = RunState.from_facts(facts["progress"])
            self._plateau.rate = facts["plateau"]["rate"]
            self._plateau.epochs_waited = facts["plateau"]["epochs_waited"]
            self._compute_in(bool(facts.get("bfloat16", self._bfloat16)))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise checkpoint.CheckpointError(f"{path} does not fit this trial: {error}") from error
        self._settle()

    def _compute_in(self, bfloat16: bool) -> None:
        """Go on in the precision that the run was begun in, whatever would be faster here."""
        if bfloat16 != self._bfloat16:
            self._bfloat16 = bfloat16
            self._steps = self._make_steps()

    def _settle(self) -> None:
        """Wait for the GPU: what it was given on this run's stream is not ordered with what others launch."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def close(self) -> None:
        """Give back what is held of the device beside the tensors."""
        self._steps.release()
