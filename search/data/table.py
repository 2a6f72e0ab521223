"""A table as found in a file: formulas, values as written, and the energies that tell which structure is stable."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from search.data.catalog import nearest
from search.errors import UserError

# Names that tables in the wild give these columns, compared in lower case and without punctuation.
FORMULA_NAMES = ("formula", "composition", "prettyformula", "reducedformula", "formulapretty", "chemicalformula",
                 "formulareduced", "compound", "material", "cleanedformula")  # fmt: skip
ENERGY_NAMES = ("formationenergy", "formationenthalpy", "formationenergyperatom", "formationenergyperatomev",
                "formationenergyperatomevatom", "formationenergyevatom", "formationenergypeatom", "eform", "ef",
                "deltae", "deltah", "hf", "enthalpyofformation")  # fmt: skip

_PARQUET_MAGIC = b"PAR1"
# A quoted cell rarely holds a line break; one that swallows this many lines was opened and never closed.
_MOST_LINES_IN_A_ROW = 20


@dataclass(frozen=True)
class Columns:
    """Which columns to read. formula: found by name if None. targets: names of the target, the first present is
    taken. energy_is_target: the target is the formation energy itself, whatever its column's name."""

    targets: tuple[str, ...]
    formula: str | None = None
    energy_is_target: bool = False


@dataclass(frozen=True)
class Table:
    """The rows of a file as text. `lines` are the rows' line numbers in it (its row numbers, for Parquet).

    energies: formation energies as written, one a row, where the table has such a column and it is not the target.
    malformed: line number and text of rows with another number of cells than the header.
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
        raise UserError(f"{path} is empty: give a table with a header line and at least 3 rows.")
    if content.startswith(_PARQUET_MAGIC):
        return _read_parquet(path, content, columns)
    return _read_csv(path, _decode(path, content), columns)


def is_energy_name(column: str) -> bool:
    """Whether a column's name says that it holds formation energies."""
    return _plain(column) in ENERGY_NAMES


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


def _separator(header: str) -> str:
    """The separator that a header line uses most, outside quotes."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max([",", ";", "\t"], key=bare.count)


def _read_csv(path: Path, text: str, columns: Columns) -> Table:
    csv.field_size_limit(2**31 - 1)  # a cell of any length is a row to reject with its reason, not a crash
    text = text.lstrip("\r\n")
    separator = _separator(text.partition("\n")[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        header = [name.strip() for name in next(reader)]
        rows, lines, malformed = _collect_rows(path, reader, len(header))
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: not readable as CSV ({error}).") from error
    chosen = _choose(path, header, columns)
    cells = [[row[index] for row in rows] for index in chosen.indices]
    if separator == ";":
        cells[1:] = [[cell.replace(",", ".") for cell in column] for column in cells[1:]]
    return _table(path, chosen, cells, lines, malformed)


def _collect_rows(
    path: Path, reader: Iterable[list[str]], width: int
) -> tuple[list[list[str]], list[int], list[tuple[int, str]]]:
    rows: list[list[str]] = []
    lines: list[int] = []
    malformed: list[tuple[int, str]] = []
    previous: int = getattr(reader, "line_num")  # noqa: B009 - csv's reader type has no public name
    for row in reader:
        line: int = getattr(reader, "line_num")  # noqa: B009
        if line - previous > _MOST_LINES_IN_A_ROW:
            raise UserError(f"{path}, line {previous + 1}: a quote is opened here and not closed; close or remove it.")
        if len(row) == width:
            rows.append(row)
            lines.append(previous + 1)
        elif any(cell.strip() for cell in row):
            malformed.append((previous + 1, " | ".join(row)))
        previous = line
    return rows, lines, malformed


def _read_parquet(path: Path, content: bytes, columns: Columns) -> Table:
    # Here and not at the top: most tables are CSV, and a cached one needs neither.
    import pyarrow  # type: ignore[import-untyped]
    import pyarrow.parquet  # type: ignore[import-untyped]

    source = pyarrow.BufferReader(content)
    try:
        file = pyarrow.parquet.ParquetFile(source)
        chosen = _choose(path, list(file.schema_arrow.names), columns)
        names = [file.schema_arrow.names[index] for index in chosen.indices]
        data = file.read(columns=list(dict.fromkeys(names)))
        cells = [data.column(name).to_pylist() for name in names]
    except pyarrow.ArrowException as error:
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
    duplicates = sorted({name for name in header if name and header.count(name) > 1})
    formula = _formula_column(path, header, columns.formula)
    target = next((name for name in columns.targets if name in header), None)
    if target is None:
        raise UserError(f"{path} has no column {columns.targets[0]}: {_columns(columns.targets[0], header)}.")
    wanted = [formula, target]
    target_is_energy = columns.energy_is_target or is_energy_name(target)
    energy = None if target_is_energy else next((name for name in header if is_energy_name(name)), None)
    if energy is not None:
        wanted.append(energy)
    for name in wanted:
        if name in duplicates:
            raise UserError(f"{path} has more than one column {name}: rename or remove all but one.")
    return _Chosen([header.index(name) for name in wanted], target, energy, target_is_energy)


def _formula_column(path: Path, header: Sequence[str], asked: str | None) -> str:
    if asked is not None:
        if asked not in header:
            raise UserError(f"{path} has no column {asked} (formula_column): {_columns(asked, header)}.")
        return asked
    for known, name in itertools.product(FORMULA_NAMES, header):
        if _plain(name) == known:
            return name
    raise UserError(
        f"{path} has no column of formulas that can be told by its name: name it with formula_column=; "
        f"its columns are {_listed(header)}."
    )


def _columns(asked: str, header: Sequence[str]) -> str:
    return nearest(asked, header) if 0 < len(header) <= 30 else nearest(asked, header[:30]) + ", ..."


def _listed(header: Sequence[str]) -> str:
    return ", ".join(header[:30]) + (", ..." if len(header) > 30 else "")


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
