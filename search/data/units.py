"""The unit in a column's name: `Conductivity (S/cm)` is a Conductivity in S/cm."""

from __future__ import annotations

import re

_BASES = (
    "eV", "J", "cal", "Ha", "Ry", "Hartree", "hartree", "atom", "atoms", "at", "cell", "f.u.", "fu", "formula", "mol",
    "Pa", "bar", "atm", "psi", "K", "degC", "C", "°C", "m", "Å", "A", "Angstrom", "angstrom", "ang", "bohr", "L", "l",
    "g", "u", "amu", "Da", "s", "min", "h", "Hz", "V", "W", "S", "ohm", "Ohm", "Ω", "F", "H", "T", "G", "Oe", "emu",
    "N", "rad", "deg", "°", "%", "wt", "wt%", "at%", "ppm", "ppb", "HV", "muB", "µB", "μB", "uB",
    "states", "lm", "cd",
)  # fmt: skip
_PREFIXES = ("", "f", "p", "n", "u", "µ", "μ", "m", "c", "d", "k", "M", "G", "T", "P")
_KNOWN = frozenset(prefix + base for prefix in _PREFIXES for base in _BASES)
_IN_BRACKETS = re.compile(r"(?P<name>.*\S)\s*(?:\((?P<round>[^()]+)\)|\[(?P<square>[^\[\]]+)\])\s*")
_BETWEEN = re.compile(r"\s*(?:/|\*\*|\^|·|⋅|\*|\bper\b|\s)\s*")
_EXPONENT = re.compile(r"[-+−⁻]?\d*(?:\.\d+)?[⁰¹²³⁴⁵⁶⁷⁸⁹]*$")


def name_and_unit(column: str) -> tuple[str, str]:
    """The name of a column without the unit that it ends with in brackets, and that unit; "" where it has none.

    What else stands in brackets, as in `gap (PBE)`, belongs to the name.
    """
    found = _IN_BRACKETS.fullmatch(column.strip())
    unit = (found["round"] or found["square"]).strip() if found else ""
    return (found["name"], unit) if found and _is_unit(unit) else (column, "")


def _is_unit(text: str) -> bool:
    """Whether all factors are units or numbers: `eV/atom`, `W m^-1 K^-1`, `10^-6 K⁻¹`."""
    factors = [factor for factor in _BETWEEN.split(text) if factor]
    named = [factor for factor in factors if _EXPONENT.fullmatch(factor) is None]
    return bool(named) and all(factor in _KNOWN or _EXPONENT.sub("", factor) in _KNOWN for factor in named)
