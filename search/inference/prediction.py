"""Answers to questions of compositions: on the terminal for a few, streamed from file to file for many."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from search.inference.classifier import Classifier, ClassPredictions
from search.inference.package import Model
from search.inference.predictor import Predictions
from search.inference.registry import find_model, load_model, open_registry
from search.inference.rows import Chunk, open_input
from search.inference.table_writer import check_output, open_output
from search.predict import Question
from search.progress import duration
from search.report.wording import plain

FORMULA = "formula"
WIDTH_OF_A_FILE = 140
DIGITS = 6
"""Significant ones of every number written; float32 has little more."""


def answer(question: Question) -> int:
    """Predict what is asked; the exit status. Raises UserError, before the model is loaded where that can be."""
    table = open_input(question.table, question.formula_column) if question.table else None
    if question.output is not None:
        check_output(question.output)
    client = open_registry(question.uri)
    model = load_model(client, find_model(client, question.model), question.bfloat16)
    if table is not None:
        schema = table.schema or texts(table.names)
        write(table.chunks(), schema, table.rows, model, question.output)
    elif question.output is not None:
        words = list(question.formulas)
        write(iter([Chunk([words], words)]), texts([FORMULA]), len(words), model, question.output)
    else:
        show(question.formulas, model, Console())
    return 0


def show(formulas: Sequence[str], model: Model, console: Console) -> None:
    """Print a table of a few formulas."""
    if not console.is_terminal:
        console = Console(width=WIDTH_OF_A_FILE, file=console.file)
    target = str(model.about.get("target", "value"))
    if isinstance(model, Classifier):
        classes = model.predict(formulas)
        headings, rows, warning = (target, "probability", "90 % set"), class_cells(classes), classes.warning
    else:
        values = model.predict(formulas)
        unit = f" ({model.about['unit']})" if model.about.get("unit") else ""
        headings, rows, warning = (f"{target}{unit}", "90 % interval", "uncertainty"), cells(values), values.warning
    table = Table(box=None, padding=(0, 1))
    table.add_column("formula", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("warning")
    for formula, row, text in zip(formulas, rows, warning, strict=True):
        table.add_row(Text(formula), *map(Text, row), Text(text))
    console.print(table)


def cells(answers: Predictions) -> list[tuple[str, str, str]]:
    """Value, interval and uncertainty of each row as text."""
    numbers = zip(answers.value, answers.lower, answers.upper, answers.uncertainty, strict=True)
    return [
        ("", "", "") if math.isnan(value) else (plain(value), f"{plain(lower)} to {plain(upper)}", plain(expected))
        for value, lower, upper, expected in numbers
    ]


def class_cells(answers: ClassPredictions) -> list[tuple[str, str, str]]:
    """Class, its probability and the prediction set of each row as text."""
    return [
        ("", "", "") if math.isnan(probability) else (name, f"{probability:.3f}", names)
        for name, probability, names in zip(answers.chosen, answers.probability, answers.sets, strict=True)
    ]


def texts(names: Sequence[str]) -> pyarrow.Schema:
    """Columns of text."""
    return pyarrow.schema([(name, pyarrow.string()) for name in names])


def write(chunks: Iterable[Chunk], schema: pyarrow.Schema, rows: int, model: Model, output: Path | None) -> None:
    """Copy a table of about so many rows with the predictions beside its columns, a chunk at a time, in order."""
    console, started = Console(stderr=True), time.perf_counter()
    done = valueless = warned = 0
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("compositions"), TimeRemainingColumn())
    with (
        open_output(output, with_predictions(schema, model)) as sheet,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("", total=rows)
        for chunk in chunks:
            answers = predict_chunk(model, chunk)
            sheet.write([*chunk.columns, *written(answers, model)])
            done += len(answers)
            empty = int(np.isnan(answers.first).sum())
            valueless, warned = valueless + empty, warned + sum(map(bool, answers.warning)) - empty
            progress.update(task, completed=done)
    seconds = time.perf_counter() - started
    console.print(
        f"{done:,} compositions in {duration(seconds)}: {valueless:,} without a value (its warning says why) and "
        f"{warned:,} others with a warning; predicted is {what_is_predicted(model)}"
        + (f"; wrote {output}" if output else ""),
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def what_is_predicted(model: Model) -> str:
    """`formation_energy in eV/atom`: what the columns of a file do not say."""
    target, unit = str(model.about.get("target", "value")), str(model.about.get("unit") or "")
    return f"{target} in {unit}" if unit else target


def predict_chunk(model: Model, chunk: Chunk) -> Predictions | ClassPredictions:
    """Predictions of a chunk; a row at fault has none, and says why."""
    formulas = [None if row in chunk.faults else formula for row, formula in enumerate(chunk.formulas)]
    answers = model.predict(formulas if chunk.faults else chunk.formulas)
    for row, fault in chunk.faults.items():
        answers.warning[row] = fault
    return answers


def with_predictions(schema: pyarrow.Schema, model: Model) -> pyarrow.Schema:
    """The table's columns and those of predictions; where the table has one of the name, ours gets a number."""
    taken = set(schema.names)
    kinds = {str: pyarrow.string(), float: pyarrow.float64()}
    for name, kind in model.columns.items():
        free = next(n for n in [name, *(f"{name}_{k}" for k in range(2, len(taken) + 3))] if n not in taken)
        schema = schema.append(pyarrow.field(free, kinds[kind]))
    return schema


def written(answers: Predictions | ClassPredictions, model: Model) -> list[list[Any]]:
    """The columns of predictions as they are written."""
    return [
        [float(f"{value:.{DIGITS}g}") for value in column] if model.columns[name] is float else column
        for name, column in answers.columns().items()
    ]
