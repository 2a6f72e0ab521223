"""The ranking as a table: on a terminal, or in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow
from rich.console import Console
from rich.table import Table
from rich.text import Text

from search.inference.table_writer import open_output
from search.labels import with_unit
from search.report.wording import plain
from search.screening.outcome import Screening
from search.screening.ranking import Ranked

WIDTH_OF_A_FILE = 160
DIGITS = 6
"""Significant ones of every number written."""

FIELDS = ("formula", "value", "lower", "upper", "uncertainty", "above_hull", "competitors", "warning")
"""The columns of a file behind `rank`: those of predictions, the energy above the hull, and what lies on it."""

TEXTS = ("formula", "competitors", "warning")


def fields_of(screening: Screening) -> tuple[str, ...]:
    """The columns there are: without a hull two fewer."""
    hull = ("above_hull", "competitors")
    return tuple(name for name in FIELDS if screening.by_stability or name not in hull)


def write_table(screening: Screening, path: Path) -> None:
    """Write the ranking as CSV or Parquet. Raises UserError where the file cannot be written."""
    names = fields_of(screening)
    schema = pyarrow.schema(
        [("rank", pyarrow.int64())]
        + [(name, pyarrow.string() if name in TEXTS else pyarrow.float64()) for name in names]
    )
    with open_output(path, schema) as sheet:
        columns = [[_written(getattr(row, name)) for row in screening.kept] for name in names]
        sheet.write([list(range(1, len(screening.kept) + 1)), *columns])


def _written(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    return " + ".join(value) if isinstance(value, tuple) else value


def print_table(screening: Screening, rows: Sequence[Ranked], console: Console) -> None:
    """Print the first rows of the ranking."""
    if not console.is_terminal:
        console = Console(width=WIDTH_OF_A_FILE, file=console.file)
    table = Table(box=None, padding=(0, 1))
    table.add_column("rank", justify="right")
    table.add_column("formula", no_wrap=True)
    if screening.by_stability:
        table.add_column(f"above hull ({screening.unit})" if screening.unit else "above hull", justify="right")
    table.add_column(with_unit(screening.target, f"({screening.unit})" if screening.unit else ""), justify="right")
    table.add_column("90 % interval", justify="right", no_wrap=True)
    if screening.by_stability:
        table.add_column("competes with (*: predicted, not known)")
    table.add_column("warning")
    for rank, row in enumerate(rows, start=1):
        cells = [str(rank), row.formula, plain(row.value), f"{plain(row.lower)} to {plain(row.upper)}", row.warning]
        if screening.by_stability:
            cells[2:2] = [f"{row.above_hull:+.3f}"]
            cells[5:5] = [" + ".join(row.competitors)]
        table.add_row(*map(Text, cells))
    console.print(table)
