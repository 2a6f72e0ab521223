"""The fields of a dataclass out of JSON, checked by name and kind, so that a mistake is told where it was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from difflib import get_close_matches
from typing import Any


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or isinstance(value, float)


CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "int": ("a whole number", _is_whole),
    "float": ("a number", _is_number),
    "float | None": ("a number or null", lambda value: value is None or _is_number(value)),
    "tuple[float, ...]": (
        "a list of numbers",
        lambda value: isinstance(value, list) and all(map(_is_number, value)),
    ),
    "tuple[Group, ...]": ("a list", lambda value: isinstance(value, list)),
    "tuple[Branching, ...]": ("a list", lambda value: isinstance(value, list)),
    "Distribution": ("a list", lambda value: isinstance(value, list)),
}
"""Annotations, and what JSON has to hold for them; words are checked by the classes, which know them."""


def fields_of(kind: type[Any], found: Any, what: str) -> dict[str, Any]:
    """What JSON holds for an instance of the dataclass `kind`, which messages call `what`.

    Raises ValueError where that is no object, has a field that `kind` has not, lacks one that it needs, or one of
    another kind.
    """
    known = {field.name: field for field in fields(kind)}
    if not isinstance(found, dict):
        raise ValueError(f"{what} is an object with {', '.join(known)}, not {found!r}")
    for name in found:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f", did you mean {close[0]}? It" if close else ": it"
            raise ValueError(f"{what} has no {name!r}{hint} has {', '.join(known)}")
    for name, field in known.items():
        if name not in found:
            if field.default is MISSING and field.default_factory is MISSING:
                raise ValueError(f"{what} needs {name}")
            continue
        words, fits = CHECKS.get(str(field.type), ("", lambda value: True))
        if not fits(found[name]):
            raise ValueError(f"{name} of {what} is {words}, not {found[name]!r}")
    return found
