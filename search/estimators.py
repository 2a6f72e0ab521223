"""What an `Estimator` is in scikit-learn. A module of its own: scikit-learn takes a second to import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sklearn.base import RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from models.estimator import Estimator, Value

TREES = 100
BOOSTING_ROUNDS = 200
HISTOGRAM_ROUNDS = 500
VARIANCE_KEPT = 0.95


def _mlp(settings: Mapping[str, Any], seed: int) -> MLPRegressor:
    widths = tuple(int(width) for width in settings["hidden"].split(","))
    rest = {name: value for name, value in settings.items() if name != "hidden"}
    return MLPRegressor(hidden_layer_sizes=widths, early_stopping=True, random_state=seed, **rest)


FAMILIES: Mapping[str, Callable[[Mapping[str, Any], int, int], RegressorMixin]] = {
    "linear": lambda settings, seed, threads: LinearRegression(**settings),
    "ridge": lambda settings, seed, threads: Ridge(**settings),
    "lasso": lambda settings, seed, threads: Lasso(random_state=seed, **settings),
    "elastic_net": lambda settings, seed, threads: ElasticNet(random_state=seed, **settings),
    "k_neighbours": lambda settings, seed, threads: KNeighborsRegressor(n_jobs=threads, **settings),
    "support_vector": lambda settings, seed, threads: SVR(cache_size=500, **settings),
    "decision_tree": lambda settings, seed, threads: DecisionTreeRegressor(random_state=seed, **settings),
    "random_forest": lambda settings, seed, threads: RandomForestRegressor(
        TREES, n_jobs=threads, random_state=seed, **settings
    ),
    "extra_trees": lambda settings, seed, threads: ExtraTreesRegressor(
        TREES, n_jobs=threads, random_state=seed, **settings
    ),
    "gradient_boosting": lambda settings, seed, threads: GradientBoostingRegressor(
        n_estimators=BOOSTING_ROUNDS, random_state=seed, **settings
    ),
    "hist_gradient_boosting": lambda settings, seed, threads: HistGradientBoostingRegressor(
        max_iter=HISTOGRAM_ROUNDS, random_state=seed, **settings
    ),
    "mlp": lambda settings, seed, threads: _mlp(settings, seed),
}
"""(settings, seed, threads) -> scikit-learn's estimator, by the family's name."""


def make(estimator: Estimator, seed: int, threads: int) -> TransformedTargetRegressor:
    """scikit-learn's estimator, on a standardised target: a penalty then means the same whatever the unit is."""
    settings: dict[str, Value] = dict(estimator.settings)
    steps = {"none": [], "standard": [StandardScaler()], "pca": [PCA(VARIANCE_KEPT, whiten=True, random_state=seed)]}
    model = FAMILIES[estimator.family](settings, seed, threads)
    return TransformedTargetRegressor(
        make_pipeline(*steps[estimator.preprocessing], model), transformer=StandardScaler()
    )
