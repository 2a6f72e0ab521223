"""Commas in a column of numbers: decimal commas, separators of thousands, or a column that does not tell which."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from search.data.report import shorten
from search.errors import UserError

MINUS_SIGNS = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
"""Hyphens, dashes and minus signs that word processors, papers and East Asian keyboards have for a `-`."""
_SIGN = f"[-+{MINUS_SIGNS}]?"
_EXPONENT = rf"(?:[eE]{_SIGN}[0-9]+)?"
_DECIMAL = re.compile(rf"\s*{_SIGN}(?:[0-9]+,[0-9]*|,[0-9]+){_EXPONENT}\s*")
_EITHER = re.compile(rf"\s*{_SIGN}[1-9][0-9]{{0,2}},[0-9]{{3}}\s*")
"""A decimal comma or a thousand: 11,307, and not 0,307."""
_THOUSANDS = re.compile(
    rf"\s*{_SIGN}[0-9]{{1,3}}(?:(?:,[0-9]{{3}}){{2,}}(?:\.[0-9]*)?|(?:,[0-9]{{3}})+\.[0-9]*|(?:\.[0-9]{{3}})+,[0-9]*){_EXPONENT}\s*"
)
"""1,234,567 or 1,234.5 or 1.234,5."""
_EITHER_BY_POINT = re.compile(rf"\s*{_SIGN}[1-9][0-9]{{0,2}}\.[0-9]{{3}}\s*")
"""Beside decimal commas a decimal point or a thousand: 1.234, and not 0.234."""
_WITHOUT_COMMA = re.compile(rf"\s*{_SIGN}(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+){_EXPONENT}\s*")


def read_decimal_commas(
    path: Path, name: str, column: Sequence[object], lines: Sequence[int], beside_semicolons: bool
) -> tuple[list[object], str]:
    """The cells of a column of numbers with points for decimal commas, and a sentence that says so, "" if none was.
    Cells that are no text, of a Parquet file, stay as they are.

    Beside semicolons, where commas are expected to be decimal, a column that shows otherwise raises UserError. Beside
    commas and tabs they are decimal where no comma of the column is anything else, and stay as they are elsewhere.
    A column may be one of thousands where each comma stands before exactly three digits and behind a number of 1 to
    999. Beside semicolons, which go with decimal commas, other numbers without a comma have to be there too. Where
    commas are decimal, points that may all be separators of thousands by the same measure raise UserError.
    """
    cells = [cell if isinstance(cell, str) else "" for cell in column]
    with_comma = [row for row, cell in enumerate(cells) if "," in cell]
    decimal = [row for row in with_comma if _DECIMAL.fullmatch(cells[row])]
    thousands = next((row for row in with_comma if _THOUSANDS.fullmatch(cells[row])), None)
    unclear = _unclear(cells, decimal, beside_semicolons)
    if beside_semicolons and thousands is not None:
        raise UserError(
            f"{path}, line {lines[thousands]}: {shorten(cells[thousands].strip())} in column {name} has "
            "separators of thousands: write the column's numbers without them."
        )
    if beside_semicolons and unclear is not None:
        raise UserError(_either_way(path, name, cells[unclear].strip(), lines[unclear], ","))
    if not decimal or (not beside_semicolons and (unclear is not None or len(decimal) < len(with_comma))):
        return list(column), ""
    with_point = [row for row, cell in enumerate(cells) if "." in cell and _WITHOUT_COMMA.fullmatch(cell)]
    if with_point and all(_EITHER_BY_POINT.fullmatch(cells[row]) for row in with_point):
        raise UserError(_either_way(path, name, cells[with_point[0]].strip(), lines[with_point[0]], "."))
    read = list(column)
    for row in decimal:
        read[row] = cells[row].replace(",", ".")
    first = decimal[0]
    return read, (
        f"commas in column {name} are read as decimal commas, {shorten(cells[first].strip())} in line {lines[first]} "
        f"as {shorten(cells[first].strip().replace(',', '.'))}"
    )


def _unclear(cells: Sequence[str], decimal: Sequence[int], beside_semicolons: bool) -> int | None:
    """The first cell that may hold thousands, where no other tells; None where the column is clear."""
    if not decimal or not all(_EITHER.fullmatch(cells[row]) for row in decimal):
        return None
    return decimal[0] if not beside_semicolons or any(map(_WITHOUT_COMMA.fullmatch, cells)) else None


def _either_way(path: Path, name: str, cell: str, line: int, mark: str) -> str:
    mark_name, other = (
        ("comma", "point for the decimal comma") if mark == "," else ("point", "comma for the decimal point")
    )
    return (
        f"{path}, line {line}: {cell} in column {name} may be {cell.replace(mark, '.')} or {cell.replace(mark, '')}, "
        f"as no {mark_name} of the column tells decimals from thousands: write a {other}, or leave out the separators "
        "of thousands."
    )
