"""The unit in a column's name: `Conductivity (S/cm)` is a Conductivity in S/cm."""

from __future__ import annotations

import re

_PREFIXED = (
    "eV", "J", "cal", "Ha", "Pa", "bar", "K", "mol", "V", "W", "Hz", "ohm", "Ohm", "Ω", "F", "T", "emu", "m", "g", "s",
    "S", "N", "A", "L", "C",
)  # fmt: skip
_PREFIXES = ("f", "p", "n", "u", "µ", "μ", "m", "c", "k", "M", "G", "T")
_PLAIN = (
    *_PREFIXED, "Ry", "Hartree", "hartree", "atom", "atoms", "cell", "f.u.", "fu", "formula", "psi", "degC", "°C", "Å",
    "Angstrom", "angstrom", "ang", "bohr", "Da", "amu", "Oe", "rad", "deg", "°", "%", "wt%", "at%", "ppm", "ppb", "HV",
    "muB", "µB", "μB", "uB", "states", "min", "h",
)  # fmt: skip
_OTHERWISE = frozenset({"GS", "Mg", "MS", "TS", "Pm", "Tm", "Cm", "fm", "As", "TC", "MC", "mA", "GA", "TA", "MA", "pA"})
"""What prefixes and units spell that is read as something else first: elements, the ground state, names of columns."""
_KNOWN = frozenset([*_PLAIN, *(prefix + unit for prefix in _PREFIXES for unit in _PREFIXED)]) - _OTHERWISE
_ONLY_BESIDE_OTHERS = frozenset(
    {"min", "h", "C", "A", "F", "T", "N", "S", "L", "g", "m", "s", "formula", "cell", "atom", "atoms"}
)
"""One letter, or a word, in brackets is more often a label: `gap (min)`, `entropy (S)`."""
_IN_BRACKETS = re.compile(r"(?P<name>.*\S)\s*(?:\((?P<round>[^()]+)\)|\[(?P<square>[^\[\]]+)\])\s*")
_BETWEEN = re.compile(r"\s*(?:/|\*\*|\^|·|⋅|\*|\bper\b|\s)\s*")
_SCALE = re.compile(r"1\s*/|10\s*(?:\^|\*\*|[-+−⁻]|[⁰¹²³⁴⁵⁶⁷⁸⁹])")
_POWER = re.compile(r"(?:1|10(?:[-+−⁻]?\d+|[⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)?|[-+−⁻]?\d{1,2}|[⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_EXPONENT = re.compile(r"[-+−⁻]?(?:\d|[⁰¹²³⁴⁵⁶⁷⁸⁹]+)$")


def name_and_unit(column: str) -> tuple[str, str]:
    """The name of a column without the unit that it ends with in brackets, and that unit; "" where it has none.

    What else stands in brackets, as in `gap (PBE)`, belongs to the name.
    """
    found = _IN_BRACKETS.fullmatch(column.strip())
    unit = (found["round"] or found["square"]).strip() if found else ""
    return (found["name"], unit) if found and _is_unit(unit) else (column, "")


def _is_unit(text: str) -> bool:
    """Whether all factors are units or powers: `eV/atom`, `W m^-1 K^-1`, `10^-6 K⁻¹`, and not `300 K`."""
    factors = [factor for factor in _BETWEEN.split(text) if factor]
    named = [factor for factor in factors if _POWER.fullmatch(factor) is None]
    if not named or (factors[0] not in named and not _SCALE.match(text)):
        return False
    if len(factors) == 1 and named[0] in _ONLY_BESIDE_OTHERS:
        return False
    return all(factor in _KNOWN or _EXPONENT.sub("", factor) in _KNOWN for factor in named)
