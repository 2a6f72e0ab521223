"""The parts of a network of the joint space, each drawn by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast, get_args

from models.architecture import ELEMNET_DROPOUT
from models.branching import Branching, Distribution, text_of
from models.inputs import ELEMENTS, Inputs, Numeric

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

GROUPS = 6
LAYERS = 4
RATIOS = (0.25, 1.25)
"""Of a group's width to that of the group before it; the paper's are all a half."""

SAME, OTHER = "as the group before", "other"
PLAIN = "plain"
DISTRIBUTIONS: dict[int, dict[str, Distribution]] = {
    layers: {text_of(distribution): distribution for distribution in distributions}
    for layers, distributions in {
        2: ((1, 1),),
        3: ((2, 1), (1, 1, 1)),
        4: ((3, 1), (2, 2), (2, 1, 1), (1, 1, 1, 1), ((1, (1, 1)), 1)),
    }.items()
}
"""Every way to branch so many layers, nested ones among them."""

SLOPES = (0.01, 0.5)
DROPOUTS = ("none", "even")
DROPOUTS_OF_SIX = (*DROPOUTS, "as in ElemNet")
DROPOUT_RATES = (0.02, 0.4)
SOURCES = (
    "fractions", "elements", "descriptors", "fractions, elements", "fractions, descriptors", "elements, descriptors",
    "fractions, elements, descriptors", "fractions, ranks", "fractions, descriptors, ranks",
)  # fmt: skip
NUMERIC_WIDTHS = (4, 8, 16)
EMBEDDING_WIDTHS = (4, 8, 16, 32)
RANKS = (3, 4, 5)


def draw_layers(trial: BaseTrial, count: int) -> list[int]:
    """Of each group; a single one has two at least, as no one layer has a band's parameters at a sensible width."""
    if count == 1:
        return [trial.suggest_int("single group layers", 2, LAYERS)]
    return [trial.suggest_int(f"group {number} layers", 1, LAYERS) for number in range(1, count + 1)]


def draw_ratio(trial: BaseTrial, number: int) -> float:
    """Of a group's width to that of the group before it."""
    if trial.suggest_categorical(f"group {number} width", (OTHER, SAME)) == SAME:
        return 1.0
    return trial.suggest_float(f"group {number} width ratio", *RATIOS, log=True)


def draw_branchings(trial: BaseTrial, layers: Sequence[int]) -> tuple[Branching, ...]:
    """Of each group of two layers or more; a single one keeps a layer behind another."""
    if len(layers) == 1:
        deep = {name: ways for name, ways in DISTRIBUTIONS[layers[0]].items() if set(ways) != {1}}
        way = trial.suggest_categorical(f"branches of a single group of {layers[0]}", (PLAIN, *deep))
        return (Branching(0, deep[way]),) if way != PLAIN else ()
    found = []
    for number, count in enumerate(layers):
        if count > 1:
            ways = DISTRIBUTIONS[count]
            way = trial.suggest_categorical(f"group {number + 1} branches of {count}", (PLAIN, *ways))
            found += [Branching(number, ways[way])] if way != PLAIN else []
    return tuple(found)


def draw_dropout(trial: BaseTrial, groups: int) -> tuple[float, ...]:
    """After each group; a network of as many groups as ElemNet may have its rates."""
    if groups == len(ELEMNET_DROPOUT):
        way = trial.suggest_categorical("dropout of six groups", DROPOUTS_OF_SIX)
    else:
        way = trial.suggest_categorical("dropout", DROPOUTS)
    if way == "even":
        return (trial.suggest_float("dropout rate", *DROPOUT_RATES, log=True),) * groups
    return ELEMNET_DROPOUT if way != "none" else ()


def draw_inputs(trial: BaseTrial, values: int) -> Inputs:
    """Of a row that is no composition only its own values can be taken."""
    sources = trial.suggest_categorical("sources", SOURCES).split(", ") if values == ELEMENTS else ["fractions"]
    numeric: Numeric = "none"
    if "fractions" in sources:
        numeric = cast(Numeric, trial.suggest_categorical("numeric", get_args(Numeric)))
    embedding = trial.suggest_categorical("embedding width", EMBEDDING_WIDTHS) if "elements" in sources else 0
    return Inputs(
        fractions="fractions" in sources,
        numeric=numeric,
        numeric_width=0 if numeric == "none" else trial.suggest_categorical("numeric width", NUMERIC_WIDTHS),
        embedding=embedding,
        descriptors="descriptors" in sources,
        ranks=trial.suggest_categorical("ranks", RANKS) if "ranks" in sources else 0,
    )


def parameters_of(inputs: Inputs) -> dict[str, Any]:
    """What `draw_inputs` is drawn from, for fractions as they are, with or without descriptors and ranks."""
    others = {"descriptors": inputs.descriptors, "ranks": inputs.ranks}
    point: dict[str, Any] = {"sources": ", ".join(["fractions", *filter(others.get, others)]), "numeric": "none"}
    return point | ({"ranks": inputs.ranks} if inputs.ranks else {})
