"""Answers to questions of compositions: on the terminal for a few, streamed from file to file for many."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from search.inference.predictor import COLUMNS, Predictions, Predictor
from search.inference.registry import find_model, load_model, open_registry
from search.inference.rows import Chunk, open_input
from search.inference.table_writer import check_output, open_output
from search.predict import Question
from search.progress import duration

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
    predictor = load_model(client, find_model(client, question.model), question.bfloat16)
    if table is not None:
        schema = table.schema or texts(table.names)
        write(table.chunks(), schema, table.rows, predictor, question.output)
    elif question.output is not None:
        words = list(question.formulas)
        write(iter([Chunk([words], words)]), texts([FORMULA]), len(words), predictor, question.output)
    else:
        show(question.formulas, predictor, Console())
    return 0


def show(formulas: Sequence[str], predictor: Predictor, console: Console) -> None:
    """Print a table of a few formulas."""
    if not console.is_terminal:
        console = Console(width=WIDTH_OF_A_FILE, file=console.file)
    about, answers = predictor.about, predictor.predict(formulas)
    unit = f" ({about['unit']})" if about.get("unit") else ""
    table = Table(box=None, padding=(0, 1))
    table.add_column("formula", no_wrap=True)
    for heading in (f"{about.get('target', 'value')}{unit}", "90 % interval", "uncertainty"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("warning")
    for row, formula in enumerate(formulas):
        numbers = ("", "", "")
        if not math.isnan(answers.value[row]):
            interval = f"{answers.lower[row]:.3f} to {answers.upper[row]:.3f}"
            numbers = (f"{answers.value[row]:.3f}", interval, f"{answers.uncertainty[row]:.3f}")
        table.add_row(Text(formula), *numbers, Text(answers.warning[row]))
    console.print(table)


def texts(names: Sequence[str]) -> pyarrow.Schema:
    """Columns of text."""
    return pyarrow.schema([(name, pyarrow.string()) for name in names])


def write(
    chunks: Iterable[Chunk], schema: pyarrow.Schema, rows: int, predictor: Predictor, output: Path | None
) -> None:
    """Copy a table of about so many rows with the predictions beside its columns, a chunk at a time, in order."""
    console, started = Console(stderr=True), time.perf_counter()
    done = valueless = warned = 0
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("compositions"), TimeRemainingColumn())
    with (
        open_output(output, with_predictions(schema)) as sheet,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("", total=rows)
        for chunk in chunks:
            answers = predict_chunk(predictor, chunk)
            sheet.write([*chunk.columns, *written(answers)])
            done += len(answers)
            empty = sum(map(math.isnan, answers.value))
            valueless, warned = valueless + empty, warned + sum(map(bool, answers.warning)) - empty
            progress.update(task, completed=done)
    seconds = time.perf_counter() - started
    console.print(
        f"{done:,} compositions in {duration(seconds)}: {valueless:,} without a value and {warned:,} with a warning"
        + (f"; wrote {output}" if output else ""),
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def predict_chunk(predictor: Predictor, chunk: Chunk) -> Predictions:
    """Predictions of a chunk; a row at fault has no value, and says why."""
    formulas = [None if row in chunk.faults else formula for row, formula in enumerate(chunk.formulas)]
    answers = predictor.predict(formulas if chunk.faults else chunk.formulas)
    for row, fault in chunk.faults.items():
        answers.warning[row] = fault
    return answers


def with_predictions(schema: pyarrow.Schema) -> pyarrow.Schema:
    """The table's columns and those of predictions; where the table has one of the name, ours gets a number."""
    taken = set(schema.names)
    for name in COLUMNS:
        free = next(n for n in [name, *(f"{name}_{k}" for k in range(2, len(taken) + 3))] if n not in taken)
        schema = schema.append(pyarrow.field(free, pyarrow.string() if name == "warning" else pyarrow.float64()))
    return schema


def written(answers: Predictions) -> list[list[Any]]:
    """The columns of predictions as they are written."""
    numbers = [[float(f"{value:.{DIGITS}g}") for value in column] for column in list(answers.columns().values())[:-1]]
    return [*numbers, answers.warning]
