"""What a reproduction is told: which table, on what data, how it is trained, and where the pages go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from search.config import SearchConfig
from search.data import DataRequest
from search.errors import UserError
from search.parsing import parse
from search.readers import ADAPTIVE

OWN_KEYS = ("table", "figure", "output", "collect", "components", "train", "test", "trials", "time_budget")
REFUSED = ("space", "property", "path", "hold_out", "test_table", "task", "floor", "budget", "architecture", "name",
           "experiment", "resume", "scheduler")  # fmt: skip
"""Settings of a search that the table itself decides."""

DEFAULT_OUTPUT = "reproduction"
DEFAULT_TRIALS = 50
MOST_TRIALS = 1_000_000
FIGURE_2 = 2


@dataclass(frozen=True)
class Order:
    """table or figure: which of the paper's. words: settings for the searches, as typed. trials, time_budget: of
    AutoML. train, test: table 5 on a user's own files. collect: a file for all pages of the output folder.
    components: whether table 1 also has the grid of 24 networks."""

    table: int | None
    figure: int | None
    output: Path
    words: tuple[str, ...]
    trials: int
    time_budget: str | None
    train: str | None
    test: str | None
    collect: Path | None = None
    components: bool = False

    def config(self, space: str, request: DataRequest | None = None) -> SearchConfig:
        """The settings of a search through a space, on other data than asked for where a request is given.

        Raises UserError.
        """
        words = [f"space={space}", *self._data_words(), *self.words]
        if space in ("traditional", "automl"):
            words = [word for word in words if not word.startswith(("recipe.", "gpus_per_trial=", "seeds="))]
        if space == "automl":
            words += [f"trials={self.trials}"] + ([f"time_budget={self.time_budget}"] if self.time_budget else [])
        config = parse(words)
        return config if request is None else replace(config, data=request)

    def _data_words(self) -> list[str]:
        if self.train is None:
            return []
        words = ["dataset=csv", f"path={self.train}"]
        return words if self.test is None else [*words, f"test_table={self.test}"]


def order_of(arguments: Sequence[str]) -> Order:
    """Raises UserError where the arguments name no table or figure, or say what the table decides."""
    own: dict[str, str] = {}
    words: list[str] = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if equals and key in OWN_KEYS:
            own[key] = value
        elif equals and (key in REFUSED or key.startswith("scheduler.")):
            raise UserError(f"{key}= is decided by the table: leave it out.")
        else:
            words.append(argument)
    if ("table" in own) == ("figure" in own):
        raise UserError("which table of the paper? Say table=1 to table=5, or figure=2.")
    if any(word.startswith(f"seeds={ADAPTIVE}") for word in words):
        raise UserError("every row of a table is trained from the same seeds: say how many, as in seeds=5.")
    order = Order(
        table=_number(own, "table", 5),
        figure=_number(own, "figure", FIGURE_2, least=FIGURE_2),
        output=Path(own.get("output", DEFAULT_OUTPUT)),
        words=tuple(words),
        trials=_number(own, "trials", MOST_TRIALS) or DEFAULT_TRIALS,
        time_budget=own.get("time_budget"),
        train=own.get("train"),
        test=own.get("test"),
        collect=Path(own["collect"]) if own.get("collect") else None,
        components=own.get("components") == "true",
    )
    if (order.train is None) != (order.test is None):
        raise UserError("train= and test= come together: two tables with a column of formulas and target= in each.")
    if own.get("components", "false") not in ("true", "false") or (order.components and order.table != 1):
        raise UserError(f"components={own['components']}: true or false, and with table=1.")
    if order.train is not None and order.table != 5:
        raise UserError("train= and test= belong to table=5.")
    if order.output.is_file():
        raise UserError(f"output={order.output} is a file: name a folder.")
    return order


def _number(own: dict[str, str], key: str, most: int, least: int = 1) -> int | None:
    if key not in own:
        return None
    if not own[key].isdecimal() or not least <= int(own[key]) <= most:
        raise UserError(f"{key}={own[key]} is not a whole number from {least} to {most}.")
    return int(own[key])
