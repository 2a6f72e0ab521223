"""Tables written a chunk of rows at a time, whole or not at all."""

from __future__ import annotations

import csv
import math
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow
import pyarrow.parquet

from search.errors import UserError
from search.whole_file import whole_file

SUFFIXES = (".csv", ".parquet")
_LONE_RETURN = re.compile(r"\r(?!\n)")


class Sheet(Protocol):
    """Where the rows of a table go, chunk by chunk."""

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        """Add rows, given as columns of one length."""


class CsvSheet:
    """Comma-separated values in UTF-8; no value and NaN are empty cells."""

    def __init__(self, file: Any, names: Sequence[str]) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(names)

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        texts = [[_cell(value) for value in column] for column in columns]
        self._writer.writerows(zip(*texts, strict=True))


class ParquetSheet:
    """Parquet; `schema` fixes the columns' types, NaN is null."""

    def __init__(self, writer: pyarrow.parquet.ParquetWriter, schema: pyarrow.Schema) -> None:
        self._writer, self._schema = writer, schema

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        arrays = [
            pyarrow.array(column, kind.type, from_pandas=True)
            for column, kind in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema))


@contextmanager
def open_output(path: Path | None, schema: pyarrow.Schema) -> Iterator[Sheet]:
    """A sheet in a file that appears, under its name, only when all is written; CSV on the standard output if None.

    `schema` names the columns, and types them for Parquet. Raises UserError where the file cannot be written.
    """
    if path is None:
        yield CsvSheet(sys.stdout, schema.names)
        return
    check_output(path)
    with whole_file(path, "output") as partial, _sheet(path, partial, schema) as sheet:
        yield sheet


def check_output(path: Path) -> None:
    """Raises UserError for a file that could not be written, before any work is done for it."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"output={path} must end in {' or '.join(SUFFIXES)}, which says what to write.")
    if not path.parent.is_dir():
        raise UserError(f"output={path} cannot be written: there is no folder {path.parent}; make it first.")


@contextmanager
def _sheet(path: Path, partial: Path, schema: pyarrow.Schema) -> Iterator[Sheet]:
    if path.suffix.lower() == ".csv":
        with partial.open("w", encoding="utf-8", newline="") as file:
            yield CsvSheet(file, schema.names)
    else:
        with pyarrow.parquet.ParquetWriter(partial, schema) as writer:
            yield ParquetSheet(writer, schema)


def _cell(value: Any) -> str:
    """A value as text: empty for no value. A lone carriage return becomes a line feed, since `csv` leaves it without
    quotes and the row would end there."""
    if isinstance(value, str):
        return _LONE_RETURN.sub("\n", value) if "\r" in value else value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)
