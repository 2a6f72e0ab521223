"""The recipes of the joint space: the one that the search was given, or one that is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, cast

from models.recipe import MUON, Optimiser, Recipe, Schedule

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

GIVEN, DRAWN = "given", "drawn"
BATCH_SIZES = (32, 64, 128, 256, 512, 1024)
OPTIMISERS: tuple[Optimiser, ...] = ("adamw", "muon", "schedule_free")
SCHEDULES: tuple[Schedule, ...] = ("constant", "cosine", "one_cycle")
LEARNING_RATES = (1e-4, 1e-2)
SCHEDULE_FREE_LEARNING_RATES = (3e-4, 3e-2)
"""Its rate is never lowered, and its best ones lie above AdamW's peaks (Defazio et al., 2024)."""
WEIGHT_DECAYS = (1e-4, 1.0)
AVERAGINGS = (0.0, 0.99, 0.998, 0.9995)


def drawn(given: Recipe, optimiser: Optimiser, batch_size: int) -> Recipe:
    """The recipe given with another optimiser and batch size, and nothing that would not go with them."""
    return replace(given, optimiser=optimiser, batch_size=batch_size, schedule="constant", averaging=0.0)


@dataclass(frozen=True)
class RecipeOffer:
    """`given`, and recipes that differ from it in optimiser, rates, schedule, batch size and averaging.

    `has_given` says whether the one given may be taken, `batch_sizes` which sizes each optimiser may.
    """

    given: Recipe
    has_given: bool
    batch_sizes: dict[Optimiser, tuple[int, ...]]

    @classmethod
    def of(cls, given: Recipe, is_quick_enough: Callable[[Recipe], bool]) -> Self:
        """Those that are quick enough, which depends on nothing but optimiser and batch size."""
        sizes = {
            optimiser: tuple(size for size in BATCH_SIZES if is_quick_enough(drawn(given, optimiser, size)))
            for optimiser in OPTIMISERS
        }
        return cls(given, is_quick_enough(given), {optimiser: some for optimiser, some in sizes.items() if some})

    @property
    def ways(self) -> tuple[str, ...]:
        """Where a recipe can come from; nowhere where nothing is quick enough."""
        return ((GIVEN,) if self.has_given else ()) + ((DRAWN,) if self.batch_sizes else ())

    def as_given(self) -> tuple[tuple[Recipe, dict[str, Any]], ...]:
        """The recipe given and its parameters, once, or not at all where it is too slow."""
        return ((self.given, {"recipe": GIVEN}),) if self.has_given else ()

    def muon(self) -> tuple[tuple[Recipe, dict[str, Any]], ...]:
        """The recipe given with what `models.recipe.MUON` has of what is drawn, and its parameters, once; the one given
        where that is Muon's already; not at all where it is too slow.
        """
        if self.given.optimiser == "muon":
            return self.as_given()
        if MUON.batch_size not in self.batch_sizes.get("muon", ()):
            return ()
        fields = {name: getattr(MUON, name) for name in ("weight_decay", "learning_rate", "schedule", "averaging")}
        parameters = {name.replace("_", " "): value for name, value in fields.items()}
        parameters |= {"recipe": DRAWN, "optimiser": "muon", self._batch_size_of("muon"): MUON.batch_size}
        return ((replace(drawn(self.given, "muon", MUON.batch_size), **fields), parameters),)

    def _batch_size_of(self, optimiser: Optimiser) -> str:
        """The parameter's name: Optuna's parameters keep their choices, and Muon's may be fewer."""
        same = self.batch_sizes[optimiser] == self.batch_sizes[next(iter(self.batch_sizes))]
        return "batch size" if same else f"batch size of {optimiser}"

    def suggest(self, trial: BaseTrial) -> Recipe:
        """The recipe at the trial's parameters."""
        if trial.suggest_categorical("recipe", self.ways) == GIVEN:
            return self.given
        optimiser = cast(Optimiser, trial.suggest_categorical("optimiser", tuple(self.batch_sizes)))
        batch_size = trial.suggest_categorical(self._batch_size_of(optimiser), self.batch_sizes[optimiser])
        recipe = replace(
            drawn(self.given, optimiser, batch_size),
            weight_decay=trial.suggest_float("weight decay", *WEIGHT_DECAYS, log=True),
        )
        if optimiser == "schedule_free":
            rate = trial.suggest_float("schedule-free learning rate", *SCHEDULE_FREE_LEARNING_RATES, log=True)
            return replace(recipe, learning_rate=rate)
        return replace(
            recipe,
            learning_rate=trial.suggest_float("learning rate", *LEARNING_RATES, log=True),
            schedule=cast(Schedule, trial.suggest_categorical("schedule", SCHEDULES)),
            averaging=trial.suggest_categorical("averaging", AVERAGINGS),
        )
