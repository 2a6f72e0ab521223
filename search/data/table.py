"""A table as found in a file: formulas, values as written, and the energies that tell which structure is stable."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from search.data.catalog import nearest
from search.data.units import name_and_unit
from search.errors import UserError

# Names that tables in the wild give these columns, compared in lower case and without punctuation.
FORMULA_NAMES = ("formula", "composition", "prettyformula", "reducedformula", "formulapretty", "chemicalformula",
                 "formulareduced", "compound", "material", "cleanedformula")  # fmt: skip
ENERGY_NAMES = ("formationenergy", "formationenthalpy", "formationenergyperatom", "formationenergyevatom",
                "formationenergyperatomevatom", "formationenergypeatom", "formationenthalpyperatom", "eform", "ef",
                "deltae", "deltah", "hf", "enthalpyofformation")  # fmt: skip

_NO_ENERGY_NAMES = ("Hf", "EF", "E_F")
"""Of hafnium's fraction and of the Fermi energy, whose names come close."""

_PARQUET_MAGIC = b"PAR1"
# A quoted cell may hold line breaks, a structure's file among them; one with this many for a formula or a value, or in
# a row of another width than the header, was opened by mistake.
MOST_LINES_IN_A_ROW = 20
_MOST_COLUMNS_NAMED = 30


@dataclass(frozen=True)
class Columns:
    """Which columns to read.

    targets: names of the target; the first that is there is taken. formula: found by name if None, or, with
    formula_may_differ, if there is no such column. energy_is_target: the target is the formation energy itself,
    whatever its column's name.
    """

    targets: tuple[str, ...]
    formula: str | None = None
    energy_is_target: bool = False
    formula_may_differ: bool = False


@dataclass(frozen=True)
class Table:
    """The rows of a file as written; `lines` are their line numbers in it (row numbers, for Parquet).

    energies: formation energies, one a row, where the table has such a column and it is not the target.
    malformed: line number and text of rows that have another number of cells than the header.
    """

    formulas: list[object]
    values: list[object]
    lines: list[int]
    energies: list[object] | None
    target: str
    energy_column: str | None
    target_is_energy: bool
    malformed: list[tuple[int, str]] = field(default_factory=list)


def read_table(path: Path, content: bytes, columns: Columns) -> Table:
    """Reads CSV (comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252; decimal commas beside semicolons) or Parquet.

    `content` is the file's bytes; `path` is for messages. Raises UserError for a file that is no table, has no rows,
    or lacks a column.
    """
    if not content.strip():
        raise _empty(path)
    if content.startswith(_PARQUET_MAGIC):
        return _read_parquet(path, content, columns)
    return _read_csv(path, _decode(path, content), columns)


def is_energy_name(column: str) -> bool:
    """Whether a column's name says that it holds formation energies, of an atom where it gives a unit."""
    name, unit = name_and_unit(column)
    if _plain(column) in ENERGY_NAMES:
        return column.strip() not in _NO_ENERGY_NAMES
    return is_energy_per_atom(unit) and _plain(name) in ENERGY_NAMES and name.strip() not in _NO_ENERGY_NAMES


def is_energy_per_atom(unit: str) -> bool:
    """Whether energies in this unit are comparable between compositions: those of an atom."""
    return re.sub(r"\s+", " ", unit).lower() in ("ev/atom", "mev/atom", "ev per atom", "mev per atom", "ev atom^-1")


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _decode(path: Path, content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\0" in content:
        kind = "an Excel workbook or a zip archive" if content.startswith(b"PK") else "a binary file"
        raise UserError(f"{path} is {kind}, not a table of text: save it as CSV or Parquet.")
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UserError(f"{path} is not text in UTF-8, UTF-16 or Windows-1252: save it as CSV in UTF-8.")


@dataclass
class _Lines:
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    malformed: list[tuple[int, str]] = field(default_factory=list)
    long: list[tuple[int, list[str]]] = field(default_factory=list)
    """Rows that go over many lines, with the first of these."""


def _read_csv(path: Path, text: str, columns: Columns) -> Table:
    separator = separator_of(text)
    lines = _read_lines(path, text, separator)
    chosen = _choose(path, lines.header, columns)
    for first, row in lines.long:
        if any("\n" in row[index] or "\r" in row[index] for index in chosen.indices):
            raise open_quote(path, first)
    cells = [[row[index] for row in lines.rows] for index in chosen.indices]
    if separator == ";":
        cells[1:] = [[cell.replace(",", ".") for cell in column] for column in cells[1:]]
    return _table(path, chosen, cells, lines.numbers, lines.malformed)


def separator_of(text: str) -> str:
    """The separator that the header uses most, outside quotes: the first line that holds more than separators."""
    lines = (found.group() for found in re.finditer(r'(?:"[^"]*"|[^"\r\n]|")+', text))
    header = next((line for line in lines if line.strip(" ,;\t\ufeff")), "")
    bare = re.sub(r'"[^"]*"', "", header)
    return max([",", ";", "\t"], key=bare.count)


def _read_lines(path: Path, text: str, separator: str) -> _Lines:
    csv.field_size_limit(2**31 - 1)  # a cell of any length is a row to reject with its reason, not a crash
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    lines: _Lines | None = None
    line = 0  # where the row before ended
    try:
        for row in reader:
            first, line = line + 1, reader.line_num
            if not any(cell.strip() for cell in row):
                continue
            if lines is None:
                lines = _Lines([name.strip() for name in row])
            elif len(row) == len(lines.header):
                lines.rows.append(row)
                lines.numbers.append(first)
                if line - first >= MOST_LINES_IN_A_ROW:
                    lines.long.append((first, row))
            elif line - first >= MOST_LINES_IN_A_ROW:
                raise open_quote(path, first)
            else:
                lines.malformed.append((first, separator.join(row)))
    except csv.Error as error:
        raise UserError(f"{path}, line {line + 1}: not readable as CSV ({error}); look for stray quotes.") from error
    if lines is None:
        raise _empty(path)
    return lines


def open_quote(path: Path, line: int) -> UserError:
    """What to say of a row that goes over so many lines that a quote must have been left open in it."""
    return UserError(f"{path}, line {line}: a quote is opened here and not closed; close or remove it.")


def _empty(path: Path) -> UserError:
    return UserError(f"{path} is empty: give a table with a header line and at least 3 rows.")


def _read_parquet(path: Path, content: bytes, columns: Columns) -> Table:
    # Here and not at the top: most tables are CSV, and a cached one needs neither.
    import pyarrow  # noqa: PLC0415
    import pyarrow.parquet  # noqa: PLC0415

    try:
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content))
        header = list(file.schema_arrow.names)
        chosen = _choose(path, header, columns)
        names = [header[index] for index in chosen.indices]
        data = file.read(columns=list(dict.fromkeys(names)))
        cells = [data.column(name).to_pylist() for name in names]
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path} is no readable Parquet file ({error}): write it again.") from error
    return _table(path, chosen, cells, list(range(1, data.num_rows + 1)), [])


@dataclass(frozen=True)
class _Chosen:
    indices: list[int]
    target: str
    energy: str | None
    target_is_energy: bool


def _choose(path: Path, header: Sequence[str], columns: Columns) -> _Chosen:
    """Which columns hold formula, target and, where there is one, the formation energy."""
    is_elsewhere = columns.formula_may_differ and columns.formula not in header
    formula = formula_column_of(path, header, None if is_elsewhere else columns.formula)
    target = next((name for name in columns.targets if name in header), None)
    if target is None:
        raise UserError(f"{path} has no column {columns.targets[0]}: {_valid(columns.targets[0], header)}.")
    target_is_energy = columns.energy_is_target or is_energy_name(target)
    energy = None if target_is_energy else next((name for name in header if is_energy_name(name)), None)
    wanted = [formula, target] if energy is None else [formula, target, energy]
    for name in wanted:
        if header.count(name) > 1:
            raise UserError(f"{path} has more than one column {name}: rename or remove all but one.")
    return _Chosen([header.index(name) for name in wanted], target, energy, target_is_energy)


def formula_column_of(path: Path, header: Sequence[str], asked: str | None) -> str:
    """The column asked for, or the one that its name tells to hold formulas. Raises UserError."""
    if asked is not None:
        if asked not in header:
            raise UserError(f"{path} has no column {asked} (formula_column): {_valid(asked, header)}.")
        return asked
    for known in FORMULA_NAMES:
        for name in header:
            if _plain(name) == known:
                return name
    raise UserError(
        f"{path} has no column that its name tells to hold formulas: name it with formula_column=; "
        f"its columns are {', '.join(header[:_MOST_COLUMNS_NAMED])}."
    )


def _valid(asked: str, header: Sequence[str]) -> str:
    return nearest(asked, header, most=_MOST_COLUMNS_NAMED, what="its columns are")


def _table(
    path: Path, chosen: _Chosen, cells: Sequence[Sequence[object]], lines: list[int], malformed: list[tuple[int, str]]
) -> Table:
    if not lines and not malformed:
        raise UserError(f"{path} has a header but no rows: give a table with at least 3 rows.")
    return Table(
        formulas=list(cells[0]),
        values=list(cells[1]),
        lines=lines,
        energies=list(cells[2]) if len(cells) > 2 else None,
        target=chosen.target,
        energy_column=chosen.energy,
        target_is_energy=chosen.target_is_energy,
        malformed=malformed,
    )
