"""Formulas as chemists type them: parts joined by a dot (`CuSO4·5H2O`), subscripts, and what cannot be seen."""

from __future__ import annotations

import re

# A zero-width space, joiner or non-joiner, a word joiner, a byte-order mark and a soft hyphen: what copying out of a
# PDF or a web page leaves between the letters; beside them no-break spaces.
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
_TYPED = str.maketrans("₀₁₂₃₄₅₆₇₈₉\u00a0", "0123456789 ", INVISIBLE)

# What fonts and keyboards have for a raised dot, which no amount holds; nor can a full stop before a letter or a
# bracket be a decimal point (`Fe2O3.H2O`).
_BETWEEN_PARTS = re.compile(r"\s*[·\u0387•∙⋅‧●・･*∗]\s*|\.\s*(?=[A-Z(\[{])")
_PART = re.compile(r"\s*(?P<times>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)?\s*(?P<formula>[A-Z(\[{].*)", re.DOTALL)

_SOLVENT = "(?:[HD]2O|NH3)"
# Water or ammonia behind a full stop and a number of molecules, 1 to 99 or with a decimal point of its own
# (`CaSO4.0.5H2O`), where what stands before the stop may be a whole formula. It is none after a 0, since nothing has no
# atom of an element: Na0.5H2O is half a sodium. Nor is a number that begins with 0, or one of three digits, one of
# molecules.
_SOLVATE_BY_FULL_STOP = re.compile(
    r"(?:[A-Za-z)\]}]|(?<![0-9.])0*[1-9][0-9]*)\s*\.\s*(?:[1-9][0-9]?|[0-9]{1,2}\.[0-9]+)\s*"
    rf"(?:{_SOLVENT}|\(\s*{_SOLVENT}\s*\)|\[\s*{_SOLVENT}\s*\]|\{{\s*{_SOLVENT}\s*\}})\s*\Z"
)

# Oxides behind oxides (`Al2O3.2SiO2`), and whatever has the element before the stop once more (`BaO.6Fe2O3`, `KF.2HF`):
# amounts that leave out their 0, as in `Fe.5Ni.5`, name no element twice.
_PARTS_BY_FULL_STOP = re.compile(
    r"O0*[1-9][0-9]*\s*\.\s*[1-9][0-9]?\s*[A-Z][a-z]?[0-9]*O[0-9]*\s*\Z"
    r"|(?P<element>[A-Z][a-z]?)\s*\.\s*[1-9][0-9]?\s*(?=[A-Z(\[{])[^.]*(?P=element)(?![a-z])"
)


def as_typed(formula: str) -> str:
    """The formula without what cannot be seen, its subscripts as digits."""
    return formula.translate(_TYPED).strip()


def is_ambiguous(formula: str) -> bool:
    """Whether a full stop may be a decimal point or stand between parts: `CuSO4.5H2O` is 5 H2O or 4.5 O."""
    return any(joined.search(formula) is not None for joined in (_SOLVATE_BY_FULL_STOP, _PARTS_BY_FULL_STOP))


def parts_of(formula: str) -> list[tuple[float, str]]:
    """How often each part is there, and its formula: `CuSO4·5H2O` is 1 CuSO4 and 5 H2O.

    Only a formula of several parts has numbers before them; [] where one of them is none.
    """
    texts = _BETWEEN_PARTS.split(formula)
    if len(texts) == 1:
        return [(1.0, formula)]
    found = [_PART.fullmatch(text) for text in texts]
    parts = [(float(part["times"] or 1), part["formula"]) for part in found if part is not None]
    return parts if len(parts) == len(texts) else []
