"""Tables of any length, a chunk of rows at a time: CSV and Parquet in, the same columns and more out."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow
import pyarrow.parquet

from search.data.csv_text import MOST_LINES_IN_A_ROW, is_separator_line, is_utf16, open_quote, separator_of
from search.data.table import formula_column_of
from search.errors import UserError

ROWS_AT_ONCE = 16_384
LONGEST_CELL = 1_000_000
"""Characters; a longer one is a quote that was opened and not closed."""

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Chunk:
    """Some rows: their columns as in the file, their formulas, and by row number why a row is none."""

    columns: list[list[Any]]
    formulas: list[Any]
    faults: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InputTable:
    """A file to read once. `rows` is their number, for a CSV file at most (it counts lines); `schema` is Parquet's."""

    path: Path
    names: list[str]
    formula_column: str
    rows: int
    encoding: str = ""
    separator: str = ""
    schema: Any = None

    def chunks(self) -> Iterator[Chunk]:
        """The rows in their order. Raises UserError where the file cannot be read on."""
        return self._parquet_chunks() if self.schema is not None else self._csv_chunks()

    def _csv_chunks(self) -> Iterator[Chunk]:
        place, width = self.names.index(self.formula_column), len(self.names)
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as file:
            reader = _reader(file, self.separator)
            try:
                _header(reader, self.separator)
                filled = self._rows(reader, place, width)
                while rows := list(islice(filled, ROWS_AT_ONCE)):
                    wrong = {n: f"{len(row)} cells, not {width}" for n, row in enumerate(rows) if len(row) != width}
                    for number in wrong:
                        rows[number] = (rows[number] + [""] * width)[:width]
                    columns = [list(column) for column in zip(*rows, strict=True)]
                    yield Chunk(columns, columns[place], wrong)
            except csv.Error as error:
                raise _unreadable(self.path, reader.line_num, error) from error

    def _rows(self, reader: Any, place: int, width: int) -> Iterator[list[str]]:
        """Raises UserError, as in training, where a formula goes over many lines or a row of another width does."""
        line = reader.line_num
        for row in reader:
            first, line = line + 1, reader.line_num
            is_long = line - first >= MOST_LINES_IN_A_ROW
            if is_long and (len(row) != width or "\n" in row[place] or "\r" in row[place]):
                raise open_quote(self.path, first)
            if _is_row(row, width):
                yield row

    def _parquet_chunks(self) -> Iterator[Chunk]:
        place = self.names.index(self.formula_column)
        try:
            with pyarrow.parquet.ParquetFile(self.path) as file:
                for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
                    columns = [self._cells(*column) for column in zip(self.names, batch.columns, strict=True)]
                    yield Chunk(columns, columns[place])
        except (pyarrow.ArrowException, OSError) as error:
            raise UserError(f"{self.path} cannot be read on as Parquet: {error}") from error

    def _cells(self, name: str, column: Any) -> list[Any]:
        """Raises UserError for what Python cannot hold: a date after the year 9999, letters that are no UTF-8."""
        try:
            return list(column.to_pylist())
        except (OverflowError, ValueError) as error:
            raise UserError(
                f"{self.path} has a cell in column {name} that cannot be read ({error}): mend or remove the column."
            ) from error


def open_input(path: Path, formula_column: str | None) -> InputTable:
    """A table with its column of formulas, found by name if None. Raises UserError for what is no such table."""
    try:
        if not path.stat().st_size:
            raise UserError(f"{path} is empty: give a table with a header line.")
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1"
        return _open_parquet(path, formula_column) if is_parquet else _open_csv(path, formula_column)
    except OSError as error:
        raise UserError(f"input={path} cannot be read: {error.strerror or error}.") from error


def _open_parquet(path: Path, asked: str | None) -> InputTable:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names, rows, schema = list(file.schema_arrow.names), file.metadata.num_rows, file.schema_arrow
    except pyarrow.ArrowException as error:
        raise UserError(f"{path} is no readable Parquet file ({error}): write it again.") from error
    return InputTable(path, names, formula_column_of(path, names, asked), rows, schema=schema)


def _open_csv(path: Path, asked: str | None) -> InputTable:
    encoding, lines = _encoding_and_lines(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        separator = separator_of(file.read(LONGEST_CELL))
        file.seek(0)
        reader = _reader(file, separator)
        try:
            names = [name.strip() for name in _header(reader, separator)]
        except csv.Error as error:
            raise _unreadable(path, reader.line_num, error) from error
    if not names:
        raise UserError(f"{path} holds nothing but blank lines: give a table with a header line.")
    formula_column = formula_column_of(path, names, asked)
    return InputTable(path, names, formula_column, max(lines - 1, 0), encoding, separator)


def _reader(file: IO[str], separator: str) -> Any:
    """As `search.data.table` reads what is trained on."""
    csv.field_size_limit(LONGEST_CELL)
    return csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)


def _header(rows: Iterable[list[str]], separator: str) -> list[str]:
    """The first row with anything in it, or the one after Excel's `sep=;`; none of a file of blank lines."""
    filled = (row for row in rows if any(cell.strip() for cell in row))
    first = next(filled, [])
    return next(filled, []) if is_separator_line(first, separator) else first


def _is_row(row: list[str], width: int) -> bool:
    """Whether it is one to answer: blank ones are not, but for an empty cell in a table that has no other column."""
    return any(cell.strip() for cell in row) or (bool(row) and width == 1)


def _unreadable(path: Path, line: int, error: csv.Error) -> UserError:
    return UserError(f"{path}, line {line}: not readable as CSV ({error}); look for stray quotes.")


def _encoding_and_lines(path: Path) -> tuple[str, int]:
    """UTF-8, UTF-16 (by its mark), or else Windows-1252; and how many lines there are."""
    decoder, lines, last, is_utf8 = codecs.getincrementaldecoder("utf-8")(), 0, b"\n", True
    with path.open("rb") as file:
        first = file.read(_BLOCK)
        if is_utf16(path, first):
            return "utf-16", first.count(b"\n")
        block = first
        while block:
            lines, last = lines + block.count(b"\n"), block[-1:]
            following = file.read(_BLOCK)
            try:
                decoder.decode(block, final=not following)  # a letter that is cut off by the end is no UTF-8
            except UnicodeDecodeError:
                is_utf8 = False
            block = following
    return "utf-8-sig" if is_utf8 else "cp1252", lines + (last != b"\n")
