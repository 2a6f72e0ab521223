"""A table as found in a file: formulas, values as written, and the energies that tell which structure is stable."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from search.data.catalog import nearest
from search.data.commas import read_decimal_commas
from search.data.composition import ELEMENTS
from search.data.csv_text import decode, empty, open_quote, read_lines, separator_of
from search.data.hydrates import INVISIBLE
from search.data.units import name_and_unit
from search.errors import UserError

# Names that tables in the wild give these columns, compared in lower case and without punctuation.
FORMULA_NAMES = ("formula", "composition", "prettyformula", "reducedformula", "formulapretty", "chemicalformula",
                 "formulareduced", "compound", "material", "cleanedformula", "formel", "formule", "zusammensetzung",
                 "verbindung")  # fmt: skip
ENERGY_NAMES = ("formationenergy", "formationenthalpy", "formationenergyperatom", "formationenergyevatom",
                "formationenergyperatomevatom", "formationenergypeatom", "formationenthalpyperatom", "eform", "ef",
                "deltae", "deltah", "hf", "enthalpyofformation")  # fmt: skip

_UNSEEN = str.maketrans("", "", INVISIBLE)

_NO_ENERGY_NAMES = ("Hf", "EF", "E_F")
"""Of hafnium's fraction and of the Fermi energy, whose names come close."""

_PARQUET_MAGIC = b"PAR1"
_MOST_COLUMNS_NAMED = 30


@dataclass(frozen=True)
class Columns:
    """Which columns to read.

    targets: names of the target; the first that is there is taken. formula: found by name if None, or, with
    formula_may_differ, if there is no such column. energy_is_target: the target is the formation energy itself,
    whatever its column's name. classes: the target holds names of classes, in which a comma is no decimal comma.
    """

    targets: tuple[str, ...]
    formula: str | None = None
    energy_is_target: bool = False
    formula_may_differ: bool = False
    classes: bool = False


@dataclass(frozen=True)
class Table:
    """The rows of a file as written; `lines` are their line numbers in it (row numbers, for Parquet).

    energies: formation energies, one a row, where the table has such a column and it is not the target.
    malformed: line number and text of rows that have another number of cells than the header. notes: sentences on what
    was read otherwise than it is written.
    """

    formulas: list[object]
    values: list[object]
    lines: list[int]
    energies: list[object] | None
    target: str
    energy_column: str | None
    target_is_energy: bool
    malformed: list[tuple[int, str]] = field(default_factory=list)
    notes: tuple[str, ...] = ()


def read_table(path: Path, content: bytes, columns: Columns) -> Table:
    """Reads CSV (comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252; decimal points or commas) or Parquet.

    `content` is the file's bytes; `path` is for messages. Raises UserError for a file that is no table, has no rows,
    or lacks a column.
    """
    if not content.strip():
        raise empty(path)
    if content.startswith(_PARQUET_MAGIC):
        return _read_parquet(path, content, columns)
    return _read_csv(path, decode(path, content), columns)


def is_energy_name(column: str) -> bool:
    """Whether a column's name says that it holds formation energies, of an atom where it gives a unit."""
    column = look(column)
    name, unit = name_and_unit(column)
    if _plain(column) in ENERGY_NAMES:
        return column not in _NO_ENERGY_NAMES
    return is_energy_per_atom(unit) and _plain(name) in ENERGY_NAMES and name.strip() not in _NO_ENERGY_NAMES


def is_energy_per_atom(unit: str) -> bool:
    """Whether energies in this unit are comparable between compositions: those of an atom."""
    return re.sub(r"\s+", " ", unit).lower() in ("ev/atom", "mev/atom", "ev per atom", "mev per atom", "ev atom^-1")


def look(name: str) -> str:
    """A column's name so that those which look alike are equal, on one line: NFC, without what cannot be seen, and any
    stretch of white space is a space, be it the line break of a spreadsheet's cell."""
    return " ".join(unicodedata.normalize("NFC", name.translate(_UNSEEN)).split())


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _read_csv(path: Path, text: str, columns: Columns) -> Table:
    separator = separator_of(text)
    lines = read_lines(path, text, separator)
    chosen = _choose(path, lines.header, columns)
    for first, row in lines.long:
        if any("\n" in row[index] or "\r" in row[index] for index in chosen.indices):
            raise open_quote(path, first)
    cells: list[list[object]] = [[row[index] for row in lines.rows] for index in chosen.indices]
    notes = _read_commas(path, chosen, cells, lines.numbers, separator == ";")
    return _table(path, chosen, cells, lines.numbers, lines.malformed, notes)


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
    except (pyarrow.ArrowException, OSError, OverflowError, ValueError) as error:
        raise UserError(f"{path} is no readable Parquet file ({error}): write it again.") from error
    lines = list(range(1, data.num_rows + 1))
    return _table(path, chosen, cells, lines, [], _read_commas(path, chosen, cells, lines, beside_semicolons=False))


def _read_commas(
    path: Path, chosen: _Chosen, cells: list[list[object]], lines: list[int], beside_semicolons: bool
) -> tuple[str, ...]:
    """Puts points for the decimal commas in the chosen columns of numbers, and says where. Raises UserError."""
    notes = []
    for place, name in chosen.numbers.items():
        cells[place], note = read_decimal_commas(path, name, cells[place], lines, beside_semicolons)
        notes.append(note)
    return tuple(filter(None, notes))


@dataclass(frozen=True)
class _Chosen:
    """Places in the header of the columns of formulas, targets and, where there is one, energies; and what they are
    called. numbers: which of these columns hold numbers, and their names."""

    indices: list[int]
    target: str
    energy: str | None
    target_is_energy: bool
    numbers: dict[int, str]


def _choose(path: Path, header: Sequence[str], columns: Columns) -> _Chosen:
    """Which columns hold formula, target and, where there is one, the formation energy."""
    is_elsewhere = columns.formula_may_differ and columns.formula is not None and not _named(columns.formula, header)
    formula = formula_column_of(path, header, None if is_elsewhere else columns.formula)
    target = next((_only(path, header, asked) for asked in columns.targets if _named(asked, header)), None)
    if target is None:
        raise UserError(f"{path} has no column {columns.targets[0]}: {_valid(columns.targets[0], header)}.")
    target_is_energy = columns.energy_is_target or is_energy_name(target)
    energies = [] if target_is_energy else [name for name in header if is_energy_name(name)]
    energy = _only(path, header, energies[0]) if energies else None
    wanted = [formula, target] if energy is None else [formula, target, energy]
    numbers = {place: look(name) for place, name in enumerate(wanted) if place > (1 if columns.classes else 0)}
    energy = energy and look(energy)
    return _Chosen([header.index(name) for name in wanted], look(target), energy, target_is_energy, numbers)


def _named(asked: str, header: Sequence[str]) -> list[str]:
    """The columns of this name, as the header spells them."""
    return [name for name in header if look(name) == look(asked)]


def _only(path: Path, header: Sequence[str], name: str) -> str:
    """The one column that looks like `name`, as the header spells it. Raises UserError where there are more."""
    first, *others = _named(name, header)
    if others:
        raise UserError(f"{path} has more than one column {look(name)}: rename or remove all but one.")
    return first


def formula_column_of(path: Path, header: Sequence[str], asked: str | None) -> str:
    """The one column asked for, or the one that its name tells to hold formulas. Raises UserError."""
    if asked is not None:
        if not _named(asked, header):
            raise UserError(f"{path} has no column {asked} (formula_column): {_valid(asked, header)}.")
        return _only(path, header, asked)
    for known in FORMULA_NAMES:
        if found := [name for name in header if _plain(name) == known]:
            if len(set(map(look, found))) > 1:
                names = " and ".join(map(look, found))
                raise UserError(f"{path} has several columns of formulas, {names}: name one with formula_column=.")
            return _only(path, header, found[0])
    elements = [name for name in header if name.strip() in ELEMENTS]
    if len(elements) > 1:
        raise UserError(
            f"{path} has no column of formulas but columns of elements ({', '.join(elements[:_MOST_COLUMNS_NAMED])}): "
            "write their amounts, of atoms and not of weight, as formulas in one column, as Fe0.7Ni0.3."
        )
    raise UserError(
        f"{path} has no column that its name tells to hold formulas: name it with formula_column=; "
        f"its columns are {', '.join(map(look, header[:_MOST_COLUMNS_NAMED]))}."
    )


def _valid(asked: str, header: Sequence[str]) -> str:
    return nearest(look(asked), map(look, header), most=_MOST_COLUMNS_NAMED, what="its columns are")


def _table(
    path: Path,
    chosen: _Chosen,
    cells: Sequence[Sequence[object]],
    lines: list[int],
    malformed: list[tuple[int, str]],
    notes: tuple[str, ...] = (),
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
        notes=notes,
    )
