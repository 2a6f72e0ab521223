"""`hyperparameters`: how best to train one given network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast, get_args

from models.architecture import Activation, Architecture
from models.candidate import Candidate
from models.recipe import Loss, Optimiser, Recipe, Schedule
from spaces.space import Space

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

BATCH_SIZES = (32, 64, 128, 256, 512, 1024)
"""From the paper's up."""

SLOPES = (0.01, 0.5)
"""Of LeakyReLU: from torch's default to well above Keras' 0.3."""


@dataclass(frozen=True)
class Range:
    """A range of positive numbers, drawn in the logarithm. `name` is the parameter's in Optuna."""

    name: str
    low: float
    high: float

    def suggest(self, trial: BaseTrial) -> float:
        """The value at the trial's parameter of this name."""
        return trial.suggest_float(self.name, self.low, self.high, log=True)


LEARNING_RATES: dict[Optimiser, Range] = {
    "adam": Range("learning_rate", 1e-5, 1e-2),
    "adamw": Range("learning_rate", 1e-5, 1e-2),
    "sgd": Range("sgd_learning_rate", 1e-3, 1.0),
    "muon": Range("learning_rate", 1e-5, 1e-2),
}
"""Adam's and Muon's steps have the size of the learning rate, SGD's also that of the gradient: they share no range.

Schedule-free AdamW is not among them: it goes against the schedule and the averaging of the recipe given."""

WEIGHT_DECAYS: dict[Optimiser, Range] = {
    "adamw": Range("weight_decay", 1e-4, 1.0),
    "muon": Range("weight_decay", 1e-4, 1.0),
    "sgd": Range("sgd_weight_decay", 1e-7, 1e-3),
}
"""AdamW's and Muon's decay is decoupled from the gradient. Adam's is not, and gets scaled away: it is drawn without."""


FORGETTINGS = Range("one_minus_beta2", 1e-3, 0.1)
"""How much of the mean of squared gradients each step of Adam and AdamW forgets: from torch's default up. Which suits a
property, only trying tells (docs/performance.md)."""


@dataclass(frozen=True)
class Hyperparameters(Space):
    """Optimiser, learning rate, weight decay, beta2, schedule, batch size, loss, activation and its slope for `base`.

    The rest of the network and of the recipe stays as given. Parameters that would change nothing are not drawn: the
    slope of another activation than LeakyReLU, the loss of a classification (always cross-entropy), the beta2 of SGD,
    and that of Muon, where it makes no difference (docs/performance.md) and is the one given.
    """

    name: ClassVar[str] = "hyperparameters"

    recipe: Recipe
    base: Architecture

    def completed(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """With the beta2 of the recipe given, where none was drawn yet."""
        return {FORGETTINGS.name: 1 - self.recipe.beta2, **parameters}

    def suggest(self, trial: BaseTrial) -> Candidate:
        """The candidate at the trial's parameters."""
        return Candidate(self._architecture(trial), self._recipe(trial))

    def _architecture(self, trial: BaseTrial) -> Architecture:
        activation = trial.suggest_categorical("activation", get_args(Activation))
        slope = trial.suggest_float("slope", *SLOPES, log=True) if activation == "leaky_relu" else 0.0
        return replace(self.base, activation=activation, slope=slope)

    def _recipe(self, trial: BaseTrial) -> Recipe:
        optimiser = cast(Optimiser, trial.suggest_categorical("optimiser", tuple(LEARNING_RATES)))
        decay = WEIGHT_DECAYS.get(optimiser)
        recipe = replace(
            self.recipe,
            optimiser=optimiser,
            learning_rate=LEARNING_RATES[optimiser].suggest(trial),
            weight_decay=decay.suggest(trial) if decay else 0.0,
            beta2=self._beta2(trial, optimiser),
            schedule=trial.suggest_categorical("schedule", get_args(Schedule)),
            batch_size=trial.suggest_categorical("batch_size", BATCH_SIZES),
        )
        if self.base.task == "classification":
            return recipe
        loss = trial.suggest_categorical("loss", get_args(Loss))
        return replace(recipe, loss=loss, huber_delta=recipe.huber_delta if loss == "huber" else 1.0)

    def _beta2(self, trial: BaseTrial, optimiser: Optimiser) -> float:
        if optimiser in ("adam", "adamw"):
            return 1 - FORGETTINGS.suggest(trial)
        return Recipe.beta2 if optimiser == "sgd" else self.recipe.beta2
