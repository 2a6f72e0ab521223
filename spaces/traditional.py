"""`traditional` and `automl`: the paper's two baselines (SDM 2022, Table 3) in today's well-kept form, scikit-learn.

The paper compares its networks with a grid search over traditional models and with AutoML (hyperopt-sklearn, 1000
evaluations), and prints the best error of each. Here are a grid over the regressors that scikit-learn's users take
first, and one joint space of family, preprocessing and hyperparameters that Optuna draws from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, ClassVar, cast, get_args

from models.architecture import Architecture
from models.candidate import Candidate
from models.estimator import Estimator, Preprocessing, Value
from models.recipe import Recipe
from spaces.space import Space

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

FAMILIES = (
    "linear", "ridge", "lasso", "elastic_net", "k_neighbours", "support_vector", "decision_tree", "random_forest",
    "extra_trees", "gradient_boosting", "hist_gradient_boosting", "mlp",
)  # fmt: skip

MOST_ROWS: Mapping[str, int] = {"support_vector": 10_000, "gradient_boosting": 100_000}
"""Training rows beyond which a family's fit takes hours: a support vector machine's cost grows with their square, and
exact boosting sorts every column for every tree."""

GRID: Mapping[str, Mapping[str, Sequence[Value]]] = {
    "linear": {},
    "ridge": {"alpha": (0.1, 1.0, 10.0)},
    "lasso": {"alpha": (1e-4, 1e-3)},
    "elastic_net": {"alpha": (1e-4, 1e-3)},
    "k_neighbours": {"n_neighbors": (3, 5, 10)},
    "support_vector": {"C": (1.0, 10.0)},
    "decision_tree": {"min_samples_leaf": (1, 5)},
    "random_forest": {"max_features": (0.33, 1.0)},
    "extra_trees": {"max_features": (0.33, 1.0)},
    "gradient_boosting": {"max_depth": (4, 8)},
    "hist_gradient_boosting": {"max_leaf_nodes": (31, 127)},
    "mlp": {"hidden": ("128", "256,128")},
}
"""The values tried of each family's settings, named as in scikit-learn; `hidden` lists widths of an MLP's layers."""

SCALED = frozenset({"ridge", "lasso", "elastic_net", "support_vector", "mlp"})
"""Families whose penalty or distance takes every input for equally large: the grid standardises it."""


@dataclass(frozen=True)
class _Estimators(Space):
    """What both spaces share: `base` gives input, output, task and floor. Raises ValueError for a classification."""

    name: ClassVar[str]

    recipe: Recipe
    base: Architecture

    def __post_init__(self) -> None:
        if self.base.task != "regression":
            raise ValueError(f"space={self.name} holds regressors: take a space of networks for a classification")

    def _candidate(self, family: str, settings: Mapping[str, Value], preprocessing: Preprocessing) -> Candidate:
        estimator = Estimator.of(family, settings, preprocessing, MOST_ROWS.get(family))
        return Candidate(self.base, self.recipe, estimator)


@dataclass(frozen=True)
class Traditional(_Estimators):
    """Every setting of `GRID`."""

    name: ClassVar[str] = "traditional"

    @property
    def size(self) -> int:
        """How many candidates there are."""
        return sum(1 for _ in self.candidates())

    def candidates(self) -> Iterator[Candidate]:
        """Each estimator once, family by family."""
        for family, values in GRID.items():
            for chosen in product(*values.values()):
                yield self._of_grid(family, dict(zip(values, chosen, strict=True)))

    def suggest(self, trial: BaseTrial) -> Candidate:
        """The candidate at the trial's parameters."""
        family = trial.suggest_categorical("family", tuple(GRID))
        settings = {
            name: trial.suggest_categorical(f"{family} {name}", tuple(values)) for name, values in GRID[family].items()
        }
        return self._of_grid(family, settings)

    def _of_grid(self, family: str, settings: Mapping[str, Value]) -> Candidate:
        return self._candidate(family, settings, "standard" if family in SCALED else "none")


@dataclass(frozen=True)
class AutoML(_Estimators):
    """Family, preprocessing and hyperparameters, drawn together."""

    name: ClassVar[str] = "automl"

    def suggest(self, trial: BaseTrial) -> Candidate:
        """The candidate at the trial's parameters."""
        family = trial.suggest_categorical("family", FAMILIES)
        preprocessing = trial.suggest_categorical("preprocessing", get_args(Preprocessing))
        return self._candidate(family, _drawn(family, trial), cast(Preprocessing, preprocessing))


def _drawn(family: str, trial: BaseTrial) -> dict[str, Value]:
    """A family's settings; each family has parameters of its own, as Optuna's keep their ranges in a study."""

    def real(name: str, low: float, high: float) -> float:
        return trial.suggest_float(f"{family} {name}", low, high, log=True)

    def whole(name: str, low: int, high: int) -> int:
        return trial.suggest_int(f"{family} {name}", low, high, log=True)

    def choice(name: str, names: Sequence[str]) -> str:
        return trial.suggest_categorical(f"{family} {name}", tuple(names))

    def trees() -> dict[str, Value]:
        return {"max_features": real("max_features", 0.1, 1.0), "min_samples_leaf": whole("min_samples_leaf", 1, 20)}

    def boosting() -> dict[str, Value]:
        return {"learning_rate": real("learning_rate", 0.02, 0.3)}

    drawn: dict[str, Value]
    match family:
        case "ridge":
            drawn = {"alpha": real("alpha", 1e-3, 1e3)}
        case "lasso" | "elastic_net":
            drawn = {"alpha": real("alpha", 1e-5, 1e-1)}
        case "k_neighbours":
            drawn = {"n_neighbors": whole("n_neighbors", 1, 30), "weights": choice("weights", ("uniform", "distance"))}
        case "support_vector":
            drawn = {"C": real("C", 0.1, 100.0), "epsilon": real("epsilon", 1e-3, 0.3)}
        case "decision_tree" | "random_forest" | "extra_trees":
            drawn = trees()
        case "gradient_boosting":
            drawn = {**boosting(), "max_depth": whole("max_depth", 3, 10)}
        case "hist_gradient_boosting":
            drawn = {**boosting(), "max_leaf_nodes": whole("max_leaf_nodes", 15, 255)}
        case "mlp":
            drawn = {"hidden": choice("hidden", ("128", "256,128", "512,256,128")), "alpha": real("alpha", 1e-6, 1e-2)}
        case _:
            drawn = {}
    return drawn
