"""The command that asks a registered model: `python -m search.predict model=<name> NaCl Fe2O3`, or of a whole table."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from search.arguments import read_arguments, run_command, usage
from search.errors import UserError
from search.group_settings import Setting
from search.readers import STORE, TEXT, one_of
from search.settings import DEFAULT_URI

COMMAND = "search.predict"

SETTINGS: Mapping[str, Setting] = {
    "model": Setting(TEXT, "a registered model: <name>, <name>@<alias>, <name>/<version>; the champion if bare"),
    "input": Setting(TEXT, "a table with a column of formulas, CSV or Parquet"),
    "formula_column": Setting(TEXT, "the column of formulas; found by its name if left out"),
    "output": Setting(TEXT, "the file to write, .csv or .parquet; if left out, the table is printed"),
    "precision": Setting(
        one_of(("float32", "bfloat16")), "of the networks' products; bfloat16 is faster and a little rougher"
    ),
    "tracking.uri": Setting(STORE, f"where MLflow keeps its models; {DEFAULT_URI} if left out"),
}

HELP = usage(
    COMMAND,
    "ask a registered model for the value of compositions, with 90 % intervals and warnings",
    [
        "python -m search.predict model=mp-formation_energy NaCl Fe2O3",
        "python -m search.predict model=mp-formation_energy input=my.csv output=predicted.csv",
    ],
    SETTINGS,
)


@dataclass(frozen=True)
class Question:
    """What to ask which model: formulas, or else a table; and where the answer goes, the terminal if None."""

    model: str
    formulas: tuple[str, ...]
    table: Path | None
    formula_column: str | None
    output: Path | None
    bfloat16: bool
    uri: str


def main(arguments: Sequence[str]) -> int:
    """Predict, and print or write; raises UserError."""
    values, words = read_arguments(arguments, SETTINGS, takes_words=True)
    question = question_of(values, words)
    try:
        # MLflow and torch take seconds to import: a typing error need not wait for them.
        return int(import_module("search.inference.prediction").answer(question))
    except BrokenPipeError:
        # whoever read the output, `head` for one, has read enough; Python must not complain of it when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def question_of(values: Mapping[str, Any], words: Sequence[str]) -> Question:
    """The question that the arguments make. Raises UserError where something is missing or contradicts."""
    if "model" not in values:
        raise UserError("which model? Say model=<name>; python -m search.register prints the name.")
    if "input" in values and words:
        raise UserError("give formulas, or a table of them with input=, not both.")
    if "input" not in values and not words:
        raise UserError("nothing to predict: give formulas, as in NaCl Fe2O3, or a table of them with input=.")
    if "formula_column" in values and "input" not in values:
        raise UserError("formula_column= names a column of the table that input= gives: add input=.")
    table, output = (Path(values[key]) if key in values else None for key in ("input", "output"))
    if table is not None and output is not None and os.path.realpath(table) == os.path.realpath(output):
        raise UserError(f"output={output} would overwrite the input: choose another file.")
    return Question(
        model=values["model"],
        formulas=tuple(words),
        table=table,
        formula_column=values.get("formula_column"),
        output=output,
        bfloat16=values.get("precision") == "bfloat16",
        uri=values.get("tracking.uri", DEFAULT_URI),
    )


if __name__ == "__main__":
    sys.exit(run_command(COMMAND, main, HELP))
