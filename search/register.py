"""The command that puts a search's network into use: `python -m search.register run=latest`."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from search.arguments import TABLE, read_arguments, run_command, usage
from search.errors import UserError
from search.group_settings import Setting
from search.readers import STORE, TEXT, TRUTH, Reader, whole
from search.settings import DEFAULT_URI

COMMAND = "search.register"
DEFAULT_ALIAS = "champion"


def _read_name(text: str) -> str:
    # MLflow, which looks only when all is written, takes no name that could be a folder's, as .. is
    if not re.fullmatch(r"\w[\w. +-]{0,255}", text):
        raise ValueError(text)
    return text


def _read_alias(text: str) -> str:
    # MLflow keeps these words for itself
    if not re.fullmatch(r"[A-Za-z][\w-]{0,254}", text) or text.lower() == "latest" or re.fullmatch(r"[vV]\d+", text):
        raise ValueError(text)
    return text


SETTINGS: Mapping[str, Setting] = {
    "run": Setting(TEXT, "the search: latest, the id of its run in MLflow, its name or its folder"),
    "top": Setting(whole(1, 100), "an ensemble of at most so many models, chosen greedily on validation"),
    "max_parameters": Setting(whole(1), "of the networks of top= together"),
    "ensemble": Setting(TRUTH, "true: the very ensemble that the search chose at its end"),
    "trial": Setting(TEXT, "a trial of your own choice, by the id of its run in MLflow"),
    "name": Setting(
        Reader("a name of up to 256 letters, digits, spaces, and . _ + -, first a letter, digit or _", _read_name),
        "the model's name; dataset and property if left out",
    ),
    "alias": Setting(
        Reader("a word of up to 255 letters, digits, _ and -, other than latest and v1, v2, ...", _read_alias),
        f"what to call this version; {DEFAULT_ALIAS} if left out",
    ),
    "tracking.uri": Setting(STORE, f"where MLflow keeps its runs; {DEFAULT_URI} if left out"),
    **TABLE,
}

HELP = usage(
    COMMAND,
    "put the winner of a search, all its seeds as one model, into MLflow's model registry",
    [
        "python -m search.register run=latest",
        "python -m search.register run=latest ensemble=true",
        "python -m search.register run=latest top=5 max_parameters=5e6",
        "python -m search.register run=latest trial=<run id> name=my-model",
    ],
    SETTINGS,
)


@dataclass(frozen=True)
class Order:
    """What to register: a search's winner, its `trial`, the `ensemble` that it ended with, or the best of at most `top`
    models and `max_parameters` together.
    """

    run: str
    top: int | None
    trial: str | None
    name: str | None
    alias: str
    uri: str
    command: str
    ensemble: bool = False
    max_parameters: int | None = None
    table: Mapping[str, Any] = field(default_factory=dict)


def main(arguments: Sequence[str]) -> int:
    """Register, say what and how to use it; raises UserError."""
    values, _ = read_arguments(arguments, SETTINGS)
    order = order_of(values, arguments)
    # MLflow and torch take seconds to import: a typing error need not wait for them.
    return int(import_module("search.inference.registration").register_and_tell(order))


def order_of(values: Mapping[str, Any], arguments: Sequence[str]) -> Order:
    """The order that the arguments' values make. Raises UserError where they contradict each other."""
    if "run" not in values:
        raise UserError("which search? Say run=latest, or run=<id of its run in MLflow>.")
    if sum([values.get("ensemble", False), "top" in values, "trial" in values]) > 1:
        raise UserError("top= and ensemble= let validation choose and trial= is your own choice: give one of them.")
    if "max_parameters" in values and "top" not in values:
        raise UserError("max_parameters= limits the ensemble that top= chooses: add top=5.")
    return Order(
        run=values["run"],
        top=values.get("top"),
        trial=values.get("trial"),
        name=values.get("name"),
        alias=values.get("alias", DEFAULT_ALIAS),
        uri=values.get("tracking.uri", DEFAULT_URI),
        command=shlex.join(["python", "-m", COMMAND, *arguments]),
        ensemble=values.get("ensemble", False),
        max_parameters=values.get("max_parameters"),
        table={name: values[name] for name in TABLE if name in values},
    )


if __name__ == "__main__":
    sys.exit(run_command(COMMAND, main, HELP))
