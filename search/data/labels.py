"""Names of classes, as a table's cells spell them, and the numbers that stand for them."""

from __future__ import annotations

import re
from collections.abc import Sequence

# As spreadsheets, pandas and databases write a cell without a value, and no other spelling: `Na` is sodium, `none` a
# kind of magnetic order, `-` a sign. None of the three is a number, so that a column of numbers takes them as missing.
_MISSING = frozenset({"", "NaN", "nan", "NAN", "N/A", "n/a", "NA", "null", "NULL", "#N/A", "<NA>"})
_WHOLE = re.compile(r"(-?[0-9]{1,300})(?:\.0*)?")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


def class_names(cells: Sequence[object]) -> list[str | None]:
    """Each cell's class, None where it has none: of classes only empty cells, NaN and the usual spellings of a missing
    value are missing, letter by letter, because words that mean "no value" in a column of numbers are classes' names.

    1, 1.0 and "1" are one class; `1_0`, `1e1` and `10` are three.
    """
    return [_class_name(cell) for cell in cells]


def _class_name(cell: object) -> str | None:
    text = "" if cell is None else str(cell).strip()
    if text in _MISSING:
        return None
    whole = _WHOLE.fullmatch(text)
    return str(int(whole[1])) if whole else text


def class_order(name: str) -> tuple[bool, float, str]:
    """To sort classes by: numbers by value, then words."""
    if _NUMBER.fullmatch(name):
        return False, float(name), name
    return True, 0.0, name


def alike(classes: Sequence[str]) -> str:
    """A sentence on the classes whose names differ by case alone; "" where there are none."""
    by_case: dict[str, list[str]] = {}
    for name in classes:
        by_case.setdefault(name.casefold(), []).append(name)
    groups = [" and ".join(names) for names in by_case.values() if len(names) > 1]
    if not groups:
        return ""
    return f"classes that differ by case alone are kept apart: {', '.join(groups)}; spell them alike to make them one"
